"""A call that rings in two places, with other flags for each; the branch that is not answered is freed at once.

python examples/python/fork.py [CONFIGURATION-FILE]
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from rtp_relay import RelayCall, SipMessage, Tag, branch_name, open_relay

CALL_ID = f"fork-{uuid4()}@example.org"


def sdp(port: int) -> bytes:
    """Make the SDP of a party with one audio stream."""
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", f"m=audio {port} RTP/AVP 8"]
    return "".join(f"{line}\r\n" for line in lines).encode()


async def invite(call: RelayCall, branch: int) -> None:
    """Send the INVITE out on a branch."""
    event = SipMessage("INVITE", True, 1, branch=branch_name(branch), from_tag=Tag("alice"), sdp=sdp(4000))
    seen = await call.see(event)
    lines = (seen.sdp or b"").decode().splitlines()
    print(f"branch {branch} is offered: {lines[1]}, {lines[3]}")


async def reply(call: RelayCall, branch: int, status: int, tag: str, body: bytes | None = None) -> None:
    """Handle a reply on a branch."""
    event = SipMessage(
        "INVITE", False, 1, status=status, branch=branch_name(branch), from_tag=Tag("alice"), to_tag=Tag(tag), sdp=body
    )
    seen = await call.see(event)
    print(f"{status} on branch {branch}: {seen.role}, {seen.change}")


async def show_sessions(call: RelayCall) -> None:
    """Print which sessions of the call there are."""
    state = await call.state()
    print("sessions:", ", ".join(f"{session.branch} {session.status}" for session in state.sessions.values()))


async def main() -> None:
    """Ring at Bob's and at Carol's; Carol answers."""
    async with open_relay(*sys.argv[1:]) as relay:
        call = relay.call(CALL_ID)
        # For all branches: the o= line shall name the relay, too. For Carol's alone: an address that she can reach.
        await call.rtp_relay_peer().set(peer="o")
        await call.rtp_relay(1).set(ip="203.0.113.7")
        await call.engage("rtpproxy")

        await invite(call, 0)
        await invite(call, 1)
        await reply(call, 0, 183, "bob", sdp(5000))
        await show_sessions(call)
        await reply(call, 1, 200, "carol", sdp(6000))
        await show_sessions(call)
        print("carol's:", dict(await call.rtp_relay("carol").get()))
        await reply(call, 0, 487, "bob")

        await call.see(SipMessage("BYE", False, 1, from_tag=Tag("carol"), to_tag=Tag("alice")))
        await show_sessions(call)


if __name__ == "__main__":
    asyncio.run(main())
