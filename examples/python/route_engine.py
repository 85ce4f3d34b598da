"""The route engine: functions of this program in place of a relay.

python examples/python/route_engine.py [CONFIGURATION-FILE]
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from rtp_relay import AnswerParameters, DeleteParameters, OfferParameters, Refused, Routes, open_relay

CALL_ID = f"route-{uuid4()}@example.org"


def sdp(port: int) -> bytes:
    """Make the SDP of a party with one audio stream."""
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", f"m=audio {port} RTP/AVP 8"]
    return "".join(f"{line}\r\n" for line in lines).encode()


async def offer(call: OfferParameters) -> tuple[bytes, str]:
    """Return the body for the other side, and the name by which this session is known later."""
    print(f"offer of {call['from_tag']} in set {call['set']}, flags {call.get('flags', 'none')}")
    return call["body"].replace(b"192.0.2.1", b"203.0.113.7"), "my-session-1"


def answer(call: AnswerParameters) -> bytes:
    """Return the body for the other side. It is no `async def`, so it runs in a thread."""
    print(f"answer for {call.get('node')} of {call.get('to_tag')}")
    if b"m=audio 0" in call["body"]:
        raise ValueError("this answer takes no media")
    return call["body"].replace(b"192.0.2.1", b"203.0.113.7")


async def delete(call: DeleteParameters) -> None:
    """End the session."""
    print(f"delete of {call.get('node')}, flags {call.get('delete', 'none')}")


async def main() -> None:
    """Make a call with it."""
    async with open_relay(*sys.argv[1:], routes=Routes(offer=offer, answer=answer, delete=delete)) as relay:
        call = relay.call(CALL_ID)
        await call.rtp_relay().set(flags="my-flag", delete="my-delete-flag")
        await call.engage("route")
        print("callee gets:", (await call.offer(sdp(4000), from_tag="alice")).decode().splitlines()[3])
        try:
            await call.answer(sdp(0), from_tag="alice", to_tag="bob")
        except Refused as error:
            print("refused:", error)
        print("caller gets:", (await call.answer(sdp(5000), from_tag="alice", to_tag="bob")).decode().splitlines()[3])
        await call.delete(from_tag="alice", to_tag="bob")


if __name__ == "__main__":
    asyncio.run(main())
