"""Offers, answers and deletes by hand, for a program that knows by itself which SDP is which.

python examples/python/by_hand.py [CONFIGURATION-FILE]
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from rtp_relay import LateEngage, UnknownCall, open_relay

CALL_ID = f"by-hand-{uuid4()}@example.org"


def sdp(port: int) -> bytes:
    """Make the SDP of a party with one audio stream."""
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", f"m=audio {port} RTP/AVP 8"]
    return "".join(f"{line}\r\n" for line in lines).encode()


async def main() -> None:
    """Set a call up, read its state, and end it."""
    async with open_relay(*sys.argv[1:]) as relay:
        call = relay.call(CALL_ID)
        await call.rtp_relay().set(flags="r")
        await call.rtp_relay_peer().set(ip="203.0.113.7", peer="o")
        await call.rtp_relay_ctx.set(from_tag="alice-of-ours")
        print("for the callee:", dict(await call.rtp_relay_peer().get()))

        await call.engage("rtpproxy")
        offered = await call.offer(sdp(4000), from_tag="alice", source="192.0.2.1")
        answered = await call.answer(sdp(5000), from_tag="alice", to_tag="bob", source="192.0.2.2")
        await call.establish(0, from_tag="alice", to_tag="bob")
        print("callee gets:", offered.decode().splitlines()[3])
        print("caller gets:", answered.decode().splitlines()[3])

        try:
            await call.engage("rtpproxy")
        except LateEngage as error:
            print("refused:", error)

        state = await call.state()
        for session in state.sessions.values():
            print(f"session {session.number} is {session.status} on node {session.node} as {session.relay_id}")
        before = await call.state(version=state.version - 1)
        print("before that the established branch was", before.relay and before.relay.established)

        print("live:", [live.call_id async for live in relay.live_calls()])
        reply = await call.delete(from_tag="alice", to_tag="bob")
        print("deleted:", reply[b"result"])
        try:
            await call.answer(sdp(5000), from_tag="alice", to_tag="bob")
        except UnknownCall as error:
            print("refused:", error)


if __name__ == "__main__":
    asyncio.run(main())
