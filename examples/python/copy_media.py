"""A copy of a call's media (media forking): what both parties send goes to a recorder, too.

python examples/python/copy_media.py [CONFIGURATION-FILE]
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from rtp_relay import RelayCall, facts, open_relay

CALL_ID = f"copy-{uuid4()}@example.org"


def sdp(*ports: int) -> bytes:
    """Make an SDP with an audio stream for each port."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 8" for port in ports]
    return "".join(f"{line}\r\n" for line in lines).encode()


async def follow(call: RelayCall, told: asyncio.Event) -> None:
    """Let the recorder know where the copy comes from, whenever its call has moved."""
    async for offered in call.copy_moves("recorder-1"):
        print("the recorder is offered", offered.count(b"m=audio"), "streams of another node")
        await call.copy_answer("recorder-1", sdp(6000, 6002))
        told.set()


async def main() -> None:
    """Make a call, copy it while it moves, and end it."""
    async with open_relay(*sys.argv[1:]) as relay:
        call = relay.call(CALL_ID)
        await call.engage("rtpproxy")
        await call.offer(sdp(4000), from_tag="alice")
        await call.answer(sdp(5000), from_tag="alice", to_tag="bob")

        offered = await call.copy_offer("recorder-1", siprec=True)
        print("the recorder is offered", offered.count(b"m=audio"), "streams")
        await call.copy_answer("recorder-1", sdp(6000, 6002))
        print("copies:", ", ".join((await call.state()).copies))
        told = asyncio.Event()
        following = asyncio.create_task(follow(call, told))

        await call.move(reason="repairs")
        await call.offer(sdp(4000), from_tag="alice", to_tag="bob")
        await call.answer(sdp(5000), from_tag="alice", to_tag="bob")
        await told.wait()

        await call.copy_delete("recorder-1", reason="enough")
        await following

        await call.delete(from_tag="alice", to_tag="bob")
        for record in await call.history():
            if "copy" in record.event.name:
                print(f"{record.event.name}: {facts(record.event)}")


if __name__ == "__main__":
    asyncio.run(main())
