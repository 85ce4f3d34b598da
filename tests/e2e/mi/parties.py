"""What tests of the management interface need of a service: where it listens, and parties that come along."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.e2e.stage import Stage
from tests.peers.ua import UserAgent


def ready(stage: Stage) -> dict[str, Any]:
    """Return what the service said of itself when it was ready."""
    lines = map(json.loads, filter(None, stage.service.log(lines=1000).splitlines()))
    return next(line for line in lines if line.get("mi"))


@asynccontextmanager
async def coming_along(*agents: UserAgent) -> AsyncIterator[None]:
    """Let parties take each re-INVITE."""

    async def take(agent: UserAgent) -> None:
        while True:
            arrived = await agent.request("INVITE", within=300)
            agent.reply(arrived, 200, sdp=agent.sdp())
            await agent.request("ACK")

    tasks = [asyncio.create_task(take(agent)) for agent in agents]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
