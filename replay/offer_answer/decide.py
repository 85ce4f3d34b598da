"""Decides what a message means for a call: which of its dialogs it is of, and what the table says there.

The verdict goes into the journal and is applied from there (`Negotiation.apply`); the fold never comes by here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from events.names import BranchId, Tag
from events.verdict import Change, Fault, Role, Step
from replay.offer_answer.dialog import NegotiatedDialog
from replay.offer_answer.draft import Draft, Finding
from replay.offer_answer.message import SipMessage, Verdict
from replay.offer_answer.negotiation import BranchStatus, Negotiation
from replay.offer_answer.place import Place
from replay.offer_answer.transitions import mistake, nothing, read


def decide(negotiation: Negotiation, message: SipMessage) -> Verdict:
    """Return what a message means after those that the negotiation has seen; the negotiation stays as it is.

    The initial INVITE is seen once for each branch that is a session of its own on the relay (then each one's first
    copy is an offer), or once with branch "" for all. It never raises, whatever the messages.
    """
    return _Decision(negotiation.copy(), message).verdict()


@dataclass(frozen=True, slots=True)
class _Decision:
    """A message, and a copy of its call that has taken the steps so far."""

    call: Negotiation
    event: SipMessage
    steps: list[Step] = field(default_factory=list)

    def verdict(self) -> Verdict:
        event = self.event
        if event.altered:
            return self._concluded(mistake(event, Fault.ALTERED), self._find(event.branch) or self._find(None))
        if event.begins_call:
            return self._initial()
        if self._answers_initial():
            return self._failure() if event.failed else self._reply()
        if self._answers_earlier():
            return self._late_reply()
        if event.method == "CANCEL" and event.status is None:
            return self._cancel()
        return self._in_dialog()

    def _take(self, step: Step) -> None:
        self.call.take(step, self.event)
        self.steps.append(step)

    def _read(self, dialog: NegotiatedDialog) -> Finding:
        return read(Draft(dialog, self.event, self.steps))

    def _initial(self) -> Verdict:
        event, initial = self.event, self.call.initial
        if not event.from_caller:
            return self._concluded(mistake(event, Fault.UNKNOWN))
        if initial is None or event.cseq > initial.cseq:
            if any(dialog.established for dialog in self.call.all_dialogs):
                return self._concluded(mistake(event, Fault.OVERLAP))
            self._take(Step.CALL_BEGUN)  # also again: a challenged INVITE comes back with a new CSeq (RFC 3261 22.2)
            return self._fork()
        if (event.cseq, event.digest) != (initial.cseq, initial.digest):
            return self._concluded(mistake(event, Fault.STALE))
        return self._fork()

    def _fork(self) -> Verdict:
        event = self.event
        known = event.branch in self.call.forks
        if not known:
            self._take(Step.BRANCH_BEGUN)
        if event.sdp is None:
            return self._concluded(nothing("a retransmission" if known else "it asks for an offer"))
        if known:
            trying = self.call.forks[event.branch] is BranchStatus.TRYING
            repeats = Role.OFFER if trying else Role.NOTHING
            return self._concluded(Finding(Role.REPEAT, 1, why="a retransmission", repeats=repeats))
        return self._concluded(Finding(Role.OFFER, 1, why=f"offer in {Place.INVITE}"))

    def _answers_initial(self) -> bool:
        event, initial = self.event, self.call.initial
        reply = event.method == "INVITE" and event.status is not None and not event.from_caller
        return reply and initial is not None and event.cseq == initial.cseq

    def _answers_earlier(self) -> bool:
        """Return whether it is the 2xx to an INVITE that the caller has tried again since."""
        event = self.event
        return event.place is Place.ACCEPT and not event.from_caller and event.cseq in self.call.earlier

    def _late_reply(self) -> Verdict:
        """Learn the dialog of a 2xx that comes late; the branches of the INVITE under way are what they were."""
        dialog = self._find(None) or self._begin_dialog()
        return self._concluded(replace(self._read(dialog), change=Change.NONE, again=Change.NONE), dialog)

    def _reply(self) -> Verdict:
        event = self.event
        accepts = event.place is Place.ACCEPT
        if event.place is None or (not accepts and not event.callee_tag and event.sdp is None):
            return self._concluded(nothing("it makes no dialog"))  # 100 Trying, and what is no more than that
        if event.branch not in self.call.forks:
            self._take(Step.BRANCH_BEGUN)
        dialog = self._find(event.branch)
        status = self.call.forks[event.branch]
        if not accepts and status is BranchStatus.FAILED:
            return self._concluded(mistake(event, Fault.ENDED), dialog)
        if accepts and status is not BranchStatus.ESTABLISHED:
            self._take(Step.BRANCH_ANSWERED)
        dialog = dialog or self._begin_dialog()
        return self._concluded(self._read(dialog), dialog)

    def _begin_dialog(self) -> NegotiatedDialog:
        """Begin a dialog in which the INVITE that the message replies to is under way, its offer open."""
        self._take(Step.DIALOG_BEGUN)
        return self.call.all_dialogs[-1]

    def _failure(self) -> Verdict:
        event = self.event
        status = self.call.forks.get(event.branch)
        if status is not BranchStatus.TRYING:
            again = Change.BRANCH_FAILED if status is BranchStatus.FAILED else Change.NONE
            return self._concluded(replace(nothing("the branch has its final reply"), again=again))
        self._take(Step.BRANCH_FAILED)
        return self._concluded(nothing(f"the branch failed with {event.status}", Change.BRANCH_FAILED))

    def _cancel(self) -> Verdict:
        event, initial = self.event, self.call.initial
        trying = self.call.branches(BranchStatus.TRYING)
        aims = initial is not None and event.cseq == initial.cseq and event.from_caller
        if not aims or not (event.branch in trying or (not event.branch and trying)):
            return self._concluded(nothing("it cancels nothing"))
        return self._concluded(nothing("cancelled", Change.CANCELLED))

    def _in_dialog(self) -> Verdict:
        event = self.event
        dialog = self._find(event.branch) or self._find(None)
        if dialog is None:
            return replace(self._concluded(_outside(event)), stray=True)
        if event.method == "BYE" and event.status is None:
            return self._concluded(self._bye(dialog), dialog)
        return self._concluded(self._read(dialog), dialog)

    def _bye(self, dialog: NegotiatedDialog) -> Finding:
        known = dialog.ended
        if not known:
            Draft(dialog, self.event, self.steps).take(Step.DIALOG_ENDED)
        last = dialog.established and not self.call.is_established()
        change = Change.CALL_ENDED if last else Change.DIALOG_ENDED
        return replace(nothing("a retransmission"), again=change) if known else nothing("BYE", change)

    def _find(self, branch: BranchId | None) -> NegotiatedDialog | None:
        """Find the dialog, of any branch if that is None; an established one goes before others of the same tag."""
        tag = self.event.callee_tag
        found = [d for d in self.call.all_dialogs if d.callee_tag == tag and branch in (None, d.branch)]
        return max(found, key=lambda d: (not d.ended, d.established), default=None)

    def _concluded(self, finding: Finding, dialog: NegotiatedDialog | None = None) -> Verdict:
        return Verdict(
            role=finding.role,
            leg=self.event.sender,
            branch=dialog.branch if dialog else self.event.branch,
            callee_tag=Tag(dialog.callee_tag if dialog else ""),
            exchange=finding.exchange,
            in_force=dialog.in_force if dialog else 0,
            change=finding.change,
            fault=finding.fault,
            why=finding.why,
            repeats=finding.repeats,
            again=finding.again,
            steps=tuple(self.steps),
        )


def _outside(event: SipMessage) -> Finding:
    """Return the finding on a message of no known dialog; the ACK for a branch that failed is one, and in order."""
    place = event.place
    matters = place is not None and (place.begins or event.sdp is not None)
    return mistake(event, Fault.UNKNOWN) if matters else nothing(Fault.UNKNOWN.phrase)
