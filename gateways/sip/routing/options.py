"""OPTIONS to the proxy itself (RFC 3261 11): what it can do, and whether it can do it now."""

from __future__ import annotations

import random

from gateways.sip.calls.refusals import RETRY_AFTER
from gateways.sip.messages.replies import phrase_of
from gateways.sip.proxy.hooks import Answer, ReceivedRequest

METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, SUBSCRIBE, NOTIFY, PUBLISH, REGISTER"
"""What the proxy lets through; it knows no method that it does not."""

CAPABILITIES = (("Allow", METHODS), ("Accept", "application/sdp, multipart/mixed"))


def asks_us(arrival: ReceivedRequest) -> bool:
    """Return whether a request asks the proxy itself what it can do."""
    return arrival.incoming.method == "OPTIONS" and arrival.is_for_us and not arrival.incoming.to_tag


def answer(*, ready: bool) -> Answer:
    """Return what the proxy says to that: 503 while it can do nothing for a call."""
    if ready:
        return Answer(200, phrase_of(200), CAPABILITIES)
    return Answer(503, phrase_of(503), (("Retry-After", str(random.randint(*RETRY_AFTER))),))
