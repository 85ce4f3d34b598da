"""Why something was refused, as a code: whoever knows the cause says it, and each door has its own words for it."""

from __future__ import annotations

from enum import StrEnum


class RefusalCode(StrEnum):
    """The cause of a refusal.

    Of the request itself: BAD_SDP is no session description, or one with a fault in it. NOT_ACCEPTABLE asks for what
    the kind of relay cannot relay (a transport, an encryption, an address). BAD_SETTINGS: what is asked for beside the
    media is not something that the kind can do.
    Of the call: UNKNOWN_CALL, OUTDATED (what was asked is older than the call's end), NOT_FOUND (it has nothing of what
    a delete names), NOT_ENGAGED (no relay is wanted for it), TOO_LATE (it is established), QUARANTINED, ENDED; and if
    it is to move: MOVING (it does already), EARLY (nobody has answered it for good), SEVERAL (several have),
    TURNED_BACK (a party did not come along).
    Of the nodes: FULL (has as much to do as it may), NO_ROOM (has no ports, sessions or bandwidth left), NO_NODE (none
    of the set takes calls), NO_REPLY (a node is down, silent, or not understood), UNKNOWN_SESSION (a node has lost what
    it was to have).
    Of this control node: FULL, NO_JOURNAL, INTERNAL, OLDER (a newer version of the program has written of the call what
    this one cannot read, so that another control node may do it).
    REFUSED: by a node in words of its own, or by what the call has.
    """

    BAD_SDP = "bad sdp"
    NOT_ACCEPTABLE = "not acceptable"
    BAD_SETTINGS = "bad settings"
    UNKNOWN_CALL = "unknown call"
    OUTDATED = "outdated"
    NOT_FOUND = "not found"
    NOT_ENGAGED = "not engaged"
    TOO_LATE = "too late"
    QUARANTINED = "quarantined"
    ENDED = "ended"
    MOVING = "moving"
    EARLY = "early"
    SEVERAL = "several"
    TURNED_BACK = "turned back"
    FULL = "full"
    NO_ROOM = "no room"
    NO_NODE = "no node"
    NO_REPLY = "no reply"
    UNKNOWN_SESSION = "unknown session"
    NO_JOURNAL = "no journal"
    INTERNAL = "internal"
    OLDER = "older"
    REFUSED = "refused"

    @property
    def is_lasting(self) -> bool:
        """Whether every node of the same kind would refuse the same request, whenever it is asked."""
        return self in (RefusalCode.BAD_SDP, RefusalCode.NOT_ACCEPTABLE, RefusalCode.BAD_SETTINGS)
