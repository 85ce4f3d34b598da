"""A late offer: the INVITE has no SDP, the 200 has the offer, the ACK its answer. Then a re-INVITE that is rejected.

python examples/python/late_offer.py [CONFIGURATION-FILE]
"""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from rtp_relay import BranchId, RelayCall, SipMessage, Tag, open_relay

CALL_ID = f"late-offer-{uuid4()}@example.org"


def sdp(port: int) -> bytes:
    """Make the SDP of a party with one audio stream."""
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", f"m=audio {port} RTP/AVP 8"]
    return "".join(f"{line}\r\n" for line in lines).encode()


async def tell(call: RelayCall, event: SipMessage) -> None:
    """Report a message to the relay, and print the result."""
    seen = await call.see(event)
    sender = "caller" if event.from_caller else "callee"
    print(f"{event.status or event.method} of the {sender}: {seen.role}, {seen.why}")
    if seen.remedy == "refuse":
        print(f"  refuse it with {seen.refuse_with}")
    elif seen.remedy == "strip":
        print("  send it on without its SDP")


async def main() -> None:
    """Report each message of the call."""
    async with open_relay(*sys.argv[1:]) as relay:
        call = relay.call(CALL_ID)
        await call.engage("rtpproxy")
        await tell(call, SipMessage("INVITE", True, 1, branch=BranchId("br0"), from_tag=Tag("alice")))
        await tell(
            call,
            SipMessage(
                "INVITE",
                False,
                1,
                status=200,
                branch=BranchId("br0"),
                from_tag=Tag("alice"),
                to_tag=Tag("bob"),
                sdp=sdp(5000),
            ),
        )
        await tell(call, SipMessage("ACK", True, 1, from_tag=Tag("alice"), to_tag=Tag("bob"), sdp=sdp(4000)))

        # Bob wants other media. Alice asks for something at the same time (glare); then she refuses his wish.
        await tell(call, SipMessage("INVITE", False, 1, from_tag=Tag("bob"), to_tag=Tag("alice"), sdp=sdp(5002)))
        await tell(call, SipMessage("INVITE", True, 2, from_tag=Tag("alice"), to_tag=Tag("bob"), sdp=sdp(4002)))
        await tell(call, SipMessage("INVITE", True, 1, status=488, from_tag=Tag("bob"), to_tag=Tag("alice")))
        state = await call.state()
        print("bob's media go by port", state.legs[Tag("bob")].sdp.split(b"m=audio ")[1].split()[0].decode())
        await tell(call, SipMessage("BYE", True, 3, from_tag=Tag("alice"), to_tag=Tag("bob")))


if __name__ == "__main__":
    asyncio.run(main())
