"""The flow of a SIP message that a door or application saw: what it means for the relay is decided by the table.

Every message is journalled first (`SipMessageSeen`): the negotiation is part of the call's state, so that any control
node goes on where another one stopped. What the message ends is journalled in the same step. What the table then says
is done with the flow of actors/flows/sip/relayed_media.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from actors.commands.sip import ObserveSipMessage
from actors.effects import Decide, Decision, Flow, Persist, Spawn, Step
from actors.flows.media.delete import carry_out
from actors.flows.media.removals import IntendedDeletes
from actors.flows.sip import forks
from actors.flows.sip.branches import established
from actors.flows.sip.ended_by_message import change_of, ended_by
from actors.flows.sip.message_body import relay_body, remedied
from actors.flows.sip.overdue_requests import overdue
from actors.flows.sip.parties import cseq_shift, learned
from actors.flows.sip.passes import first_pass_of
from actors.flows.sip.settings import settings_events
from actors.flows.sip.told_again import let_hear, restore
from actors.node_table import NodeTable
from events.registry import Event, SipMessageSeen
from replay.identity import is_of
from replay.offer_answer import Change, Fault, Negotiation, Role, SipMessage, Verdict
from replay.offer_answer.decide import decide
from replay.state import CallState


@dataclass(frozen=True, slots=True)
class _Noted:
    """What there is to do about a message that stands in the journal. ended: the deletes of what it ended.

    said: the message as it was in its first pass. shift: that of its request's CSeq.
    """

    said: ObserveSipMessage
    verdict: Verdict
    shift: int
    ended: Sequence[IntendedDeletes]


def observe(seen: ObserveSipMessage, nodes: NodeTable) -> Flow:
    """Journal a message, relay its body if it is an offer or answer, and do what it does to the call.

    The result's `sdp` is what is to stand in the message in place of its own. Where no relay speaks for the body,
    though one is engaged, it has a remedy; without either the message stays as it is.
    """
    noted: _Noted = yield Persist(_note(seen))
    said, verdict = noted.said, noted.verdict
    if verdict.fault is Fault.FOREIGN:
        return remedied(seen.message, verdict, noted.shift)
    if noted.ended or change_of(verdict) is Change.DIALOG_ENDED:
        yield from _beside(_end(noted, nodes), waits=seen.waits)
    observed = yield from relay_body(said, seen.message, verdict, noted.shift, nodes)
    yield from _follow(said, verdict, nodes)
    return observed if said is seen else replace(observed, again=True)


def _note(came: ObserveSipMessage) -> Decide:
    def decide(state: CallState) -> Decision:
        if not is_of(state, came.message, joins=came.joins):
            return Decision([], _Noted(came, _foreign(came.message), 0, ()))
        may_be_known = came.message.sdp is not None or came.party is not None
        seen = first_pass_of(state, came) if may_be_known else came
        verdict, before = _negotiated(state, seen)
        shift = cseq_shift(state, seen.message)
        if verdict.stray:
            return Decision([], _Noted(seen, verdict, shift, ()))
        end, removals = ended_by(state, seen, verdict)
        # The message is before what it brings: it may begin a call anew, which has nothing of what was set or learned.
        brought = [*settings_events(state, seen.changes), *learned(state, seen.message, seen.party), *end]
        events = [*before, _event_of(seen, seen.message, verdict), *brought]
        if change_of(verdict) is Change.ESTABLISHED:
            events += established(state, verdict.branch, verdict.callee_tag)
        return Decision(events, _Noted(seen, verdict, shift, removals))

    return decide


def _foreign(message: SipMessage) -> Verdict:
    role = Role.NOTHING if message.sdp is None else Role.ILLEGAL
    return Verdict(role, message.sender, message.branch, fault=Fault.FOREIGN, why=Fault.FOREIGN.phrase, stray=True)


def _negotiated(state: CallState, seen: ObserveSipMessage) -> tuple[Verdict, Sequence[Event]]:
    """Return the verdict on a message, and first the ends of requests that stood in its way too long."""
    negotiation = state.negotiation or Negotiation()
    verdict = decide(negotiation, seen.message)
    late = overdue(state.sip_dialogs, seen.message, verdict, seen.at)
    if not late:
        return verdict, ()
    negotiation = negotiation.copy()  # the fold will apply the verdicts, too, and a decision leaves the state as it is
    ends: list[Event] = []
    for end in late:
        ended = decide(negotiation, end)
        negotiation.apply(end, ended.recorded())
        ends.append(_event_of(None, end, ended))
    return decide(negotiation, seen.message), ends


def _event_of(seen: ObserveSipMessage | None, message: SipMessage, verdict: Verdict) -> SipMessageSeen:
    """Return the event of a message; `seen` is None for one that nobody saw: the end of a request that has none."""
    return SipMessageSeen(
        method=message.method,
        from_caller=message.from_caller,
        cseq=message.cseq,
        status=message.status or 0,
        branch=message.branch,
        from_tag=message.from_tag,
        to_tag=message.to_tag,
        sdp=message.sdp,
        reliable=message.reliable,
        verdict=verdict.recorded(),
        source=seen.received_from if seen else "",
        expires=seen.expires if seen else 0,
    )


def _beside(flow: Flow, *, waits: bool) -> Step[None]:
    """Run a flow, or leave it running: what it does stands in the journal, and is due there until it is done."""
    if waits:
        yield from flow
    else:
        yield Spawn(flow)


def _end(noted: _Noted, nodes: NodeTable) -> Flow:
    """Ask nodes to remove what the message ended, and make those who are left heard."""
    yield from carry_out(noted.ended)
    if change_of(noted.verdict) is Change.DIALOG_ENDED:
        yield from let_hear(noted.said, nodes)
    return None


def _follow(seen: ObserveSipMessage, verdict: Verdict, nodes: NodeTable) -> Step[None]:
    """Do what the message does to the call after its body was relayed. What is done already is not done again."""
    match change_of(verdict):
        case Change.ESTABLISHED:
            yield from let_hear(seen, nodes)
            yield from forks.free_spares(seen.callers_tag, seen.at, waits=seen.waits)
        case Change.REJECTED:
            yield from restore(seen, verdict, nodes)
        case _:
            pass
