"""The flow of an offer: name the node in the journal, ask it, journal how it ended, and only then answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from actors import replies
from actors.command import Command
from actors.effects import Ask, Decide, Decision, Flow, Outcome, Record, Spawn, Step
from actors.flows import sessions
from actors.flows.delete import teardown
from actors.flows.words import asked
from actors.nodes import NodeTable
from engines.ids import id_on_node
from engines.kind import HANDLE, Operation, is_limit, is_ok, reason
from engines.rtpengine.bencode import NgDict
from engines.sets import NodeSpec
from events.types import (
    AnswerFailed,
    DeleteWanted,
    Engaged,
    Event,
    Offered,
    OfferFailed,
    OfferIntended,
    Refused,
    Scope,
)
from events.values import value
from replay.state import CallState, CallStatus, Session, SessionStatus

MAX_NODES = 3
"""How many nodes one offer tries: with their timeouts, about what a client waits."""

MAX_REFUSALS = 20
"""How many refusals a call's stream tells of; a client that goes on asking in vain does not grow it further."""

Candidates = Callable[[], Sequence[NodeSpec]]
"""Gives the nodes that a new session of this call may be placed on now, best first."""

Reachable = Callable[[str], bool]
"""Tells whether the node of that name is worth asking now."""


FAILURES: Mapping[str, type[OfferFailed | AnswerFailed]] = {"offer": OfferFailed, "answer": AnswerFailed}
"""The event that says of an operation, by its verb, that it failed."""


@value
class Intent:
    """Where a command is to go. An operation stands in the journal as intended; the number of another command is 0."""

    operation: int
    node: str
    relay_id: str
    request: NgDict
    verb: Literal["offer", "answer"] = "offer"


def offer(command: Command, nodes: NodeTable) -> Flow:
    """Carry an offer out, on up to MAX_NODES nodes if it opens a session."""

    def candidates() -> Sequence[NodeSpec]:
        return nodes.candidates(command.set, command.call_id, command.engine)

    tried: list[str] = []
    while True:
        intent = yield Record(_intend(command, candidates, nodes.reachable, tried))
        if isinstance(intent, replies.Refusal):
            return replies.error(intent.reason)
        tried.append(intent.node)
        outcome: Outcome = yield from ask(command, intent)
        if outcome.reply is not None and is_ok(outcome.reply):
            return (yield from _succeed(command, intent, outcome.reply))
        more = len(tried) < MAX_NODES and any(node.name not in tried for node in candidates())
        again = yield from fail(intent, outcome, more)
        if not again:
            return failure_reply(intent.node, outcome)


def ask(command: Command, place: Intent, request: NgDict | None = None) -> Step[Outcome]:
    """Ask the one node what the client asks, under the id that the session has there."""
    operation = Operation(verb=command.verb, relay_id=place.relay_id, request=request or place.request)
    outcomes: list[Outcome] = yield Ask([(place.node, operation)])
    return outcomes[0]


def failure_reply(node: str, outcome: Outcome) -> NgDict:
    """Give the client's reply to a command that a node did not carry out: the node's own words if it had any."""
    if outcome.reply is not None:
        return outcome.reply
    return replies.error(replies.LOAD_LIMIT if outcome.full else f"Node {node}: {outcome.reason}")


def refuse(state: CallState, command: Command, why: str, node: str = "") -> Decision:
    """Decide to refuse, and journal it if the call exists and has not been told too often."""
    known = state.status in (CallStatus.LIVE, CallStatus.ENDED) and state.refusals < MAX_REFUSALS
    events = [Refused(command=command.verb, reason=why, node=node)] if known else []
    return Decision(events, replies.Refusal(why))


def _intend(command: Command, candidates: Candidates, reachable: Reachable, tried: Sequence[str]) -> Decide:
    def decide(state: CallState) -> Decision:
        if state.status is CallStatus.QUARANTINED:
            return refuse(state, command, f"Call is quarantined: {state.reason}")
        if command.to_tag and state.status is CallStatus.ENDED:
            return refuse(state, command, replies.UNKNOWN_CALL)
        session = sessions.of_offer(state, command)
        choices = [node for node in candidates() if node.name not in tried]
        if session and session.node not in tried and (reachable(session.node) or not choices):
            return _intend_again(state, command, session)
        if choices:
            return _engage(state, command, choices[0])
        return refuse(state, command, f"No node of set {command.set!r} takes new calls")

    return decide


