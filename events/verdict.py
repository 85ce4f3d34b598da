"""What a SIP message was taken for, as the journal keeps it: a history never asks the offer/answer table again."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from events.names import NO_BRANCH, NO_TAG, BranchId, Tag
from events.values import value


class Role(StrEnum):
    """What a message's body is.

    REPEAT: a body that its sender has sent before, and that changes nothing; the other side gets what it got then.
    NOTHING: there is no session description, or one that is neither an offer nor an answer (as in an OPTIONS reply).
    ILLEGAL: a session description that the RFCs do not allow at this point; the verdict's fault says why. No relay
    speaks for it, so it must not go on (replay.offer_answer.remedy).
    """

    OFFER = "offer"
    ANSWER = "answer"
    REPEAT = "repeat"
    NOTHING = "nothing"
    ILLEGAL = "illegal"


class Change(StrEnum):
    """What a message does to the call beside its body.

    CANCELLED is a wish: the branches that do not win the race against it fail afterwards, each by its own reply.
    BRANCH_FAILED ends all dialogs of the branch. REJECTED ends an exchange; what was agreed before stands.
    CALL_ENDED is the end of the last established dialog, DIALOG_ENDED that of one among several, or of an early one.
    """

    NONE = "none"
    ESTABLISHED = "established"
    BRANCH_FAILED = "branch failed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DIALOG_ENDED = "dialog ended"
    CALL_ENDED = "call ended"


class Fault(StrEnum):
    """What is wrong with a message."""

    NONE = ""
    GLARE = "glare"
    OVERLAP = "overlap"
    STALE = "stale"
    UNASKED = "unasked"
    PREMATURE = "premature"
    UNANSWERED = "unanswered"
    UNKNOWN = "unknown"
    FOREIGN = "foreign"
    ENDED = "ended"
    ALTERED = "altered"

    @property
    def phrase(self) -> str:
        """The same for people, "" for none."""
        return _PHRASES[self]


_PHRASES: Mapping[Fault, str] = MappingProxyType(
    {
        Fault.NONE: "",
        Fault.GLARE: "the other side has a request under way that this one collides with",
        Fault.OVERLAP: "the same side has a request under way that this one overtakes",
        Fault.STALE: "it is older than what was seen, or the same with another body",
        Fault.UNASKED: "an answer without an offer",
        Fault.PREMATURE: "the first offer cannot be made in this request",
        Fault.UNANSWERED: "the message that had to bring the answer has none",
        Fault.UNKNOWN: "no such dialog",
        Fault.FOREIGN: "another caller's call has this Call-ID",
        Fault.ENDED: "the dialog has ended",
        Fault.ALTERED: "it came by here before, and its session description is not the one that the relay gave then",
    }
)


class Step(StrEnum):
    """One thing that a message does to the negotiation; what each does never changes, for the journal has them.

    The INVITE is the latest of the dialog, "asked" says that it had no SDP. A preview is an offer or answer that an
    unreliable 1xx shows before the message that has to bring it.
    """

    # To the call:
    CALL_BEGUN = "call begun"  # by an initial INVITE; branches and dialogs of one before are forgotten
    BRANCH_BEGUN = "branch begun"  # unless it is there
    BRANCH_ANSWERED = "branch answered"
    BRANCH_FAILED = "branch failed"  # and its dialogs with it
    DIALOG_BEGUN = "dialog begun"  # by a reply to an initial INVITE, whose offer is open in it

    # To the dialog that the verdict names:
    DIALOG_ESTABLISHED = "dialog established"
    DIALOG_ENDED = "dialog ended"
    REQUEST_NOTED = "request noted"  # with its exchange and fault, as the latest of its sender and method
    INVITE_OFFERED = "INVITE offered"  # an INVITE with an offer begins
    INVITE_ASKED = "INVITE asked"  # an INVITE without SDP begins
    INVITE_SERVED = "INVITE served"  # the offer that it asked for is there; a preview of that is forgotten
    INVITE_CONCLUDED = "INVITE concluded"  # by its final reply
    OFFER_OPENED = "offer opened"
    OFFER_PREVIEWED = "offer previewed"
    OFFER_CONFIRMED = "offer confirmed"  # the one of the preview is open
    OFFER_PUT_BELOW = "offer put below"  # another one is about to be made beside it
    OFFERS_SWAPPED = "offers swapped"  # the open one and the one below
    OFFER_CLOSED = "offer closed"  # without an answer; one below is open again
    ANSWER_AGREED = "answer agreed"  # the offer is closed with it
    ANSWER_PREVIEWED = "answer previewed"
    ANSWER_CONFIRMED = "answer confirmed"  # the one of the preview is agreed
    ANSWER_REPLACED = "answer replaced"  # another answer to what is agreed
    AGREEMENT_RESTORED = "agreement restored"  # what was agreed before the INVITE


@value(kw_only=True)
class SipVerdict:
    """The verdict on a message.

    exchange: the number of the offer in its dialog, from 1; 0 for none. repeats, again: what a copy is a copy of, and
    the change that the first copy made. branch, callee_tag: the dialog, both "" where the verdict is on none. steps:
    what the message does to the negotiation, in this order.
    """

    role: Role
    change: Change = Change.NONE
    fault: Fault = Fault.NONE
    exchange: int = 0
    repeats: Role = Role.NOTHING
    again: Change = Change.NONE
    branch: BranchId = NO_BRANCH
    callee_tag: Tag = NO_TAG
    steps: tuple[Step, ...] = ()
