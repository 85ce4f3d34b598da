"""The negotiation of one call: its initial INVITE, the forks of that, and the dialogs they make.

Verdicts are applied here (`Negotiation.apply`), and none is given: that is for `replay.offer_answer.decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from events.names import CALLER, BranchId, Tag
from events.verdict import SipVerdict, Step
from replay.offer_answer import steps
from replay.offer_answer.dialog import Invite, NegotiatedDialog, OfferAnswerExchange, SeenRequest
from replay.offer_answer.message import SipMessage
from replay.offer_answer.place import Place


class BranchStatus(StrEnum):
    """Where a fork of the initial INVITE is."""

    TRYING = "trying"
    FAILED = "failed"
    ESTABLISHED = "established"


@dataclass(frozen=True, slots=True)
class InitialInvite:
    """The initial INVITE; `digest` is "" if it came without SDP."""

    cseq: int
    digest: str


@dataclass(slots=True)
class Negotiation:
    """Who offered and who answered what, in one call.

    earlier: the digests of the initial INVITEs before, by CSeq. forks: the branches of the initial INVITE, "" for all
    as one. all_dialogs: also those that have ended.
    """

    initial: InitialInvite | None = None
    earlier: dict[int, str] = field(default_factory=dict)
    forks: dict[BranchId, BranchStatus] = field(default_factory=dict)
    all_dialogs: list[NegotiatedDialog] = field(default_factory=list)

    def apply(self, message: SipMessage, verdict: SipVerdict) -> None:
        """Do what a message does to the negotiation by the verdict on it. Raises ValueError if that makes no sense."""
        for step in verdict.steps:
            if step in _STEPS:
                self.take(step, message)
            else:
                dialog = self.dialog(verdict.branch, verdict.callee_tag)
                if dialog is None:
                    raise ValueError("a step of a dialog that is not there")
                steps.take(dialog, step, message, verdict.exchange, verdict.fault)

    def take(self, step: Step, message: SipMessage) -> None:
        """Take a step of a message that is one of the call's, not of a dialog's."""
        _STEPS[step](self, message)

    def dialog(self, branch: BranchId, callee_tag: Tag) -> NegotiatedDialog | None:
        """Return the dialog of a branch and callee, ended or not."""
        for dialog in self.all_dialogs:
            if (dialog.branch, dialog.callee_tag) == (branch, callee_tag):
                return dialog
        return None

    def standing(self, callee_tag: Tag) -> NegotiatedDialog | None:
        """Return a callee's dialog that was answered for good and has not ended; None if there is none."""
        for dialog in self.all_dialogs:
            if dialog.callee_tag == callee_tag and dialog.established and not dialog.ended:
                return dialog
        return None

    def branches(self, status: BranchStatus) -> list[BranchId]:
        """Name the branches in that status, in the order they began."""
        return [branch for branch, at in self.forks.items() if at is status]

    def dialogs(self, branch: BranchId | None = None) -> list[str]:
        """Return the callee's tags of the dialogs that have not ended, of one branch or of all."""
        return [d.callee_tag for d in self.all_dialogs if not d.ended and branch in (None, d.branch)]

    def established(self) -> list[Tag]:
        """Return the callee's tags of the dialogs that were answered for good and have not ended."""
        return list(dict.fromkeys([d.callee_tag for d in self.all_dialogs if d.established and not d.ended]))

    def is_established(self) -> bool:
        """Return whether there is a dialog that was answered for good and has not ended."""
        return any(dialog.established and not dialog.ended for dialog in self.all_dialogs)

    def is_answered(self, branch: BranchId) -> bool:
        """Return whether a branch had a 2xx and, as far as is known, has a dialog."""
        return self.forks.get(branch) is BranchStatus.ESTABLISHED

    def lives_without(self, branch: BranchId) -> bool:
        """Return whether the call goes on without a branch: it has a dialog, or another branch may yet be answered."""
        return self.is_established() or any(other != branch for other in self.branches(BranchStatus.TRYING))

    def end(self, callee_tag: Tag) -> None:
        """Record that a callee's dialogs end without a BYE of their parties."""
        for dialog in self.all_dialogs:
            dialog.ended = dialog.ended or dialog.callee_tag == callee_tag

    def copy(self) -> Negotiation:
        """Return one that goes on from here without changing this one."""
        dialogs = [dialog.copy() for dialog in self.all_dialogs]
        return Negotiation(self.initial, dict(self.earlier), dict(self.forks), dialogs)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain values: strings, numbers, lists, dictionaries, None."""
        initial = self.initial
        return {
            "initial": [initial.cseq, initial.digest] if initial else None,
            "earlier": [list(invite) for invite in self.earlier.items()],
            "branches": {branch: status.value for branch, status in self.forks.items()},
            "dialogs": [dialog.to_dict() for dialog in self.all_dialogs],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Negotiation:
        """Go on from what to_dict gave."""
        return cls(
            InitialInvite(*data["initial"]) if data["initial"] else None,
            dict(data.get("earlier", ())),
            {branch: BranchStatus(status) for branch, status in data["branches"].items()},
            [NegotiatedDialog.from_dict(dialog) for dialog in data["dialogs"]],
        )


def _call_begun(call: Negotiation, message: SipMessage) -> None:
    if call.initial is not None:
        call.earlier[call.initial.cseq] = call.initial.digest
    call.initial = InitialInvite(message.cseq, message.digest)
    call.forks, call.all_dialogs = {}, []


def _branch_begun(call: Negotiation, message: SipMessage) -> None:
    call.forks.setdefault(message.branch, BranchStatus.TRYING)


def _branch_answered(call: Negotiation, message: SipMessage) -> None:
    call.forks[message.branch] = BranchStatus.ESTABLISHED


def _branch_failed(call: Negotiation, message: SipMessage) -> None:
    call.forks[message.branch] = BranchStatus.FAILED
    call.all_dialogs = [dialog for dialog in call.all_dialogs if dialog.branch != message.branch]


def _dialog_begun(call: Negotiation, message: SipMessage) -> None:
    if call.initial is None:
        raise ValueError("a dialog without an INVITE")
    cseq = message.cseq
    digest = call.initial.digest if cseq == call.initial.cseq else call.earlier[cseq]
    dialog = NegotiatedDialog(message.branch, message.callee_tag, Invite(CALLER, cseq, asks=not digest))
    if digest:
        dialog.count = 1
        dialog.open = OfferAnswerExchange(1, Place.INVITE, CALLER, cseq, CALLER, digest)
    dialog.seen[f"{CALLER} INVITE"] = SeenRequest(cseq, digest, dialog.count)
    call.all_dialogs.append(dialog)


_STEPS: Mapping[Step, Callable[[Negotiation, SipMessage], None]] = MappingProxyType(
    {
        Step.CALL_BEGUN: _call_begun,
        Step.BRANCH_BEGUN: _branch_begun,
        Step.BRANCH_ANSWERED: _branch_answered,
        Step.BRANCH_FAILED: _branch_failed,
        Step.DIALOG_BEGUN: _dialog_begun,
    }
)
