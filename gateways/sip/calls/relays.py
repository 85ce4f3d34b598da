"""The way from the SIP door to the calls' actors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from actors import replies
from actors.directory import Directory
from actors.effects import Decision, Flow, Record
from actors.flows import relay as flows
from actors.flows.delete import end_unanswered
from actors.flows.signalling import CSEQ_SHIFT, REFUSE_WITH, REMEDY, VERDICT, Seen, signal
from actors.nodes import NodeTable
from engines.kind import is_ok, reason
from engines.refusal import code_of
from engines.rtpengine.bencode import NgDict
from events.types import Event, PartyLearned
from gateways.sip.calls.refusals import refusal
from replay.identity import first_id, id_of_caller
from replay.negotiation import BranchStatus, Fault, Remedy, SipEvent
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

    @property
    def foreign(self) -> bool:
        """Whether the message is of another caller's call with the same Call-ID."""
        return self.fault == Fault.FOREIGN.name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A call as it is: its settings, its script's variables, its parties by leg and tag, branches without an answer.

    name: that of its stream. callers_tag: None where no INVITE told. unacknowledged: the callees' tags of dialogs whose
    ACK the call waits for. ended: it is over, and its journal is kept for a while.
    """

    name: str = ""
    callers_tag: str | None = None
    relay: Relay | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    parties: Mapping[tuple[str, str], Party] = field(default_factory=dict)
    trying: Sequence[str] = ()
    unacknowledged: Collection[str] = ()
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

    def has(self, *tags: str) -> bool:
        """Tell whether a message with these tags is of this call: the caller's is among them."""
        return (self.known or self.ended) and (self.callers_tag is None or self.callers_tag in tags)

    def leg(self, tag: str) -> str:
        """Give the leg of a tag."""
        return CALLER if tag == self.callers_tag or (CALLER, tag) in self.parties else CALLEE


class CallRelays:
    """What the SIP door has of the call actors."""

    def __init__(self, directory: Directory, nodes: NodeTable, now: Callable[[], int]) -> None:
        self._directory, self._nodes, self._now = directory, nodes, now

    async def find(self, call_id: str, from_tag: str, to_tag: str) -> Snapshot:
        """Look for the call that a message in a dialog is of; an empty snapshot if there is none. Raises as `snapshot`.

        Another caller's call may have the Call-ID, so that this one's stream has the caller's tag in its name.
        """
        names = list(dict.fromkeys(id_of_caller(call_id, tag) for tag in (from_tag, to_tag)))
        if first_id(call_id, from_tag) == call_id:
            found = await self.snapshot(call_id)
            if not found.name or found.has(from_tag, to_tag):
                return found
        for name in names:
            found = await self.snapshot(name)
            if found.has(from_tag, to_tag):
                return found
        return Snapshot()

    async def snapshot(self, name: str) -> Snapshot:
        """Look at a call; an unknown one gives an empty snapshot. Raises RefusalError if it cannot be looked at."""
        found = Snapshot()

        def flow() -> Flow:
            nonlocal found
            found = yield Record(lambda state: Decision([], _snapshot(state)))
            return {b"result": b"ok"}

        error = _error_of(await self._directory.ask(name, flow(), LOOKING))
        if error is not None:
            raise refusal(error, name)
        return found

    async def signal(
        self,
        name: str,
        event: SipEvent,
        *,
        source: str,
        news: Sequence[Event] = (),
        party: PartyLearned | None = None,
        expires: int = 0,
        joins: bool = False,
    ) -> Seeing:
        """Tell the call of a message, and what the script changed before it; get what is to stand in the message.

        joins: an INVITE that is a further branch of a call, and begins none.
        """
        seen = Seen(call_id=name, event=event, received_from=source, at=self._now(), expires=expires, joins=joins)
        lane = None if event.method == "BYE" else event.branch
        flow = signal(seen, self._nodes, news, party)
        return _seeing(await self._directory.ask(name, flow, lane, opens_call=event.begins_call and not joins))

    async def end(self, name: str, callers_tag: str, why: str) -> None:
        """End this caller's call, if no dialog of it has come about."""
        command = flows.call_delete(name, callers_tag, "", why, self._now())
        await self._directory.ask(name, end_unanswered(command, callers_tag), None)


def _snapshot(state: CallState) -> Snapshot:
    signalling, negotiation = state.signalling, state.negotiation
    if signalling is None:
        return Snapshot(name=state.call_id if state.version else "")
    return Snapshot(
        name=state.call_id,
        callers_tag=signalling.callers_tag,
        ended=signalling.over,
        relay=state.relay.copy() if state.relay else None,
        variables=dict(signalling.variables),
        parties=dict(signalling.parties),
        trying=negotiation.branches(BranchStatus.TRYING) if negotiation else (),
        unacknowledged=frozenset(signalling.unacknowledged),
        sequences={key: copy.copy(cseqs) for key, cseqs in signalling.sequences.items() if cseqs.insertions},
    )


def _seeing(reply: NgDict) -> Seeing:
    said, sdp, shift = reply.get(VERDICT), reply.get(b"sdp"), reply.get(CSEQ_SHIFT)
    remedy, status = reply.get(REMEDY), reply.get(REFUSE_WITH)
    words = (
        {key: value.decode(errors="replace") for key, value in said.items() if isinstance(value, bytes)}
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
        error=_error_of(reply),
    )


def _error_of(reply: NgDict) -> replies.Refusal | None:
    return None if is_ok(reply) else replies.Refusal(reason(reply) or "no reason was given", code_of(reply))
