"""Calls moved one by one over the management interface, so many a second, so many at a time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Moves:
    """How moves ended: how many took place, and how often each thing was said of the others. seconds: of all."""

    moved: int
    failed: dict[str, int]
    seconds: float


async def move_all(url: str, calls: Sequence[str], node: str, *, rate: float, in_flight: int) -> Moves:
    """Move calls to a node."""
    places = asyncio.Semaphore(in_flight)
    began = time.monotonic()
    async with aiohttp.ClientSession(timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=in_flight)) as session:
        moving = []
        for number, call in enumerate(calls):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            await places.acquire()
            moving.append(asyncio.create_task(_move(session, url, call, node)))
            moving[-1].add_done_callback(lambda _: places.release())
        failures = Counter(why for why in await asyncio.gather(*moving) if why)
    seconds = time.monotonic() - began
    return Moves(len(calls) - failures.total(), dict(failures), seconds)


async def _move(session: aiohttp.ClientSession, url: str, call: str, node: str) -> str:
    """Move a call to a node, and return what is said against it."""
    params = {"callid": call, "node": node, "reason": "bench"}
    wish = {"jsonrpc": "2.0", "id": 1, "method": "rtp_relay_move", "params": params}
    async with session.post(url, json=wish) as response:
        reply: dict[str, Any] = await response.json()
    if "error" in reply:
        return f"{reply['error']['message']}: {reply['error'].get('data', '')}"
    there = reply["result"]
    return "" if there["status"] == "moved" and there["wanted_node_taken"] else f"{there['status']}, {there}"
