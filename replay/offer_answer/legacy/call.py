"""Finds what a message of schema 1 is of, in a call, and notes it in the call's negotiation."""

from __future__ import annotations

from dataclasses import dataclass, replace

from events.names import Leg, Tag
from events.verdict import Change, Fault, Role, SipVerdict
from replay.offer_answer.dialog import Invite, NegotiatedDialog, OfferAnswerExchange, SeenRequest
from replay.offer_answer.legacy.dialog import NOTHING, Finding, mistake, read
from replay.offer_answer.message import SipMessage
from replay.offer_answer.negotiation import BranchStatus, InitialInvite, Negotiation
from replay.offer_answer.place import Place


def see(negotiation: Negotiation, message: SipMessage) -> SipVerdict:
    """Record a message in the negotiation, and return its verdict as far as the fold needs it: no steps, no repeats."""
    return _Reading(negotiation).see(message)


@dataclass(frozen=True, slots=True)
class _Reading:
    call: Negotiation

    def see(self, event: SipMessage) -> SipVerdict:
        if event.begins_call:
            return self._see_initial(event)
        if self._answers_initial(event):
            return self._see_reply(event)
        if self._answers_earlier(event):
            return self._see_late(event)
        if event.method == "CANCEL" and event.status is None:
            return self._see_cancel(event)
        return self._see_in_dialog(event)

    def _see_initial(self, event: SipMessage) -> SipVerdict:
        if not event.from_caller:
            return _verdict(event, mistake(event, Fault.UNKNOWN))
        initial = self.call.initial
        if initial is None or event.cseq > initial.cseq:
            if any(dialog.established for dialog in self.call.all_dialogs):
                return _verdict(event, mistake(event, Fault.OVERLAP))
            return self._begin(event)
        if (event.cseq, event.digest) != (initial.cseq, initial.digest):
            return _verdict(event, mistake(event, Fault.STALE))
        return self._fork(event)

    def _begin(self, event: SipMessage) -> SipVerdict:
        """Start, or start again: a challenged INVITE comes back with a new CSeq (RFC 3261 22.2)."""
        if self.call.initial is not None:
            self.call.earlier[self.call.initial.cseq] = self.call.initial.digest
        self.call.initial = InitialInvite(event.cseq, event.digest)
        self.call.forks, self.call.all_dialogs = {}, []
        return self._fork(event)

    def _fork(self, event: SipMessage) -> SipVerdict:
        known = event.branch in self.call.forks
        self.call.forks.setdefault(event.branch, BranchStatus.TRYING)
        if event.sdp is None:
            return _verdict(event, NOTHING)
        if known:
            return _verdict(event, Finding(Role.REPEAT, 1))
        return _verdict(event, Finding(Role.OFFER, 1))

    def _answers_initial(self, event: SipMessage) -> bool:
        reply = event.method == "INVITE" and event.status is not None and not event.from_caller
        return reply and self.call.initial is not None and event.cseq == self.call.initial.cseq

    def _answers_earlier(self, event: SipMessage) -> bool:
        """Return whether it is the 2xx to an INVITE that the caller has tried again since."""
        return event.place is Place.ACCEPT and not event.from_caller and event.cseq in self.call.earlier

    def _see_late(self, event: SipMessage) -> SipVerdict:
        """Learn the dialog of a 2xx that comes late; the branches of the INVITE under way are what they were."""
        dialog = self._find(None, event.callee_tag) or self._begin_dialog(event)
        finding = read(dialog, event)
        return _verdict(event, replace(finding, change=Change.NONE), dialog)

    def _see_reply(self, event: SipMessage) -> SipVerdict:
        if event.failed:
            return self._fail(event)
        untagged = event.place is not Place.ACCEPT and not event.callee_tag and event.sdp is None
        if event.place is None or untagged:
            return _verdict(event, NOTHING)  # 100 Trying, and what is no more than that
        status = self.call.forks.setdefault(event.branch, BranchStatus.TRYING)
        dialog = self._find(event.branch, event.callee_tag)
        if event.place is not Place.ACCEPT and status is BranchStatus.FAILED:
            return _verdict(event, mistake(event, Fault.ENDED), dialog)
        if event.place is Place.ACCEPT:
            self.call.forks[event.branch] = BranchStatus.ESTABLISHED
        dialog = dialog or self._begin_dialog(event)
        return _verdict(event, read(dialog, event), dialog)

    def _begin_dialog(self, event: SipMessage) -> NegotiatedDialog:
        """Begin a dialog in which the INVITE that the event replies to is under way, its offer open."""
        assert self.call.initial is not None, "a reply answers an INVITE that was seen"
        cseq = event.cseq
        digest = self.call.earlier[cseq] if cseq != self.call.initial.cseq else self.call.initial.digest
        dialog = NegotiatedDialog(event.branch, event.callee_tag, Invite(Leg.CALLER, cseq, asks=not digest))
        if digest:
            dialog.count = 1
            dialog.open = OfferAnswerExchange(1, Place.INVITE, Leg.CALLER, cseq, Leg.CALLER, digest)
        dialog.seen[f"{Leg.CALLER} INVITE"] = SeenRequest(cseq, digest, dialog.count)
        self.call.all_dialogs.append(dialog)
        return dialog

    def _fail(self, event: SipMessage) -> SipVerdict:
        if self.call.forks.get(event.branch) is not BranchStatus.TRYING:
            return _verdict(event, NOTHING)
        self.call.forks[event.branch] = BranchStatus.FAILED
        self.call.all_dialogs = [dialog for dialog in self.call.all_dialogs if dialog.branch != event.branch]
        return _verdict(event, Finding(Role.NOTHING, change=Change.BRANCH_FAILED))

    def _see_cancel(self, event: SipMessage) -> SipVerdict:
        trying = self.call.branches(BranchStatus.TRYING)
        aims = self.call.initial is not None and event.cseq == self.call.initial.cseq and event.from_caller
        if not aims or not (event.branch in trying or (not event.branch and trying)):
            return _verdict(event, NOTHING)
        return _verdict(event, Finding(Role.NOTHING, change=Change.CANCELLED))

    def _see_in_dialog(self, event: SipMessage) -> SipVerdict:
        dialog = self._find(event.branch, event.callee_tag) or self._find(None, event.callee_tag)
        if dialog is None:
            return _verdict(event, _outside(event))
        if event.method == "BYE" and event.status is None:
            return _verdict(event, self._end(dialog), dialog)
        return _verdict(event, read(dialog, event), dialog)

    def _end(self, dialog: NegotiatedDialog) -> Finding:
        known, dialog.ended = dialog.ended, True
        last = dialog.established and not any(d.established and not d.ended for d in self.call.all_dialogs)
        change = Change.CALL_ENDED if last else Change.DIALOG_ENDED
        return NOTHING if known else Finding(Role.NOTHING, change=change)

    def _find(self, branch: str | None, callee_tag: str) -> NegotiatedDialog | None:
        """Find a dialog, of any branch if that is None; an established one goes before others of the same tag."""
        found = [d for d in self.call.all_dialogs if d.callee_tag == callee_tag and branch in (None, d.branch)]
        return max(found, key=lambda d: (not d.ended, d.established), default=None)


def _outside(event: SipMessage) -> Finding:
    """Return the finding on a message of no known dialog; the ACK for a branch that failed is one, and in order."""
    place = event.place
    matters = place is not None and (place.begins or event.sdp is not None)
    return mistake(event, Fault.UNKNOWN) if matters else NOTHING


def _verdict(event: SipMessage, finding: Finding, dialog: NegotiatedDialog | None = None) -> SipVerdict:
    return SipVerdict(
        role=finding.role,
        branch=dialog.branch if dialog else event.branch,
        callee_tag=Tag(dialog.callee_tag if dialog else ""),
        exchange=finding.exchange,
        change=finding.change,
        fault=finding.fault,
    )
