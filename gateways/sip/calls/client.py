"""The way from the SIP door to the calls' actors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from actors import replies
from actors.directory import Directory
from actors.effects import Flow, Read
from actors.flows.media.delete import end_unanswered
from actors.flows.sip import relayed_media as flows
from actors.flows.sip.observe import CSEQ_SHIFT, REFUSE_WITH, REMEDY, VERDICT, ObservedSipMessage, signal
from actors.flows.sip.own_requests import end_call
from actors.node_table import NodeTable
from engines.kind import is_ok, reason
from engines.ng.bencode import NgDict
from engines.refusal import RefusalCode, code_of
from events.registry import Event, PartyLearned
from gateways.sip.calls.untold import Item, Unended, Unplaced, Unsaid, Untold
from replay.identity import first_id, id_of_caller
from replay.offer_answer import BranchStatus, Fault, Remedy, SipMessage
from replay.relay_settings import CALLEE, CALLER, RelaySettings
from replay.sip_dialogs import CSeqs, Party
from replay.state import CallState

READ_KEY = "\0read"
"""The serial key of reads: they wait for nobody but what ends the call."""


log = structlog.get_logger(bounded=True)


@dataclass(frozen=True, slots=True)
class ObservedMessage:
    """What became of a message. sdp: what is to stand in it. shift: for the CSeq of its request.

    role, change, fault, why: the verdict on it (replay.offer_answer), in words. remedy: what is to be done about a body
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
    def unheard(self) -> replies.Refusal | None:
        """Why the call did not hear of the message at all; None if it did."""
        return None if self.role else self.error

    @property
    def foreign(self) -> bool:
        """Whether the message is of another caller's call with the same Call-ID."""
        return self.fault == Fault.FOREIGN.name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A call as it is: its settings, its script's variables, its parties by leg and tag, branches without an answer.

    name: that of its stream. callers_tag: None where no INVITE told. unacknowledged: the callees' tags of dialogs whose
    ACK the call waits for. ended: it is over, and its journal is kept for a while. former: the callers' tags of calls
    that had its stream before it. foreign: what was looked for is no call's, though its Call-ID is that of a known one.
    silence: why nothing can be said of it; that is not to say that there is no such call.
    """

    name: str = ""
    callers_tag: str | None = None
    relay: RelaySettings | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    parties: Mapping[tuple[str, str], Party] = field(default_factory=dict)
    trying: Sequence[str] = ()
    unacknowledged: Collection[str] = ()
    ended: bool = False
    former: frozenset[str] = frozenset()
    foreign: bool = False
    sequences: Mapping[tuple[str, str], CSeqs] = field(default_factory=dict)
    silence: replies.Refusal | None = None

    def shift(self, leg: str, callee_tag: str, cseq: int) -> int:
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

    def without(self, *tags: str) -> Snapshot:
        """Return what is there for a message with this call's Call-ID and other tags, if no other stream is of it.

        An ended call, if these tags are of one that had the stream before.
        """
        return Snapshot(ended=not self.former.isdisjoint(tags), foreign=self.known or self.ended)

    def leg(self, tag: str) -> str:
        """Return the leg of a tag."""
        return CALLER if tag == self.callers_tag or (CALLER, tag) in self.parties else CALLEE


_WAITS = ObservedMessage(
    sdp=None,
    shift=0,
    role="",
    change="",
    fault="",
    why="",
    error=replies.Refusal("the call is still to be told of messages before this one", RefusalCode.NO_JOURNAL),
)
"""What is said of a message that goes on, and of which its call will hear when it has heard of those before."""


class CallClient:
    """What the SIP door has of the call actors.

    What ends something, and a call did not hear of, is kept, and told as soon as that can be done.
    """

    def __init__(self, directory: Directory, nodes: NodeTable, now: Callable[[], int]) -> None:
        self._directory, self._nodes, self._now = directory, nodes, now
        self._untold = Untold(self._tell_again)

    async def close(self) -> None:
        """Stop reporting to calls the messages that they missed."""
        await self._untold.close()

    async def find(self, call_id: str, from_tag: str, to_tag: str) -> Snapshot:
        """Look for the call that a message in a dialog is of; without one, see `silence`, `ended` and `foreign`.

        Another caller's call may have the Call-ID, so that this one's stream has the caller's tag in its name.
        """
        names = list(dict.fromkeys(id_of_caller(call_id, tag) for tag in (from_tag, to_tag)))
        first = Snapshot()
        if first_id(call_id, from_tag) == call_id:
            first = await self.snapshot(call_id)
            if not first.name or first.has(from_tag, to_tag):
                return first
        for name in names:
            found = await self.snapshot(name)
            if found.silence or found.has(from_tag, to_tag):
                return found
        return first.without(from_tag, to_tag)

    async def snapshot(self, name: str) -> Snapshot:
        """Look at a call; an unknown one gives an empty snapshot. One with a `silence` may be there all the same."""
        found = Snapshot()

        def flow() -> Flow:
            nonlocal found
            found = yield Read(_snapshot)
            return {b"result": b"ok"}

        reply = await self._directory.ask(name, flow(), READ_KEY)
        return found if is_ok(reply) else Snapshot(silence=_refusal(reply))

    async def signal(
        self,
        name: str,
        event: SipMessage,
        *,
        source: str,
        news: Sequence[Event] = (),
        party: PartyLearned | None = None,
        expires: int = 0,
        joins: bool = False,
    ) -> ObservedMessage:
        """Report a message, and what the script changed before it, to its call; return what is to stand in the message.

        joins: an INVITE that is a further branch of a call, and begins none.
        """
        seen = ObservedSipMessage(
            call_id=name, event=event, received_from=source, at=self._now(), expires=expires, joins=joins
        )
        waits = _goes_on_unheard(event) and self._untold.has(name)
        seeing = _WAITS if waits else await self._say(seen, news, party)
        if seeing.unheard and _goes_on_unheard(event):
            self._untold.keep(Unsaid(name, replace(event, sdp=None), source, news, party, expires))
        return seeing

    async def _say(
        self, seen: ObservedSipMessage, news: Sequence[Event], party: PartyLearned | None
    ) -> ObservedMessage:
        event, flow = seen.event, signal(seen, self._nodes, news, party)
        serial_key = None if event.method == "BYE" else event.branch
        opens = event.begins_call and not seen.joins
        return _seeing(await self._directory.ask(seen.call_id, flow, serial_key, opens_call=opens))

    async def end_dialog(self, name: str, callees_tag: str, why: str) -> None:
        """End an established dialog for both of its parties, and the call with its last one."""
        log.warning("sip dialog ended", call_id=name, why=why)
        await self._directory.ask(name, end_call(why, callees_tag), None)

    async def end(self, name: str, callers_tag: str, why: str) -> None:
        """End this caller's call, if no dialog of it has come about."""
        unended = Unended(name, callers_tag, why)
        if self._untold.has(name) or await self._end(unended):
            self._untold.keep(unended)

    async def _end(self, call: Unended) -> RefusalCode | None:
        command = flows.call_delete(call.name, call.callers_tag, "", call.why, self._now())
        reply = await self._directory.ask(call.name, end_unanswered(command, call.callers_tag), None)
        return None if is_ok(reply) else code_of(reply)

    # -- what was not heard --

    def tell_later(self, call_id: str, event: SipMessage, source: str) -> None:
        """Report a request in a dialog once its call can be looked up; `event.from_caller` is ignored.

        This process keeps it, and only so many: if it does not live to tell, the call ends by other ways.
        """
        self._untold.keep(Unplaced(call_id, replace(event, sdp=None, from_caller=True), source))

    async def _tell_again(self, item: Item) -> RefusalCode | None:
        if isinstance(item, Unended):
            return await self._end(item)
        if isinstance(item, Unsaid):
            return await self._say_again(item)
        event = item.event
        call = await self.find(item.call_id, event.from_tag, event.to_tag)
        if not call.known:
            return call.silence.code if call.silence else None
        event = replace(event, from_caller=call.leg(event.from_tag) == CALLER)
        return await self._say_again(Unsaid(call.name, event, item.source))

    async def _say_again(self, item: Unsaid) -> RefusalCode | None:
        seen = ObservedSipMessage(
            call_id=item.name, event=item.event, received_from=item.source, at=self._now(), expires=item.expires
        )
        unheard = (await self._say(seen, item.news, item.party)).unheard
        return unheard.code if unheard else None


