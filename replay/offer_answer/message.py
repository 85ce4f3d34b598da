"""What goes into the negotiation and what comes out: facts of a SIP message, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType

from events.names import CALLEE, CALLER, NO_BRANCH, NO_TAG, BranchId, Leg, Tag
from events.verdict import Change, Fault, Role, SipVerdict, Step
from replay.offer_answer.place import Place, place_of

REFUSE_WITH: Mapping[Fault, int] = MappingProxyType(
    {Fault.GLARE: 491, Fault.OVERLAP: 500, Fault.STALE: 500, Fault.UNKNOWN: 481, Fault.FOREIGN: 481, Fault.ENDED: 481}
)
"""The status that refuses a request with this fault (RFC 3261 12.2.2, 14.2; RFC 3311 5.2); 500 with Retry-After."""


@lru_cache(maxsize=16)  # a decision asks for that of its message some six times
def _digest(body: bytes) -> str:
    return blake2b(body, digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One SIP message, sent or received, as far as its body's role depends on it.

    `status` is None for a request. `from_caller` tells who sent this very message. `from_tag` and `to_tag` are those
    of the message, which a reply has in common with its request. `cseq` is the number alone; `method` is the CSeq's.
    `branch` names the fork of the initial INVITE, "" where the message was not yet forked or its fork is not known;
    in a dialog it is not needed. `reliable` is for a 1xx: it has Require: 100rel and an RSeq. `sdp` is the session
    description as it came, before any relay changed it; None if there is none. `altered`: the message came by before,
    and somebody has put another session description into it than the relay gave then.

    A transaction that ends without a reply is to be told of as the 408 that its sender makes of it.
    """

    method: str
    from_caller: bool
    cseq: int
    status: int | None = None
    branch: BranchId = NO_BRANCH
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    sdp: bytes | None = None
    reliable: bool = False
    altered: bool = False

    @property
    def sender(self) -> Leg:
        """Who sent the message."""
        return CALLER if self.from_caller else CALLEE

    @property
    def requester(self) -> Leg:
        """Who sent the request of its transaction: the message itself, or what it is a reply to."""
        return CALLER if self.from_caller == (self.status is None) else CALLEE

    @property
    def callee_tag(self) -> Tag:
        """The callee's tag: To where the caller sent the request, From where the callee did."""
        return self.to_tag if self.from_caller == (self.status is None) else self.from_tag

    @property
    def callers_tag(self) -> Tag:
        """The caller's tag: From where the caller sent the request, To where the callee did."""
        return self.from_tag if self.from_caller == (self.status is None) else self.to_tag

    @property
    def place(self) -> Place | None:
        """The column of the table."""
        return place_of(self.method, self.status, reliable=self.reliable)

    @property
    def failed(self) -> bool:
        """Whether it is a final reply other than 2xx."""
        return self.status is not None and self.status >= 300

    @property
    def begins_call(self) -> bool:
        """Whether it is an INVITE outside of any dialog."""
        return self.method == "INVITE" and self.status is None and not self.to_tag

    @property
    def digest(self) -> str:
        """A short hash by which a repeated body is known; "" if there is no body."""
        return "" if self.sdp is None else _digest(self.sdp)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message means.

    `leg` sent it, so it made the body. `branch` and `callee_tag` are the dialog; a call's initial offer, and what
    befalls a branch as a whole, have no tag. `exchange` numbers the offers of a dialog from 1: an answer has the
    number of its offer, a repeat that of the exchange it repeats a part of, and what rejects an offer, leaves it
    unanswered or lets its preview stand has its number too; all others have 0. `in_force` is the exchange that is
    agreed on after this message, 0 if none is. `why` is a phrase for logs and errors.

    What was done about a message may have been cut short by a crash, so a copy of it says what there was to do: a
    REPEAT that still matters `repeats` an OFFER or an ANSWER, and `again` is the change that the first copy made.

    A NOTHING can have a fault too: an answer that had to come and did not, an INVITE without SDP in glare.

    stray: it is of no dialog that the call knows, and changes nothing of the call. steps: what it does to the
    negotiation (`Negotiation.apply`).
    """

    role: Role
    leg: Leg
    branch: BranchId = NO_BRANCH
    callee_tag: Tag = NO_TAG
    exchange: int = 0
    in_force: int = 0
    change: Change = Change.NONE
    fault: Fault = Fault.NONE
    why: str = ""
    repeats: Role = Role.NOTHING
    again: Change = Change.NONE
    stray: bool = False
    steps: tuple[Step, ...] = ()

    def recorded(self) -> SipVerdict:
        """Return what the journal keeps of it."""
        return SipVerdict(
            role=self.role,
            change=self.change,
            fault=self.fault,
            exchange=self.exchange,
            repeats=self.repeats,
            again=self.again,
            branch=self.branch,
            callee_tag=self.callee_tag,
            steps=self.steps,
        )
