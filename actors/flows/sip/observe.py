"""The flow of a SIP message that a door or application saw: what it means for the relay is decided by the table.

Every message is journalled first (`SipMessageSeen`): the negotiation is part of the call's state, so that any control
node goes on where another one stopped. What the message ends is journalled in the same step. What the table then says
is done with the flows of actors/flows/sip/relayed_media.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from actors import replies
from actors.command import Command
from actors.effects import Decide, Decision, Flow, Persist, Read, Spawn, Step
from actors.flows.media.delete import IntendedDeletes, carry_out, intend_deletes, removal_of
from actors.flows.media.sessions import awaits_first_answer
from actors.flows.sip import forks, relayed_media
from actors.flows.sip.overdue_requests import overdue
from actors.flows.sip.parties import cseq_shift, learned
from actors.flows.sip.relayed_media import RelayedSdp
from actors.node_table import NodeTable
from engines.kind import is_ok
from engines.ng.bencode import NgDict
from events.registry import DeleteIntended, Event, PartyLearned, Scope, SipMessageSeen
from replay import session_dialogs
from replay.identity import is_of
from replay.offer_answer import Change, Fault, Leg, Negotiation, Role, SipMessage, Verdict, remedy_for
from replay.offer_answer.decide import decide
from replay.state import Agreement, CallState, CallStatus

VERDICT = b"rtp-relay-verdict"
"""The key, of ours, under which a reply says what the message's body was taken for: role, change and fault."""

REMEDY, REFUSE_WITH = b"rtp-relay-remedy", b"rtp-relay-refuse-with"
"""The keys under which a reply says what is to be done about a body that must not go on, and with what status."""

CSEQ_SHIFT = b"cseq-shift"
"""The key under which a reply says what is to be added to a request's CSeq, or was added to that of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedSipMessage:
    """A SIP message of a call, seen `at` (ms since the epoch); `received_from` is its source address.

    The CSeq of `event` is the one that its request came with. expires: the Session-Expires of a 2xx to INVITE or
    UPDATE, in seconds, 0 if it has none (RFC 4028). joins: an INVITE that is a branch of a call and begins none.
    """

    call_id: str
    event: SipMessage
    received_from: str = ""
    at: int
    expires: int = 0
    joins: bool = False

    @property
    def callers_tag(self) -> str:
        """The tag of the call's caller, as this message has it."""
        return self.event.callers_tag


@dataclass(frozen=True, slots=True)
class _Noted:
    """What there is to do about a message that stands in the journal. ended: the deletes of what it ended.

    shift: that of its request's CSeq.
    """

    verdict: Verdict
    shift: int
    ended: Sequence[IntendedDeletes]


def see(seen: ObservedSipMessage, nodes: NodeTable) -> Flow:
    """Journal a message, relay its body if it is an offer or answer, and do what it does to the call.

    The reply's `sdp` is what is to stand in the message in place of its own. Where no relay speaks for the body, though
    one is engaged, it has a REMEDY; without either the message stays as it is.
    """
    return signal(seen, nodes, waits=True)


def signal(
    seen: ObservedSipMessage,
    nodes: NodeTable,
    news: Sequence[Event] = (),
    party: PartyLearned | None = None,
    *,
    waits: bool = False,
) -> Flow:
    """Do as `see` for a message that is on its way through a door of ours; any method may be seen.

    news: events of what the routing script set before, journalled with the message. party: what the message tells of
    who sent it. waits: whether the reply is to wait until what the message ended is off its nodes.
    """
    noted: _Noted = yield Persist(_note(seen, news, party))
    verdict = noted.verdict
    if verdict.fault is Fault.FOREIGN:
        reply = _remedied(seen.event, verdict)
    else:
        if noted.ended or _change(verdict) is Change.DIALOG_ENDED:
            yield from _beside(_end(seen, noted, nodes), waits=waits)
        reply = yield from _relay_body(seen, verdict, nodes)
        yield from _follow(seen, verdict, nodes, waits=waits)
    said: NgDict = {b"role": verdict.role.encode(), b"change": verdict.change.encode(), b"why": verdict.why.encode()}
    if verdict.fault:
        said[b"fault"] = verdict.fault.name.encode()
    reply.update({VERDICT: said, CSEQ_SHIFT: noted.shift})
    return reply


