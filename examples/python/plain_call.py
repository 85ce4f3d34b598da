"""A plain call: INVITE, 200, ACK, BYE, each told to the relay, which says what SDP is to be sent on.

    python examples/python/plain_call.py [CONFIGURATION-FILE]

Without a file a Redis and two rtpproxies of its own are started, with media on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from uuid import uuid4

import structlog

from rtp_relay import BranchId, Observed, SipMessage, Tag, facts, open_relay

CALL_ID = f"plain-{uuid4()}@example.org"


def sdp(address: str, port: int) -> bytes:
    """Make the SDP of a party with one audio stream."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0", f"m=audio {port} RTP/AVP 8"]
    return "".join(f"{line}\r\n" for line in lines).encode()


def show(message: str, seen: Observed) -> None:
    """Print what became of a message."""
    media = [line for line in (seen.sdp or b"").decode().splitlines() if line.startswith(("c=", "m="))]
    print(f"{message}: {seen.role}; send on {', '.join(media) or 'as it is'}")


async def main() -> None:
    """Play both sides of the call."""
    # rtp-relay logs with structlog. This program wants to hear of problems only.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with open_relay(*sys.argv[1:]) as relay:
        call = relay.call(CALL_ID)
        await call.engage("rtpproxy")

        alice, bob, branch = Tag("alice"), Tag("bob"), BranchId("br0")
        invite = SipMessage("INVITE", True, 1, branch=branch, from_tag=alice, sdp=sdp("192.0.2.1", 4000))
        show("INVITE", await call.see(invite, received_from="192.0.2.1"))

        ok = SipMessage(
            "INVITE", False, 1, status=200, branch=branch, from_tag=alice, to_tag=bob, sdp=sdp("192.0.2.2", 5000)
        )
        show("200", await call.see(ok, received_from="192.0.2.2"))

        show("ACK", await call.see(SipMessage("ACK", True, 1, from_tag=alice, to_tag=bob)))
        show("BYE", await call.see(SipMessage("BYE", True, 2, from_tag=alice, to_tag=bob)))

        for record in await call.history():
            print(f"{record.version:3} {record.event.name}: {facts(record.event)}")


if __name__ == "__main__":
    asyncio.run(main())
