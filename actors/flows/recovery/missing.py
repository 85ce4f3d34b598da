"""Sessions that the journal has and their nodes do not: asked for, and concluded of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.commands.recovery import ProbeSessions
from actors.effects import AskNodes, Decide, Decision, Flow, Outcome, Persist, Read
from actors.flows.media import sessions
from actors.results import Done
from engines.kind import Operation
from engines.registry import kind_of
from events.names import NodeName, RelayId
from events.registry import Deleted, DeleteIntended, Event, RemovalProof, Scope, SessionMissing
from replay.reconcile import settled_sessions
from replay.state import CallState, Session

GONE = "the node does not know it any more"


@dataclass(frozen=True, slots=True)
class SessionCheck:
    """A session of which it is to be asked whether its node still has it.

    as_of: the call's last operation when that is asked.
    """

    node: NodeName
    relay_id: RelayId
    question: Operation
    as_of: int


def check_of(state: CallState, session: Session) -> SessionCheck:
    """Return how its node is asked for a session of a call."""
    question = kind_of(session.engine).knows(session.relay_id, session.from_tag, session.to_tag)
    return SessionCheck(session.node, session.relay_id, question, state.last_operation)


def probe_sessions(command: ProbeSessions) -> Flow:
    """Ask the nodes for the sessions that they must have, and journal those that they do not know."""
    checks: list[SessionCheck] = yield Read(lambda state: [check_of(state, one) for one in settled_sessions(state)])
    outcomes: list[Outcome] = (yield AskNodes([(one.node, one.question) for one in checks])) if checks else []
    gone = [one for one, outcome in zip(checks, outcomes, strict=True) if is_unknown(outcome)]
    if gone:
        yield Persist(_note(gone, removes=command.removes))
    return Done()


def is_unknown(outcome: Outcome) -> bool:
    """Return whether the node said that it does not have the session."""
    return outcome.reply is not None and outcome.reply.unknown


def _note(gone: Sequence[SessionCheck], *, removes: bool) -> Decide:
    """Return what journals sessions as missing, once, and takes them out of the call if they are to be removed."""

    def decide(state: CallState) -> Decision:
        lost = lost_of(state, gone)
        new = [session for session in lost if removes or not session.missing_since]
        events: list[Event] = [
            SessionMissing(session=session.number, node=session.node, removed=removes) for session in new
        ]
        return Decision(events + (removal_of(state, lost) if removes else []))

    return decide


def lost_of(state: CallState, gone: Sequence[SessionCheck]) -> list[Session]:
    """Return which sessions their nodes do not know any more, though they must.

    Nothing may be on its way to them, nor may any operation have begun since it was asked: another control node's
    offer may have made the session anew, under its id, after the node had answered.
    """
    there = (sessions.at(state, one.node, one.relay_id) for one in gone if one.as_of == state.last_operation)
    return [session for session in there if session.usable and not session.operations]


def removal_of(state: CallState, lost: Sequence[Session]) -> list[Event]:
    """Return the events that take sessions out of a call, or end it if these are all that it has and no dialog is."""
    if not lost:
        return []
    numbers = tuple(session.number for session in lost)
    all_gone = len(lost) == len(state.usable_sessions())
    scope = Scope.CALL if all_gone and not state.has_dialog else Scope.SESSION
    events: list[Event] = [DeleteIntended(scope=scope, sessions=numbers, reason=GONE)]
    return events + [Deleted(session=number, how=RemovalProof.UNKNOWN) for number in numbers]