def _note(seen: ObservedSipMessage, news: Sequence[Event], party: PartyLearned | None) -> Decide:
    def decide(state: CallState) -> Decision:
        if not is_of(state, seen.event, joins=seen.joins):
            return Decision([], _Noted(_foreign(seen.event), 0, ()))
        verdict, before = _negotiated(state, seen)
        shift = cseq_shift(state, seen.event)
        if verdict.stray:
            return Decision([], _Noted(verdict, shift, ()))
        end, removals = _ended(state, seen, verdict)
        # The message is before what it brings: it may begin a call anew, which has nothing of what was set or learned.
        events = [*before, _signalled(seen, verdict), *news, *learned(state, seen.event, party), *end]
        if _change(verdict) is Change.ESTABLISHED:
            events += relayed_media.established(state, verdict.branch, verdict.callee_tag)
        return Decision(events, _Noted(verdict, shift, removals))

    return decide


def _foreign(event: SipMessage) -> Verdict:
    role = Role.NOTHING if event.sdp is None else Role.ILLEGAL
    return Verdict(role, event.sender, event.branch, fault=Fault.FOREIGN, why=Fault.FOREIGN.phrase, stray=True)


def _negotiated(state: CallState, seen: ObservedSipMessage) -> tuple[Verdict, Sequence[Event]]:
    """Return the verdict on a message, and first the ends of requests that stood in its way too long."""
    negotiation = state.negotiation or Negotiation()
    verdict = decide(negotiation, seen.event)
    late = overdue(state.sip_dialogs, seen.event, verdict, seen.at)
    if not late:
        return verdict, ()
    negotiation = negotiation.copy()  # the fold will apply the verdicts, too, and a decision leaves the state as it is
    ends: list[Event] = []
    for end in late:
        ended = decide(negotiation, end)
        negotiation.apply(end, ended.recorded())
        ends.append(_signalled(ObservedSipMessage(call_id=seen.call_id, event=end, at=seen.at), ended))
    return decide(negotiation, seen.event), ends


def _signalled(seen: ObservedSipMessage, verdict: Verdict) -> SipMessageSeen:
    event = seen.event
    return SipMessageSeen(
        method=event.method,
        from_caller=event.from_caller,
        cseq=event.cseq,
        status=event.status or 0,
        branch=event.branch,
        from_tag=event.from_tag,
        to_tag=event.to_tag,
        sdp=event.sdp,
        reliable=event.reliable,
        verdict=verdict.recorded(),
        source=seen.received_from,
        expires=seen.expires,
    )


def _ended(
    state: CallState, seen: ObservedSipMessage, verdict: Verdict
) -> tuple[Sequence[Event], Sequence[IntendedDeletes]]:
    """Return the end of what a message ends, as events and as removals; nothing if it was ended before."""
    if _change(verdict) is Change.REJECTED:
        return _in_vain(state, seen, verdict)
    command = _delete(seen, verdict)
    if command is None:
        return (), ()
    if state.status is CallStatus.NEW:  # there is no session, and with the last dialog the settings are to go, too
        ends = verdict.change is Change.CALL_ENDED
        return ((DeleteIntended(scope=Scope.CALL, sessions=(), reason=command.reason),) if ends else ()), ()
    intention = intend_deletes(state, command)
    return intention.events, [(intention.value, command)] if intention.value else ()


def _in_vain(
    state: CallState, seen: ObservedSipMessage, verdict: Verdict
) -> tuple[Sequence[Event], Sequence[IntendedDeletes]]:
    """End the sessions that were made for an offer which was rejected: its parties go on where they have agreed."""
    of_both = [
        s for s in state.usable_sessions() if session_dialogs.between(s.dialogs, seen.callers_tag, verdict.callee_tag)
    ]
    made = [session for session in of_both if session.agreement is None]
    if not made or made == of_both:
        return (), ()
    why = "the offer that it was made for was rejected"
    intended = DeleteIntended(scope=Scope.SESSION, sessions=tuple(session.number for session in made), reason=why)
    command = relayed_media.dialog_delete(seen.call_id, verdict.callee_tag, why, seen.at)
    return (intended,), [([removal_of(state, session) for session in made], command)]


