"""The negotiation of one call: its initial INVITE, the forks of that, and the dialogs they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from replay.offer_answer.dialog import Invite, NegotiatedDialog, OfferAnswerExchange, SeenRequest
from replay.offer_answer.message import Change, Fault, Leg, Role, SipMessage, Verdict
from replay.offer_answer.table import Place
from replay.offer_answer.transitions import Finding, mistake, nothing, read


class BranchStatus(StrEnum):
    """Where a fork of the initial INVITE is."""

    TRYING = "trying"
    FAILED = "failed"
    ESTABLISHED = "established"


@dataclass(frozen=True, slots=True)
class _Initial:
    """The initial INVITE; `digest` is "" if it came without SDP."""

    cseq: int
    digest: str


class Negotiation:
    """Who offered and who answered what, in one call. Feed it every message, in the order seen, to `see`.

    The initial INVITE is fed once for each branch that is a session of its own on the relay (then each one's first
    copy is an offer), or once with branch "" for all. It never raises, whatever the messages.
    """

    def __init__(self) -> None:
        self._initial: _Initial | None = None
        self._earlier: dict[int, str] = {}  # digests of the initial INVITEs before, by CSeq
        self._branches: dict[str, BranchStatus] = {}
        self._dialogs: list[NegotiatedDialog] = []

    def see(self, event: SipMessage) -> Verdict:
        """Return the verdict on a message, and record the message."""
        if event.begins_call:
            return self._see_initial(event)
        if self._answers_initial(event):
            return self._see_reply(event)
        if self._answers_earlier(event):
            return self._see_late(event)
        if event.method == "CANCEL" and event.status is None:
            return self._see_cancel(event)
        return self._see_in_dialog(event)

    def branches(self, status: BranchStatus) -> list[str]:
        """Name the branches in that status, in the order they began."""
        return [branch for branch, at in self._branches.items() if at is status]

    def dialogs(self, branch: str | None = None) -> list[str]:
        """Return the callee's tags of the dialogs that have not ended, of one branch or of all."""
        return [d.callee_tag for d in self._dialogs if not d.ended and branch in (None, d.branch)]

    def established(self) -> list[str]:
        """Return the callee's tags of the dialogs that were answered for good and have not ended."""
        return list(dict.fromkeys(d.callee_tag for d in self._dialogs if d.established and not d.ended))

    def is_answered(self, branch: str) -> bool:
        """Return whether a branch had a 2xx and, as far as is known, has a dialog."""
        return self._branches.get(branch) is BranchStatus.ESTABLISHED

    def lives_without(self, branch: str) -> bool:
        """Return whether the call goes on without a branch: it has a dialog, or another branch may yet be answered."""
        return bool(self.established()) or any(other != branch for other in self.branches(BranchStatus.TRYING))

    def end(self, callee_tag: str) -> None:
        """Record that a callee's dialogs end without a BYE of their parties."""
        for dialog in self._dialogs:
            dialog.ended = dialog.ended or dialog.callee_tag == callee_tag

    def copy(self) -> Negotiation:
        """Return one that goes on from here without changing this one."""
        call = Negotiation()
        call._initial, call._earlier = self._initial, dict(self._earlier)
        call._branches = dict(self._branches)
        call._dialogs = [dialog.copy() for dialog in self._dialogs]
        return call

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values: strings, numbers, lists, dictionaries, None."""
        initial = self._initial
        return {
            "initial": [initial.cseq, initial.digest] if initial else None,
            "earlier": [list(invite) for invite in self._earlier.items()],
            "branches": {branch: status.value for branch, status in self._branches.items()},
            "dialogs": [dialog.to_dict() for dialog in self._dialogs],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Negotiation:
        """Go on from what to_dict gave."""
        call = cls()
        call._initial = _Initial(*data["initial"]) if data["initial"] else None
        call._earlier = dict(data.get("earlier", ()))
        call._branches = {branch: BranchStatus(status) for branch, status in data["branches"].items()}
        call._dialogs = [NegotiatedDialog.from_dict(dialog) for dialog in data["dialogs"]]
        return call

    def _see_initial(self, event: SipMessage) -> Verdict:
        if not event.from_caller:
            return _verdict(event, mistake(event, Fault.UNKNOWN))
        initial = self._initial
        if initial is None or event.cseq > initial.cseq:
            if any(dialog.established for dialog in self._dialogs):
                return _verdict(event, mistake(event, Fault.OVERLAP))
            return self._begin(event)
        if (event.cseq, event.digest) != (initial.cseq, initial.digest):
            return _verdict(event, mistake(event, Fault.STALE))
        return self._fork(event)

    def _begin(self, event: SipMessage) -> Verdict:
        """Start, or start again: a challenged INVITE comes back with a new CSeq (RFC 3261 22.2)."""
        if self._initial is not None:
            self._earlier[self._initial.cseq] = self._initial.digest
        self._initial = _Initial(event.cseq, event.digest)
        self._branches, self._dialogs = {}, []
        return self._fork(event)

    def _fork(self, event: SipMessage) -> Verdict:
        known = event.branch in self._branches
        self._branches.setdefault(event.branch, BranchStatus.TRYING)
        if event.sdp is None:
            return _verdict(event, nothing("a retransmission" if known else "it asks for an offer"))
        if known:
            trying = self._branches[event.branch] is BranchStatus.TRYING
            repeats = Role.OFFER if trying else Role.NOTHING
            return _verdict(event, Finding(Role.REPEAT, 1, why="a retransmission", repeats=repeats))
        return _verdict(event, Finding(Role.OFFER, 1, why=f"offer in {Place.INVITE}"))

    def _answers_initial(self, event: SipMessage) -> bool:
        reply = event.method == "INVITE" and event.status is not None and not event.from_caller
        return reply and self._initial is not None and event.cseq == self._initial.cseq

    def _answers_earlier(self, event: SipMessage) -> bool:
        """Return whether it is the 2xx to an INVITE that the caller has tried again since."""
        return event.place is Place.ACCEPT and not event.from_caller and event.cseq in self._earlier

    def _see_late(self, event: SipMessage) -> Verdict:
        """Learn the dialog of a 2xx that comes late; the branches of the INVITE under way are what they were."""
        dialog = self._find(None, event.callee_tag) or self._begin_dialog(event)
        finding = read(dialog, event)
        return _verdict(event, replace(finding, change=Change.NONE, again=Change.NONE), dialog)

    def _see_reply(self, event: SipMessage) -> Verdict:
        if event.failed:
            return self._fail(event)
        untagged = event.place is not Place.ACCEPT and not event.callee_tag and event.sdp is None
        if event.place is None or untagged:
            return _verdict(event, nothing("it makes no dialog"))  # 100 Trying, and what is no more than that
        status = self._branches.setdefault(event.branch, BranchStatus.TRYING)
        dialog = self._find(event.branch, event.callee_tag)
        if event.place is not Place.ACCEPT and status is BranchStatus.FAILED:
            return _verdict(event, mistake(event, Fault.ENDED), dialog)
        if event.place is Place.ACCEPT:
            self._branches[event.branch] = BranchStatus.ESTABLISHED
        dialog = dialog or self._begin_dialog(event)
        return _verdict(event, read(dialog, event), dialog)

    def _begin_dialog(self, event: SipMessage) -> NegotiatedDialog:
        """Begin a dialog in which the INVITE that the event replies to is under way, its offer open."""
        assert self._initial is not None, "a reply answers an INVITE that was seen"
        cseq = event.cseq
        digest = self._earlier[cseq] if cseq != self._initial.cseq else self._initial.digest
        dialog = NegotiatedDialog(event.branch, event.callee_tag, Invite(Leg.CALLER, cseq, asks=not digest))
        if digest:
            dialog.count = 1
            dialog.open = OfferAnswerExchange(1, Place.INVITE, Leg.CALLER, cseq, Leg.CALLER, digest)
        dialog.seen[f"{Leg.CALLER} INVITE"] = SeenRequest(cseq, digest, dialog.count)
        self._dialogs.append(dialog)
        return dialog

    def _fail(self, event: SipMessage) -> Verdict:
        status = self._branches.get(event.branch)
        if status is not BranchStatus.TRYING:
            again = Change.BRANCH_FAILED if status is BranchStatus.FAILED else Change.NONE
            return _verdict(event, replace(nothing("the branch has its final reply"), again=again))
        self._branches[event.branch] = BranchStatus.FAILED
        self._dialogs = [dialog for dialog in self._dialogs if dialog.branch != event.branch]
        why = f"the branch failed with {event.status}"
        return Verdict(Role.NOTHING, event.sender, event.branch, change=Change.BRANCH_FAILED, why=why)

    def _see_cancel(self, event: SipMessage) -> Verdict:
        trying = self.branches(BranchStatus.TRYING)
        aims = self._initial is not None and event.cseq == self._initial.cseq and event.from_caller
        if not aims or not (event.branch in trying or (not event.branch and trying)):
            return _verdict(event, nothing("it cancels nothing"))
        return _verdict(event, nothing("cancelled", Change.CANCELLED))

    def _see_in_dialog(self, event: SipMessage) -> Verdict:
        dialog = self._find(event.branch, event.callee_tag) or self._find(None, event.callee_tag)
        if dialog is None:
            return replace(_verdict(event, _outside(event)), stray=True)
        if event.method == "BYE" and event.status is None:
            return _verdict(event, self._end(dialog), dialog)
        return _verdict(event, read(dialog, event), dialog)

    def _end(self, dialog: NegotiatedDialog) -> Finding:
        known, dialog.ended = dialog.ended, True
        last = dialog.established and not any(d.established and not d.ended for d in self._dialogs)
        change = Change.CALL_ENDED if last else Change.DIALOG_ENDED
        return replace(nothing("a retransmission"), again=change) if known else nothing("BYE", change)

    def _find(self, branch: str | None, callee_tag: str) -> NegotiatedDialog | None:
        """Find a dialog, of any branch if that is None; an established one goes before others of the same tag."""
        found = [d for d in self._dialogs if d.callee_tag == callee_tag and branch in (None, d.branch)]
        return max(found, key=lambda d: (not d.ended, d.established), default=None)


def _outside(event: SipMessage) -> Finding:
    """Return the verdict on a message of no known dialog; the ACK for a branch that failed is one, and in order."""
    place = event.place
    matters = place is not None and (place.begins or event.sdp is not None)
    return mistake(event, Fault.UNKNOWN) if matters else nothing(Fault.UNKNOWN.value)


def _verdict(event: SipMessage, finding: Finding, dialog: NegotiatedDialog | None = None) -> Verdict:
    return Verdict(
        role=finding.role,
        leg=event.sender,
        branch=dialog.branch if dialog else event.branch,
        callee_tag=dialog.callee_tag if dialog else "",
        exchange=finding.exchange,
        in_force=dialog.in_force if dialog else 0,
        change=finding.change,
        fault=finding.fault,
        why=finding.why,
        repeats=finding.repeats,
        again=finding.again,
    )
