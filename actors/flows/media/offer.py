"""The flow of an offer: name the node in the journal, ask it, journal how it ended, and only then answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from actors.adoption import Adoption
from actors.commands.media import AnyMediaCommand, Offer
from actors.effects import AskNodes, Decide, Decision, Flow, Outcome, Persist, Sleep, Spawn, Step
from actors.flows.media import repeats, sessions
from actors.flows.media.adoption import adopting, decided
from actors.flows.media.delete import teardown
from actors.flows.media.descriptions import fault_in, relayed
from actors.flows.media.given import as_given
from actors.flows.media.lateness import MAX_REFUSALS, TOO_LATE, is_late
from actors.flows.media.node_search import Choices, Search, none_of
from actors.flows.media.waiting_move import taken_along
from actors.flows.media.wording import asked, worded
from actors.node_table import NodeTable
from actors.results import UNKNOWN, Refused, Relayed, quarantined
from engines.ids import id_on_node
from engines.kind import Operation
from engines.refusal import RefusalCode
from engines.reply import NodeReply
from engines.request import NodeRequest
from engines.sets import NodeSpec
from events.names import NO_NODE, NodeName, RelayId
from events.registry import (
    AnswerFailed,
    CommandRefused,
    DeleteIntended,
    Event,
    Offered,
    OfferFailed,
    OfferIntended,
    Scope,
    SessionIntended,
)
from events.values import value
from events.verb import ANSWER, OFFER, SdpVerb
from replay.state import CallState, CallStatus, RelayedLeg, Session, SessionStatus

FAILURES: Mapping[SdpVerb, type[OfferFailed | AnswerFailed]] = {OFFER: OfferFailed, ANSWER: AnswerFailed}
"""The event that says of an operation, by its verb, that it failed."""


MOVE_OVER = Refused(RefusalCode.OUTDATED, "The move that it was asked for is over")


@value
class Intent:
    """Where a command is to go. An operation stands in the journal as intended; the number of another command is 0.

    engine: the kind of the node. moves: the number of the call's move that has waited for an answer there, 0 for none.
    """

    operation: int
    engine: str
    node: NodeName
    relay_id: RelayId
    request: NodeRequest
    verb: SdpVerb = OFFER
    moves: int = 0


def offer(command: Offer, nodes: NodeTable, adoption: Adoption | None = None) -> Flow:
    """Carry an offer out: in the session of its dialog, else in a new one, on whichever node of the set takes it.

    A session that a dialog had before is left as it is: it goes when the offer is answered elsewhere. An offer that the
    call's move has waited for is made where the call is to be; if that cannot be, the call stays where it is.
    """
    result = yield from _offer(command, nodes, adoption)
    if not isinstance(result, Offer):
        return result
    moved: Relayed | Refused = yield from _offer(result, nodes, None)
    return moved if isinstance(moved, Relayed) else (yield from _offer(replace(command, stays=True), nodes, None))


def _offer(command: Offer, nodes: NodeTable, adoption: Adoption | None) -> Step[Any]:
    """Carry an offer out; comes to its result, or to another offer if the call's move has waited for it."""
    search = Search(command, nodes)
    waited = 0
    adopts = adopting(command, adoption) if adoption is not None and command.to_tag else None
    while True:
        decide = _intend(command, search.choices(), waited)
        intent = (yield Persist(decide)) if adopts is None else (yield from decided(decide, command.call_id, adopts))
        if isinstance(intent, Offer):
            return intent
        if isinstance(intent, Refused):
            return search.refusal or intent
        if isinstance(intent, repeats.Result):
            return intent.told
        if isinstance(intent, repeats.InWork):
            yield Sleep(repeats.PAUSE)
            waited += repeats.PAUSE
            continue
        outcome: Outcome = yield from ask(command, intent)
        if (reply := outcome.agreed) is not None:
            return (yield from _succeed(command, intent, reply))
        refusal = outcome.refused(intent.node)
        search.failed(intent.engine, (intent.node, intent.relay_id), refusal)
        if not (yield from fail(intent, outcome, more=search.goes_on)):
            return search.refusal or refusal


def ask(command: AnyMediaCommand, place: Intent, request: NodeRequest | None = None) -> Step[Outcome]:
    """Ask the one node what the client asks, under the id that the session has there."""
    operation = Operation(
        verb=command.verb,
        relay_id=place.relay_id,
        request=request or place.request,
        guarded=not command.in_clients_words,
    )
    outcomes: list[Outcome] = yield AskNodes([(place.node, operation)])
    return relayed(command.verb, outcomes[0])


def refuse(state: CallState, command: AnyMediaCommand, refusal: Refused, node: NodeName = NO_NODE) -> Decision:
    """Decide to refuse, and journal it if the call exists and has not been told too often."""
    known = state.status in (CallStatus.LIVE, CallStatus.ENDED) and state.refusals < MAX_REFUSALS
    events = [CommandRefused(command=command.verb, reason=refusal.reason, node=node)] if known else []
    return Decision(events, refusal)


def _intend(command: Offer, choices: Choices, waited: int) -> Decide:
    def decide(state: CallState) -> Decision:
        refusal = _impossible(state, command)
        if refusal is not None:
            return refuse(state, command, refusal)
        same = repeats.found(state, command, waited)
        if same is not None:
            return Decision([], same)
        session = sessions.of_offer(state, command)
        along = taken_along(state, command, session)
        if along is not None:
            return Decision([], along)
        if session and choices.may_stay(session):
            return _intend_again(state, command, session)
        if choices.nodes and not command.session:
            return _engage(state, command, choices.nodes[0])
        return refuse(state, command, Refused(RefusalCode.NO_NODE, choices.none or none_of(command.set)))

    return decide