def _intend_again(state: CallState, command: Command, session: Session) -> Decision:
    number = state.last_operation + 1
    event = OfferIntended(
        session=session.number,
        operation=number,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
    )
    return Decision([event], Intent(number, session.node, session.relay_id, asked(state, session, command)))


def _engage(state: CallState, command: Command, node: NodeSpec) -> Decision:
    number, operation = state.last_session + 1, state.last_operation + 1
    relay_id = id_on_node(state.relay_call_id, number)
    event = Engaged(
        session=number,
        operation=operation,
        engine=node.engine,
        set=command.set,
        node=node.name,
        relay_id=relay_id,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
    )
    return Decision([event], Intent(operation, node.name, relay_id, command.words(state, node.engine)))


def _succeed(command: Command, intent: Intent, reply: NgDict) -> Flow:
    result = yield Record(_conclude(command, intent, reply))
    if isinstance(result, replies.Refusal):
        yield Spawn(teardown(intent.node, intent.relay_id))
        return replies.error(result.reason)
    return reply


def _conclude(command: Command, intent: Intent, reply: NgDict) -> Decide:
    relayed = reply.get(b"sdp")

    def decide(state: CallState) -> Decision:
        session = sessions.at(state, intent.node, intent.relay_id)
        if not session.usable:
            return undo(session, intent)
        event = Offered(
            session=session.number,
            operation=intent.operation,
            from_tag=command.from_tag,
            to_tag=command.to_tag,
            branch=command.branch,
            sdp=command.sdp,
            relayed=relayed if isinstance(relayed, bytes) else b"",
            handle=handle_of(reply),
        )
        return Decision([event])

    return decide


def handle_of(reply: NgDict) -> str:
    """Give what the node calls the session, where its reply says so; "" where it does not."""
    handle = reply.get(HANDLE)
    return handle.decode("utf-8", "surrogateescape") if isinstance(handle, bytes) else ""


def undo(session: Session, intent: Intent) -> Decision:
    """Another control node deleted the session while its operation was on the way, which may have made it anew."""
    why = f"the session was deleted while its {intent.verb} was on the way"
    events: list[Event] = [
        FAILURES[intent.verb](session=session.number, operation=intent.operation, reason=why, reached=True),
        DeleteWanted(scope=Scope.SESSION, sessions=(session.number,), reason=why),
    ]
    return Decision(events, replies.Refusal(replies.UNKNOWN_CALL))


def fail(intent: Intent, outcome: Outcome, more: bool) -> Step[bool]:
    """Journal that an operation failed, and remove what it may have made. Comes to whether another node is to be tried.

    `more` says whether there is one.
    """
    again: bool = yield Record(_conclude_failure(intent, outcome, more))
    if outcome.reached:
        yield Spawn(teardown(intent.node, intent.relay_id))
    return again


def _conclude_failure(intent: Intent, outcome: Outcome, more: bool) -> Decide:
    """Journal the failure. A session that only this could create is removed; one that was there stays as it was.

    One that was to go meanwhile is to be removed again: this may have made it anew.
    """
    why = outcome.reason if outcome.reply is None else reason(outcome.reply) or "the node refused"
    elsewhere = more and (outcome.reply is None or is_limit(outcome.reply))

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
            events.append(DeleteWanted(scope=Scope.SESSION, sessions=(session.number,), reason=why))
        is_first = session.status is SessionStatus.INTENDED and not session.operations.keys() - {intent.operation}
        if not is_first:
            return Decision(events, False)
        others = [other for other in state.usable_sessions() if other is not session]
        gone = (session.number,) if outcome.reached else ()
        if not elsewhere and not others:
            events.append(DeleteWanted(scope=Scope.CALL, sessions=gone, reason=why))
        elif gone:
            events.append(DeleteWanted(scope=Scope.SESSION, sessions=gone, reason=why))
        return Decision(events, elsewhere)

    return decide
