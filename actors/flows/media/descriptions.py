"""The session description of an offer or answer, as a node is given it and as it gives it back, whatever the door.

What is no session description is not asked of a node: relays read different things in it, and give some of it back as
it was. And what a node did not give is not made up from what it was given: media would pass the relay by.
"""

from __future__ import annotations

from dataclasses import replace

from actors.effects import Outcome
from actors.results import Refused
from engines.refusal import RefusalCode
from engines.reply import refused
from engines.request import NodeRequest
from engines.sdp.check import check
from engines.sdp.lines import SdpError
from events.verb import BETWEEN_TWO, Verb

NOTHING_RELAYED = "The node agreed and gave no session description"


def fault_in(verb: Verb, request: NodeRequest) -> Refused | None:
    """Refuse what a node is to be asked if its session description is none; None if it may be asked."""
    return unreadable(request.sdp) if verb in BETWEEN_TWO else None


def unreadable(sdp: bytes) -> Refused | None:
    """Refuse what is no session description; None for one that is."""
    try:
        check(sdp)
    except SdpError as error:
        return Refused(RefusalCode.BAD_SDP, f"Failed to parse SDP: {error}")
    return None


def relayed(verb: Verb, outcome: Outcome) -> Outcome:
    """Return how asking a node ended: an agreement without a session description has failed."""
    reply = outcome.agreed
    if verb not in BETWEEN_TWO or reply is None or reply.sdp:
        return outcome
    return replace(outcome, reply=refused(NOTHING_RELAYED, RefusalCode.NO_REPLY))