def _goes_on_unheard(event: SipMessage) -> bool:
    """Return whether a message goes on though its call did not hear of it: it ends something, and brings no media."""
    if event.status is None:
        return event.method == "BYE" or (event.method == "ACK" and event.sdp is None)
    return event.failed or (event.status >= 200 and event.sdp is None)


def _snapshot(state: CallState) -> Snapshot:
    sip_dialogs, negotiation = state.sip_dialogs, state.negotiation
    if sip_dialogs is None:
        return Snapshot(name=state.call_id if state.version else "")
    return Snapshot(
        name=state.call_id,
        callers_tag=sip_dialogs.callers_tag,
        ended=sip_dialogs.over,
        former=sip_dialogs.former,
        relay=state.relay.copy() if state.relay else None,
        variables=dict(sip_dialogs.variables),
        parties=dict(sip_dialogs.parties),
        trying=negotiation.branches(BranchStatus.TRYING) if negotiation else (),
        unacknowledged=frozenset(sip_dialogs.unacknowledged),
        sequences={key: copy.copy(cseqs) for key, cseqs in sip_dialogs.sequences.items() if cseqs.insertions},
    )


def _seeing(reply: NgDict) -> ObservedMessage:
    said, sdp, shift = reply.get(VERDICT), reply.get(b"sdp"), reply.get(CSEQ_SHIFT)
    remedy, status = reply.get(REMEDY), reply.get(REFUSE_WITH)
    words = (
        {key: value.decode(errors="replace") for key, value in said.items() if isinstance(value, bytes)}
        if isinstance(said, dict)
        else {}
    )
    return ObservedMessage(
        sdp=sdp if isinstance(sdp, bytes) else None,
        shift=shift if isinstance(shift, int) else 0,
        role=words.get(b"role", ""),
        change=words.get(b"change", ""),
        fault=words.get(b"fault", ""),
        why=words.get(b"why", ""),
        remedy=Remedy(remedy.decode()) if isinstance(remedy, bytes) else Remedy.NONE,
        refuse_with=status if isinstance(status, int) else 0,
        error=None if is_ok(reply) else _refusal(reply),
    )


def _refusal(reply: NgDict) -> replies.Refusal:
    return replies.Refusal(reason(reply) or "no reason was given", code_of(reply))
