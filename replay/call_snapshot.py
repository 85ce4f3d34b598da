"""A call as it is at one time, for a message of it: made of its state, and independent of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from events.names import BranchId, Leg, Tag
from replay.offer_answer import BranchStatus, Negotiation
from replay.offer_answer.place import Place
from replay.relay_settings import CALLEE, CALLER, RelaySettings
from replay.sip_dialogs import CSeqs, Party, SipDialogs
from replay.state import CallState


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """A call as it is: its settings, its script's variables, its parties by leg and tag, branches of its INVITE.

    trying, answered: the branches without a final response, and with a 2xx; the others have failed. invite: its CSeq,
    0 for none. reinvites: that of the newest INVITE in a dialog, by the leg that sent it and the callee's tag; updates:
    that of an UPDATE that has no final response. name: that of its stream. callers_tag: None where no INVITE told.
    unacknowledged: the callees' tags of dialogs whose ACK the call waits for, be it for the answer that is due in it.
    ended: it is over, and its journal is kept for a while. former: the callers' tags of calls that had its stream
    before it. foreign: what was looked for is no call's, though its Call-ID is that of a known one.
    """

    name: str = ""
    callers_tag: Tag | None = None
    relay: RelaySettings | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    parties: Mapping[tuple[Leg, Tag], Party] = field(default_factory=dict)
    branches: Sequence[BranchId] = ()
    trying: Sequence[BranchId] = ()
    answered: Sequence[BranchId] = ()
    invite: int = 0
    reinvites: Mapping[tuple[Leg, Tag], int] = field(default_factory=dict)
    updates: Mapping[tuple[Leg, Tag], int] = field(default_factory=dict)
    unacknowledged: Collection[str] = ()
    ended: bool = False
    former: frozenset[Tag] = frozenset()
    foreign: bool = False
    sequences: Mapping[tuple[Leg, Tag], CSeqs] = field(default_factory=dict)

    def shift(self, leg: Leg, callee_tag: Tag, cseq: int) -> int:
        """Return what is added to the CSeq of a request that this leg sends in the dialog of this callee."""
        cseqs = self.sequences.get((leg, callee_tag))
        return cseqs.shift(cseq) if cseqs else 0

    @property
    def known(self) -> bool:
        """Whether the call's journal has seen it."""
        return bool(self.parties)

    def has(self, *tags: str) -> bool:
        """Return whether a message with these tags is of this call: the caller's is among them."""
        return (self.known or self.ended) and (self.callers_tag is None or self.callers_tag in tags)

    def without(self, *tags: str) -> CallSnapshot:
        """Return what is there for a message with this call's Call-ID and other tags, if no other stream is of it.

        An ended call, if these tags are of one that had the stream before.
        """
        return CallSnapshot(ended=not self.former.isdisjoint(tags), foreign=self.known or self.ended)

    def leg(self, tag: Tag) -> Leg:
        """Return the leg of a tag."""
        return CALLER if tag == self.callers_tag or (CALLER, tag) in self.parties else CALLEE


def snapshot_of(state: CallState) -> CallSnapshot:
    """Return a call as it is; without a name if nothing is known of it."""
    sip_dialogs, negotiation = state.sip_dialogs, state.negotiation
    if sip_dialogs is None:
        return CallSnapshot(name=state.call_id if state.version else "")
    return CallSnapshot(
        name=state.call_id,
        callers_tag=sip_dialogs.callers_tag,
        ended=sip_dialogs.over,
        former=sip_dialogs.former,
        relay=state.relay.copy() if state.relay else None,
        variables=dict(sip_dialogs.variables),
        parties=dict(sip_dialogs.parties),
        branches=tuple(negotiation.forks) if negotiation else (),
        trying=negotiation.branches(BranchStatus.TRYING) if negotiation else (),
        answered=negotiation.branches(BranchStatus.ESTABLISHED) if negotiation else (),
        invite=negotiation.initial.cseq if negotiation and negotiation.initial else 0,
        reinvites=_reinvites(negotiation) if negotiation else {},
        updates=_updates(sip_dialogs) if sip_dialogs.awaiting else {},
        unacknowledged=_unacknowledged(state, sip_dialogs),
        sequences={key: cseqs.copy() for key, cseqs in sip_dialogs.sequences.items() if cseqs.insertions},
    )


def _reinvites(negotiation: Negotiation) -> dict[tuple[Leg, Tag], int]:
    dialogs = [dialog for dialog in negotiation.all_dialogs if dialog.established and not dialog.ended]
    return {(dialog.invite.requester, Tag(dialog.callee_tag)): dialog.invite.cseq for dialog in dialogs}


def _updates(sip_dialogs: SipDialogs) -> dict[tuple[Leg, Tag], int]:
    awaiting = sip_dialogs.awaiting.items()
    return {(Leg(leg), Tag(tag)): cseq for (leg, tag, method), (cseq, _) in awaiting if method == "UPDATE"}


def _unacknowledged(state: CallState, sip_dialogs: SipDialogs) -> frozenset[str]:
    missing = frozenset(sip_dialogs.unacknowledged)
    for dialog in state.negotiation.all_dialogs if state.negotiation else ():
        if dialog.open is not None and dialog.open.place is Place.ACCEPT and not dialog.ended:
            missing |= {dialog.callee_tag}  # the offer of a 2xx, which the ACK is to answer
    if state.migration is not None and state.migration.awaits_answer:
        missing |= frozenset(state.dialogs()) - state.migration.acknowledged
    return missing