def _delete(seen: ObservedSipMessage, verdict: Verdict) -> Command | None:
    call_id, tag, why = seen.call_id, seen.callers_tag, verdict.why or str(verdict.change)
    match _change(verdict):
        case Change.BRANCH_FAILED:
            return relayed_media.branch_delete(call_id, tag, verdict.branch, why, seen.at)
        case Change.CALL_ENDED:
            return relayed_media.call_delete(call_id, tag, verdict.callee_tag, why, seen.at)
        case Change.DIALOG_ENDED:
            return relayed_media.dialog_delete(call_id, verdict.callee_tag, why, seen.at)
        case _:
            return None


def _relay_body(seen: ObservedSipMessage, verdict: Verdict, nodes: NodeTable) -> Step[NgDict]:
    if seen.event.sdp is None:
        return replies.ok()
    given = yield Read(lambda state: _given(state, seen, verdict))
    if given:
        return {b"result": b"ok", b"sdp": given}
    late = yield Read(lambda state: forks.is_late(state, verdict.callee_tag))
    if late or _part(verdict) not in (Role.OFFER, Role.ANSWER):
        unspoken_for: NgDict = yield Read(lambda state: _unspoken_for(state, seen.event, verdict))
        return unspoken_for
    media: RelayedSdp = yield Read(lambda state: _media(state, seen, verdict))
    if media.verb == "answer" and verdict.exchange == 1:
        before = yield Read(lambda state: forks.offer_before(state, media))
        offered = (yield from _said(relayed_media.relay_media(before, nodes))) if before else replies.ok()
        if not is_ok(offered):
            return offered
    return (yield from _said(relayed_media.relay_media(media, nodes)))


def _unspoken_for(state: CallState, event: SipMessage, verdict: Verdict) -> NgDict:
    """Return what is done about a body that is neither offer nor answer nor a copy of what was relayed.

    One that the call's own relay has given is no party's: its message comes by here a second time (a spiral).
    """
    if not state.speaks_for(verdict.branch) or any(leg.relayed == event.sdp for leg in state.given.values()):
        return replies.ok()
    return _remedied(event, verdict)


def _remedied(event: SipMessage, verdict: Verdict) -> NgDict:
    remedy, status = remedy_for(event, verdict.fault)
    return {**replies.ok(), REMEDY: remedy.encode(), REFUSE_WITH: status}


def _part(verdict: Verdict) -> Role:
    """Return what the body is, or is a copy of."""
    return verdict.repeats if verdict.role is Role.REPEAT else verdict.role


def _change(verdict: Verdict) -> Change:
    """Return what the message does to the call, or did when it was seen first: a crash may have come between."""
    return verdict.again if verdict.change is Change.NONE else verdict.change


def _given(state: CallState, seen: ObservedSipMessage, verdict: Verdict) -> bytes:
    """Return what stood in place of a body the last time; nothing if it is a new one, or was not relayed in the end."""
    leg = state.given.get((_tag_of(seen, verdict, verdict.leg), verdict.branch))
    return leg.relayed if leg and verdict.role is Role.REPEAT and leg.sdp == seen.event.sdp else b""


def _said(flow: Flow) -> Step[NgDict]:
    reply = yield from flow
    assert reply is not None, "a command's flow ends with a reply"
    return reply