def _impossible(state: CallState, command: Offer) -> Refused | None:
    """Return why the offer is refused whatever the nodes are like; None if it is not."""
    if state.status is CallStatus.QUARANTINED:
        return quarantined(state.reason)
    if is_late(state, command):
        return TOO_LATE
    if command.migration and (state.migration is None or state.migration.number != command.migration):
        return MOVE_OVER
    return UNKNOWN if command.to_tag and state.status is CallStatus.ENDED else None


def _intend_again(state: CallState, command: Offer, session: Session) -> Decision:
    request = asked(state, session, command.request)
    fault = fault_in(command.verb, request)
    if fault is not None:
        return refuse(state, command, fault)
    number = state.last_operation + 1
    event = OfferIntended(
        session=session.number,
        operation=number,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
        request=command.digest,
        verb=command.verb,
    )
    return Decision([event], Intent(number, session.engine, session.node, session.relay_id, request))


def _engage(state: CallState, command: Offer, node: NodeSpec) -> Decision:
    request = worded(state, node.engine, command.request)
    fault = fault_in(command.verb, request)
    if fault is not None:
        return refuse(state, command, fault)
    number, operation = state.last_session + 1, state.last_operation + 1
    relay_id = id_on_node(state.relay_call_id, number)
    event = SessionIntended(
        session=number,
        operation=operation,
        engine=node.engine,
        set=command.set,
        node=node.name,
        relay_id=relay_id,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
        request=command.digest,
        migration=command.migration,
        verb=command.verb,
    )
    return Decision([event], Intent(operation, node.engine, node.name, relay_id, request))


def _succeed(command: Offer, intent: Intent, reply: NodeReply) -> Flow:
    result = yield Persist(_conclude(command, intent, reply))
    if isinstance(result, Refused):
        yield Spawn(teardown(intent.node, intent.relay_id))
        return result
    if isinstance(result, repeats.Result):
        if result.undone:
            yield Spawn(teardown(intent.node, intent.relay_id))
        return result.told
    return Relayed(result, reply)


def _conclude(command: Offer, intent: Intent, reply: NodeReply) -> Decide:
    def decide(state: CallState) -> Decision:
        session = sessions.at(state, intent.node, intent.relay_id)
        first = repeats.taken_elsewhere(state, command, session)
        if first is not None:
            return _yield_to(first, session, intent)
        if not session.usable:
            return undo(session, intent)
        event = Offered(
            session=session.number,
            operation=intent.operation,
            from_tag=command.from_tag,
            to_tag=command.to_tag,
            branch=command.branch,
            sdp=command.sdp,
            relayed=as_given(state, command, reply.sdp),
            handle=reply.handle,
            migration=command.migration,
        )
        return Decision([event], event.relayed)

    return decide


def _yield_to(first: RelayedLeg, session: Session, intent: Intent) -> Decision:
    """Leave the offer to the session in which the same one has its result; what only this one made goes."""
    why = "the same offer was taken in another session"
    undone = not session.usable or _is_first(session, intent)
    events: list[Event] = [
        OfferFailed(session=session.number, operation=intent.operation, reason=why, reached=True),
    ]
    if undone:
        events.append(DeleteIntended(scope=Scope.SESSION, sessions=(session.number,), reason=why))
    return Decision(events, repeats.Result(first.relayed, undone))


def _is_first(session: Session, intent: Intent) -> bool:
    """Return whether a session has nothing but what this operation made."""
    return session.status is SessionStatus.INTENDED and not session.operations.keys() - {intent.operation}


def undo(session: Session, intent: Intent) -> Decision:
    """Another control node deleted the session while its operation was on the way, which may have made it anew."""
    why = f"the session was deleted while its {intent.verb} was on the way"
    events: list[Event] = [
        FAILURES[intent.verb](session=session.number, operation=intent.operation, reason=why, reached=True),
        DeleteIntended(scope=Scope.SESSION, sessions=(session.number,), reason=why),
    ]
    return Decision(events, UNKNOWN)


def fail(intent: Intent, outcome: Outcome, more: bool) -> Step[bool]:
    """Journal that an operation failed, and remove what it may have made. Comes to whether another node is to be tried.

    `more` says whether there is one.
    """
    again: bool = yield Persist(_conclude_failure(intent, outcome, more))
    if outcome.reached:
        yield Spawn(teardown(intent.node, intent.relay_id))
    return again


def _conclude_failure(intent: Intent, outcome: Outcome, more: bool) -> Decide:
    """Journal the failure. A session that only this could create is removed; one that was there stays as it was.

    One that was to go meanwhile is to be removed again: this may have made it anew.
    """
    why = outcome.why or "the node refused"

    def decide(state: CallState) -> Decision:
        session = sessions.at(state, intent.node, intent.relay_id)
        events: list[Event] = [
            FAILURES[intent.verb](
                session=session.number,
                operation=intent.operation,
                reason=why,
                reached=outcome.reached,
                settled=outcome.reply is not None or not outcome.reached,
            )
        ]
        if not session.usable and outcome.reached:
            events.append(DeleteIntended(scope=Scope.SESSION, sessions=(session.number,), reason=why))
        if not _is_first(session, intent):
            return Decision(events, more)
        others = [other for other in state.usable_sessions() if other is not session]
        gone = (session.number,) if outcome.reached else ()
        if not (more or others or state.lives_without(session.branch)):
            events.append(DeleteIntended(scope=Scope.CALL, sessions=gone, reason=why))
        elif gone:
            events.append(DeleteIntended(scope=Scope.SESSION, sessions=gone, reason=why))
        return Decision(events, more)

    return decide
