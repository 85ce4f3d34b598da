"""A live call goes to another relay: with the next offer of an application that speaks SIP itself.

python examples/python/move_call.py [CONFIGURATION-FILE]
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from rtp_relay import NotMoved, RelayCall, facts, open_relay

CALL_ID = f"move-{uuid4()}@example.org"


def sdp(port: int, version: int = 1) -> bytes:
    """Make an SDP with an audio stream."""
    lines = ["v=0", f"o=- 1 {version} IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines.append(f"m=audio {port} RTP/AVP 8")
    return "".join(f"{line}\r\n" for line in lines).encode()


async def exchange(call: RelayCall, version: int, to_tag: str = "") -> None:
    """Offer and answer."""
    await call.offer(sdp(4000, version), from_tag="alice", to_tag=to_tag)
    await call.answer(sdp(5000, version), from_tag="alice", to_tag="bob")


async def main() -> None:
    """Make a call, have it moved, offer once more, and end it."""
    async with open_relay(*sys.argv[1:]) as relay:
        call = relay.call(CALL_ID)
        await call.engage("rtpproxy")
        await call.offer(sdp(4000), from_tag="alice")
        try:
            await call.move()
        except NotMoved as error:
            print("not moved:", error)
        await call.answer(sdp(5000), from_tag="alice", to_tag="bob")

        moved = await call.move(reason="repairs")
        print("waits for an offer:", moved.waits)
        await exchange(call, 2, to_tag="bob")

        await call.delete(from_tag="alice", to_tag="bob")
        for record in await call.history():
            if "migration" in record.event.name:
                print(f"{record.event.name}: {facts(record.event)}")


if __name__ == "__main__":
    asyncio.run(main())