def _media(state: CallState, seen: ObservedSipMessage, verdict: Verdict) -> RelayedSdp:
    is_offer = _part(verdict) is Role.OFFER
    offerer = verdict.leg if is_offer else verdict.leg.other
    from_tag = _tag_of(seen, verdict, offerer)
    first = is_offer and (verdict.exchange == 1 or awaits_first_answer(state, from_tag, verdict.branch))
    return RelayedSdp(
        verb="offer" if is_offer else "answer",
        call_id=seen.call_id,
        leg=str(verdict.leg),
        branch=verdict.branch,
        from_tag=from_tag,
        to_tag="" if first else _tag_of(seen, verdict, offerer.other),
        sdp=seen.event.sdp or b"",
        received_from=seen.received_from,
        cseq=seen.event.cseq,
        at=seen.at,
    )


def _tag_of(seen: ObservedSipMessage, verdict: Verdict, leg: Leg) -> str:
    return seen.callers_tag if leg is Leg.CALLER else verdict.callee_tag


def _beside(flow: Flow, *, waits: bool) -> Step[None]:
    """Run a flow, or leave it running: what it does stands in the journal, and is due there until it is done."""
    if waits:
        yield from flow
    else:
        yield Spawn(flow)


def _end(seen: ObservedSipMessage, noted: _Noted, nodes: NodeTable) -> Flow:
    """Ask nodes to remove what the message ended, and make those who are left heard."""
    yield from carry_out(noted.ended)
    if _change(noted.verdict) is Change.DIALOG_ENDED:
        yield from _let_hear(seen, nodes)
    return None


def _let_hear(seen: ObservedSipMessage, nodes: NodeTable) -> Step[None]:
    """Repeat to the relay the answer of the party that is to be heard, if another's came after it."""
    overtaken = yield Read(lambda state: forks.answer_overtaken(state, seen.callers_tag))
    if overtaken is not None:
        yield from relayed_media.relay_media(_medias(seen, overtaken)[1], nodes)


def _follow(seen: ObservedSipMessage, verdict: Verdict, nodes: NodeTable, *, waits: bool) -> Step[None]:
    """Do what the message does to the call after its body was relayed. What is done already is not done again."""
    match _change(verdict):
        case Change.ESTABLISHED:
            yield from _let_hear(seen, nodes)
            yield from forks.free_spares(seen.callers_tag, seen.at, waits=waits)
        case Change.REJECTED:
            yield from _restore(seen, verdict, nodes)
        case _:
            pass


def _restore(seen: ObservedSipMessage, verdict: Verdict, nodes: NodeTable) -> Step[None]:
    """Bring the relay back to what was agreed before an offer that was rejected."""
    agreement = yield Read(lambda state: _agreement(state, seen.callers_tag, verdict.callee_tag))
    for media in _medias(seen, agreement) if agreement else ():
        if media.verb == "answer" and not media.sdp:
            return  # it was not answered yet when the rejected offer came
        if not is_ok((yield from _said(relayed_media.relay_media(media, nodes, moves=False)))):
            return


def _medias(seen: ObservedSipMessage, agreement: Agreement) -> tuple[RelayedSdp, RelayedSdp]:
    """Return an offer and its answer, to be relayed once more."""
    from_caller = agreement.from_tag == seen.callers_tag
    offerer, answerer = (Leg.CALLER, Leg.CALLEE) if from_caller else (Leg.CALLEE, Leg.CALLER)
    offer = RelayedSdp(
        verb="offer",
        call_id=seen.call_id,
        leg=str(offerer),
        branch=agreement.branch,
        from_tag=agreement.from_tag,
        to_tag=agreement.to_tag,
        sdp=agreement.offer,
        cseq=seen.event.cseq,
        at=seen.at,
    )
    return offer, replace(offer, verb="answer", leg=str(answerer), sdp=agreement.answer)


def _agreement(state: CallState, one: str, other: str) -> Agreement | None:
    """Return what two parties agreed on before their last offer, if that has been relayed."""
    for session in state.usable_sessions():
        agreed = session.before
        if agreed and {agreed.from_tag, agreed.to_tag or other} == {one, other}:
            leg = state.legs.get(agreed.from_tag)
            answerer = state.legs.get(agreed.to_tag)
            changed = (leg and leg.sdp != agreed.offer) or (answerer and answerer.sdp != agreed.answer)
            return agreed if changed else None
    return None
