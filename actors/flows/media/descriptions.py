"""The session description of an offer or answer, as a node is given it and as it gives it back, whatever the door.

What is no session description is not asked of a node: relays read different things in it, and give some of it back as
it was. And what a node did not give is not made up from what it was given: media would pass the relay by.
"""

from __future__ import annotations

from dataclasses import replace

from actors import replies
from actors.effects import Outcome
from engines.kind import is_ok
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode
from engines.sdp.check import check
from engines.sdp.lines import SdpError

BETWEEN_TWO = frozenset({"offer", "answer"})
"""The verbs that bring a session description and have another one come back."""

NOTHING_RELAYED = "The node agreed and gave no session description"


def fault_in(verb: str, request: NgDict) -> replies.Refusal | None:
    """Refuse what a node is to be asked if its session description is none; None if it may be asked."""
    sdp = request.get(b"sdp")
    if verb not in BETWEEN_TWO:
        return None
    return unreadable(sdp if isinstance(sdp, bytes) else b"")


def unreadable(sdp: bytes) -> replies.Refusal | None:
    """Refuse what is no session description; None for one that is."""
    try:
        check(sdp)
    except SdpError as error:
        return replies.Refusal(f"Failed to parse SDP: {error}", RefusalCode.BAD_SDP)
    return None


def relayed(verb: str, outcome: Outcome) -> Outcome:
    """Return how asking a node ended: an agreement without a session description has failed."""
    reply = outcome.reply
    if verb not in BETWEEN_TWO or reply is None or not is_ok(reply) or reply.get(b"sdp"):
        return outcome
    return replace(outcome, reply=replies.error(NOTHING_RELAYED, RefusalCode.NO_REPLY))
