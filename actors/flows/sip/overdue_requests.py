"""Requests that never got their final response, as far as the journal knows: they are in nobody's way for ever.

The control node that had one under way may have died, or could not write down how it ended. A party that begins another
request has its final response to the one before (RFC 3261 14.1), or has waited in vain for as long as one waits.
"""

from __future__ import annotations

from events.names import Leg
from replay.offer_answer import Fault, SipMessage, Verdict
from replay.sip_dialogs import SipDialogs

WAITS = 32_000
"""How long a request waits for its final response, ms: 64*T1 (RFC 3261 17.1.2.2)."""

RINGS = 190_000
"""How long an INVITE may, ms, before its other side begins something: a little more than timer C (RFC 3261 16.6)."""

COLLISIONS = (Fault.OVERLAP, Fault.GLARE)


def overdue(sip_dialogs: SipDialogs | None, event: SipMessage, verdict: Verdict, at: int) -> list[SipMessage]:
    """Return the ends (408) of the requests that stand in the way of one that came `at` (ms since the epoch)."""
    if sip_dialogs is None or event.status is not None or verdict.fault not in COLLISIONS:
        return []
    return [
        _ended(event, Leg(leg), method, cseq)
        for (leg, tag, method), (cseq, since) in sip_dialogs.awaiting.items()
        if tag == event.callee_tag and since + _patience(event, Leg(leg), method) <= at
    ]


def _patience(event: SipMessage, leg: Leg, method: str) -> int:
    return RINGS if method == "INVITE" and leg != event.sender else WAITS


def _ended(event: SipMessage, leg: Leg, method: str, cseq: int) -> SipMessage:
    """Return the 408 that a request's sender makes of it."""
    own, other = (event.from_tag, event.to_tag) if leg is event.sender else (event.to_tag, event.from_tag)
    return SipMessage(method=method, from_caller=leg is Leg.CALLEE, cseq=cseq, status=408, from_tag=own, to_tag=other)
