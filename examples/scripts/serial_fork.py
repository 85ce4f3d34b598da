"""A serial fork: gateways are tried one after the other, and voice mail last. The relay is engaged anew for each.

Each gateway has relays of its own nearby, so each try engages another set.
"""

from __future__ import annotations

from rtp_relay.routing import Failure, Request, on_request

GATEWAYS = (("sip:gateway-a.example.org", "relays-a"), ("sip:gateway-b.example.org", "relays-b"))
VOICE_MAIL = "sip:voicemail.example.org"

TRY_ANOTHER = (408, 500, 502, 503, 504)
"""What a gateway says that cannot take a call now. All else (486, 404, ...) is the callee's own word."""

NOT_THERE = (408, 480, 486)
"""What voice mail is for."""


@on_request
def route(request: Request) -> None:
    """Send new calls to the first gateway."""
    if request.method != "INVITE" or request.has_totag:
        request.relay()
        return
    next_hop, relays = GATEWAYS[0]
    request.rtp_relay_engage("rtpengine", relays)
    # For this request alone: what fails within the call is nobody else's to take. (@on_failure would be for all.)
    request.on_failure = try_next
    request.relay(next_hop)


def try_next(failure: Failure) -> None:
    """Try the next gateway, then voice mail. Without a decision here, the caller gets the best response."""
    tried = len(failure.statuses)
    if failure.status in TRY_ANOTHER and tried < len(GATEWAYS):
        next_hop, relays = GATEWAYS[tried]
        # The failed branch's session is deleted; this one begins with another set, under an id of its own.
        failure.rtp_relay_engage("rtpengine", relays)
        failure.relay(next_hop)
    elif failure.status in NOT_THERE and "voice mail" not in failure.vars:
        failure.vars["voice mail"] = "tried"
        failure.append_branch(f"sip:{failure.request.user}@voicemail.example.org", next_hop=VOICE_MAIL)
        failure.relay()
