"""The way from the SIP door to the calls' actors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from actors import replies
from actors.directory import Directory
from actors.effects import Decision, Flow, Record
from actors.flows import relay as flows
from actors.flows.delete import delete
from actors.flows.signalling import CSEQ_SHIFT, REFUSE_WITH, REMEDY, VERDICT, Seen, signal
from actors.nodes import NodeTable
from engines.kind import is_ok, reason
from engines.refusal import code_of
from engines.rtpengine.bencode import NgDict
from events.types import Event, PartyLearned
from replay.negotiation import BranchStatus, Remedy, SipEvent
from replay.relay import CALLEE, CALLER, Relay
from replay.signalling import Party
from replay.signalling import Sequence as CSeqs
from replay.state import CallState

LOOKING = "\0looking"
"""The lane of those who only look: they wait for nobody but what ends the call."""


@dataclass(frozen=True, slots=True)
class Seeing:
    """What became of a message. sdp: what is to stand in it. shift: for the CSeq of its request.

    role, change, fault, why: the verdict on it (replay.negotiation), in words. remedy: what is to be done about a body
    that must not go on, with the status of a refusal. error: why it could not be relayed.
    """

    sdp: bytes | None
    shift: int
    role: str
    change: str
    fault: str
    why: str
    error: replies.Refusal | None = None
    remedy: Remedy = Remedy.NONE
    refuse_with: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A call as it is: its settings, its script's variables, its parties by leg and tag, branches without an answer.

    ended: it is over, and its journal is kept for a while.
    """

    relay: Relay | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    parties: Mapping[tuple[str, str], Party] = field(default_factory=dict)
    trying: Sequence[str] = ()
    ended: bool = False
    sequences: Mapping[tuple[str, str], CSeqs] = field(default_factory=dict)

    def shift(self, leg: str, callee_tag: str, cseq: int) -> int:
        """Give what is added to the CSeq of a request that this leg sends in the dialog of this callee."""
        cseqs = self.sequences.get((leg, callee_tag))
        return cseqs.shift(cseq) if cseqs else 0

    @property
    def known(self) -> bool:
        """Whether the call's journal has seen it."""
        return bool(self.parties)

    def leg(self, tag: str) -> str:
        """Give the leg of a tag."""
        return CALLER if (CALLER, tag) in self.parties else CALLEE


class CallRelays:
    """What the SIP door has of the call actors."""

    def __init__(self, directory: Directory, nodes: NodeTable, now: Callable[[], int]) -> None:
        self._directory, self._nodes, self._now = directory, nodes, now

    async def snapshot(self, call_id: str) -> Snapshot:
        """Look at a call; an unknown one gives an empty snapshot."""
        found = Snapshot()

        def flow() -> Flow:
            nonlocal found
            found = yield Record(lambda state: Decision([], _snapshot(state)))
            return {b"result": b"ok"}

        await self._directory.ask(call_id, flow(), LOOKING)
        return found

    async def signal(
        self,
        call_id: str,
        event: SipEvent,
        *,
        source: str,
        news: Sequence[Event] = (),
        party: PartyLearned | None = None,
        expires: int = 0,
    ) -> Seeing:
        """Tell the call of a message, and what the script changed before it; get what is to stand in the message."""
        seen = Seen(call_id=call_id, event=event, received_from=source, at=self._now(), expires=expires)
        lane = None if event.method == "BYE" else event.branch
        flow = signal(seen, self._nodes, news, party)
        return _seeing(await self._directory.ask(call_id, flow, lane, opens_call=event.begins_call))

    async def end(self, call_id: str, callers_tag: str, why: str) -> None:
        """End a call of which no dialog has come about."""
        await self._directory.ask(call_id, delete(flows.call_delete(call_id, callers_tag, "", why, self._now())), None)


def _snapshot(state: CallState) -> Snapshot:
    signalling, negotiation = state.signalling, state.negotiation
    if signalling is None:
        return Snapshot()
    return Snapshot(
        ended=signalling.over,
        relay=state.relay.copy() if state.relay else None,
        variables=dict(signalling.variables),
        parties=dict(signalling.parties),
        trying=negotiation.branches(BranchStatus.TRYING) if negotiation else (),
        sequences={key: copy.copy(cseqs) for key, cseqs in signalling.sequences.items() if cseqs.insertions},
    )


def _seeing(reply: NgDict) -> Seeing:
    said, sdp, shift = reply.get(VERDICT), reply.get(b"sdp"), reply.get(CSEQ_SHIFT)
    remedy, status = reply.get(REMEDY), reply.get(REFUSE_WITH)
    words = (
        {key: value.decode() for key, value in said.items() if isinstance(value, bytes)}
        if isinstance(said, dict)
        else {}
    )
    return Seeing(
        sdp=sdp if isinstance(sdp, bytes) else None,
        shift=shift if isinstance(shift, int) else 0,
        role=words.get(b"role", ""),
        change=words.get(b"change", ""),
        fault=words.get(b"fault", ""),
        why=words.get(b"why", ""),
        remedy=Remedy(remedy.decode()) if isinstance(remedy, bytes) else Remedy.NONE,
        refuse_with=status if isinstance(status, int) else 0,
        error=None if is_ok(reply) else replies.Refusal(reason(reply) or "no reason was given", code_of(reply)),
    )
