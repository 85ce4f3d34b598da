"""Watching events: a task that sees what is journalled of every call, while another one makes a call.

python examples/python/watch_events.py [CONFIGURATION-FILE]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from uuid import uuid4

from rtp_relay import Recorded, RelaySystem, facts, open_relay

CALL_ID = f"watched-{uuid4()}@example.org"


def sdp(port: int) -> bytes:
    """Make the SDP of a party with one audio stream."""
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", f"m=audio {port} RTP/AVP 8"]
    return "".join(f"{line}\r\n" for line in lines).encode()


async def watch(events: AsyncIterator[tuple[str, Recorded]]) -> None:
    """Print events until a call's session is gone from its node."""
    async for call_id, record in events:
        print(f"{call_id} {record.version} {record.event.name}: {facts(record.event)}")
        if record.event.name == "deleted":
            return


async def place_call(relay: RelaySystem) -> None:
    """Make a call, and end it."""
    call = relay.call(CALL_ID)
    await call.engage("rtpproxy")
    await call.offer(sdp(4000), from_tag="alice")
    await call.answer(sdp(5000), from_tag="alice", to_tag="bob")
    await call.delete(from_tag="alice", to_tag="bob", reason="Alice hung up")


async def main() -> None:
    """Subscribe before there is something to see."""
    async with open_relay(*sys.argv[1:]) as relay, relay.events() as events:
        watcher = asyncio.create_task(watch(events))
        await place_call(relay)
        await watcher


if __name__ == "__main__":
    asyncio.run(main())
