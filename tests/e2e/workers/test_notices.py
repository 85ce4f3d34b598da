"""Relays tell a service with workers of sessions without media: any worker hears it, the call's own one ends it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from actors.flows.media.wording import notice_tag
from events.names import BranchId, CallId
from tests.e2e.stage import Stage, on_stage
from tests.peers.peer import wait_until
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Table

pytestmark = pytest.mark.e2e


async def tell(path: Path, call_id: str) -> None:
    """Tell it as an rtpproxy does."""
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(f"{notice_tag(CallId(call_id), BranchId('b'))}\n".encode())
    writer.close()
    await writer.wait_closed()


async def is_replaced(stage: Stage, before: int) -> None:
    """Wait until a worker has a successor, which need not be at work yet: what one has that dies is lost with it."""

    async def there() -> bool:
        return stage.service.workers().get("control-1/1", before) != before

    await wait_until(there, "it is started again")


async def test_a_notice_comes_to_the_worker_of_its_call_also_when_one_has_died(tmp_path: Path) -> None:
    path = tmp_path / "notices"
    settings: Mapping[str, Table] = {"service": {"workers": 2}, "calls": {"notices": f"unix:{path}"}}
    async with on_stage(Rtpproxy(), settings=settings) as stage:
        calls = [stage.call(f"call-{number}", branch="b") for number in range(6)]
        for call in calls:
            await call.establish(stage.client)
        for number, call in enumerate(calls):
            if number == 3:
                before = stage.service.workers()["control-1/1"]
                os.kill(before, signal.SIGKILL)
                await is_replaced(stage, before)
            await tell(path, call.call_id)

            async def ended(call_id: str = call.call_id) -> bool:
                return (await stage.events(call_id))[-1] == "deleted"

            await wait_until(ended, "the call has ended")
            assert "media timed out" in await stage.events(call.call_id)
        for call in calls[:3]:
            assert len({record.by for record in await stage.service.events(call.call_id)}) == 1
        await stage.nothing_is_left()
    assert not path.exists()
