"""What a decision on a message works with: a dialog that may be changed, the steps taken so far, and the finding."""

from __future__ import annotations

from dataclasses import dataclass, field

from events.verdict import Change, Fault, Role, Step
from replay.offer_answer.dialog import NegotiatedDialog, OfferAnswerExchange
from replay.offer_answer.message import SipMessage
from replay.offer_answer.place import Place
from replay.offer_answer.steps import take
from replay.offer_answer.table import OPEN_IN, Phase


@dataclass(frozen=True, slots=True)
class Finding:
    """What a message means within its dialog; the fields are those of a Verdict."""

    role: Role
    exchange: int = 0
    change: Change = Change.NONE
    fault: Fault = Fault.NONE
    why: str = ""
    repeats: Role = Role.NOTHING
    again: Change = Change.NONE

    def with_change(self, change: Change) -> Finding:
        """Return it with what the message changes of the call."""
        return Finding(self.role, self.exchange, change, self.fault, self.why, self.repeats, self.again)


@dataclass(frozen=True, slots=True)
class Draft:
    """A dialog that may be changed, a message in it, and the steps that it has taken so far."""

    dialog: NegotiatedDialog
    event: SipMessage
    steps: list[Step] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """Take a step."""
        take(self.dialog, step, self.event)
        self.steps.append(step)

    def note(self, finding: Finding) -> None:
        """Record the request with what was found of it."""
        take(self.dialog, Step.REQUEST_NOTED, self.event, finding.exchange, finding.fault)
        self.steps.append(Step.REQUEST_NOTED)

    @property
    def phase(self) -> Phase:
        """The row of the table."""
        dialog = self.dialog
        if dialog.open:
            return Phase.PREVIEWED if dialog.open.answer else OPEN_IN[dialog.open.place]
        if dialog.invite.pending and dialog.invite.asks:
            return Phase.ASKED if dialog.agreed else Phase.FIRST_ASKED
        if dialog.agreed is None:
            return Phase.FRESH
        if dialog.invite.pending:
            return Phase.ANSWERED if self._agreed_by_invite(dialog.agreed) else Phase.PENDING
        return Phase.AGREED

    def _agreed_by_invite(self, agreed: OfferAnswerExchange) -> bool:
        invite = self.dialog.invite
        return (agreed.requester, agreed.cseq, agreed.place) == (invite.requester, invite.cseq, Place.INVITE)

    def owns(self, place: Place) -> bool:
        """Return whether the message is of the transaction that the phase speaks of, or begins one of its own."""
        event, offer = self.event, self.dialog.open
        if offer is None:
            return place.begins or self.dialog.invite.has(event)
        # A PRACK has a CSeq of its own; that it acknowledges a reply of the offer's INVITE shows in who sends it.
        same_cseq = place is Place.PRACK or event.cseq == offer.cseq
        return event.requester is offer.requester and same_cseq

    def repeated(self) -> int:
        """Return the number of the exchange, open or agreed, to which the sender contributed this body; 0 if none."""
        for exchange in (self.dialog.open, self.dialog.agreed):
            if exchange and exchange.body_of(self.event.sender) == self.event.digest:
                return exchange.number
        return 0
