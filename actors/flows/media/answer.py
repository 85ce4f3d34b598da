"""The flow of an answer: ask the node of its offer, journal how that ended, and only then answer.

Where an answer can create a session on its node, it is journalled before it is sent, and undone, as an offer is.
"""

from __future__ import annotations

from dataclasses import replace

from actors.adoption import Adoption
from actors.commands.media import Answer
from actors.effects import Decide, Decision, Flow, Outcome, Persist, Spawn, Step
from actors.flows.media import sessions
from actors.flows.media.adoption import adopting, decided
from actors.flows.media.delete import teardown
from actors.flows.media.descriptions import fault_in
from actors.flows.media.given import as_given
from actors.flows.media.lateness import TOO_LATE, is_late
from actors.flows.media.offer import Intent, ask, fail, refuse, undo
from actors.flows.media.taking_along import take_along
from actors.flows.media.waiting_move import SETTLES, arrived, move_to
from actors.flows.media.wording import asked
from actors.results import UNKNOWN, Refused, Relayed, quarantined
from engines.registry import kind_of
from engines.reply import NodeReply
from events.registry import Answered, AnswerIntended, DeleteIntended, Event, Scope
from events.verb import ANSWER
from replay import session_dialogs
from replay.state import CallState, CallStatus, Session


def answer(command: Answer, adoption: Adoption | None = None) -> Flow:
    """Carry an answer out on the session in which the offer was made."""
    place = yield from decided(_find(command), command.call_id, adopting(command, adoption))
    if isinstance(place, Refused):
        return place
    outcome: Outcome = yield from ask(command, place)
    if (reply := outcome.agreed) is None:
        yield from _fail(command, place, outcome)
        return outcome.refused(place.node)
    if place.moves:
        yield from take_along(place.moves, {command.to_tag: reply.sdp})
    result = yield Persist(_conclude(command, place, reply))
    if isinstance(result, Refused):
        if place.operation:
            yield Spawn(teardown(place.node, place.relay_id))
        return result
    relayed, left = result
    for node, relay_id in left:
        yield Spawn(teardown(node, relay_id))
    return Relayed(relayed, reply)


def _fail(command: Answer, place: Intent, outcome: Outcome) -> Step[None]:
    if place.operation:
        yield from fail(place, outcome, more=False)
    else:
        refusal = replace(outcome.refused(place.node), reason=outcome.why)
        yield Persist(lambda state: refuse(state, command, refusal, place.node))


def _find(command: Answer) -> Decide:
    def decide(state: CallState) -> Decision:
        if state.status is CallStatus.QUARANTINED:
            return refuse(state, command, quarantined(state.reason))
        if is_late(state, command):
            return refuse(state, command, TOO_LATE)
        session = sessions.of_answer(state, command) if state.status is CallStatus.LIVE else None
        if session is None:
            return refuse(state, command, UNKNOWN)
        request = asked(state, session, command.request)
        fault = fault_in(command.verb, request)
        if fault is not None:
            return refuse(state, command, fault)
        number = state.last_operation + 1 if kind_of(session.engine).answer_creates else 0
        moves = move_to(state, session)
        place = Intent(number, session.engine, session.node, session.relay_id, request, ANSWER, moves)
        return Decision([_intended(session, number, command)] if number else [], place)

    return decide


def _intended(session: Session, operation: int, command: Answer) -> Event:
    return AnswerIntended(
        session=session.number,
        operation=operation,
        from_tag=command.from_tag,
        to_tag=command.to_tag,
        branch=command.branch,
    )


def _conclude(command: Answer, place: Intent, reply: NodeReply) -> Decide:
    def decide(state: CallState) -> Decision:
        session = sessions.at(state, place.node, place.relay_id)
        if not session.usable and place.operation:
            return undo(session, place)
        if not session.usable:
            return refuse(state, command, UNKNOWN, place.node)
        event = Answered(
            session=session.number,
            operation=place.operation,
            from_tag=command.from_tag,
            to_tag=command.to_tag,
            branch=command.branch,
            sdp=command.sdp,
            relayed=as_given(state, command, reply.sdp),
            migration=command.migration,
        )
        left_behind = _left_behind(state, session, command)
        doubles = [other for other in _doubles(state, session, command) if other not in left_behind]
        moved = arrived(state, session)
        not_before = state.changed + SETTLES if moved else 0
        released = [
            *_release(left_behind, "moved to another node", not_before),
            *_release(doubles, "answered in another session"),
        ]
        gone = doubles if moved else [*left_behind, *doubles]
        return Decision([event, *moved, *released], (event.relayed, [(one.node, one.relay_id) for one in gone]))

    return decide


def _left_behind(state: CallState, session: Session, command: Answer) -> list[Session]:
    """Return the sessions in which these two parties talked before they came to this one: their node had gone.

    What a move leaves behind stays until its parties' media have come to the new session. An answer that names its
    session is given to nobody: it tells of no party that it came.
    """
    if command.session or (state.migration is not None and not state.migration.waits):
        return []
    return [
        other
        for other in state.usable_sessions()
        if other is not session
        and all(dialog.joins(command.from_tag, command.to_tag) for dialog in other.dialogs)
        and session_dialogs.between(other.dialogs, command.from_tag, command.to_tag)
    ]


def _doubles(state: CallState, session: Session, command: Answer) -> list[Session]:
    """Return the other sessions in which the same offer waits for an answer: it has been given in this one."""
    opener = [(command.from_tag, command.branch)]
    others = [other for other in state.usable_sessions() if other is not session and not other.operations]
    return [other for other in others if other.dialogs and session_dialogs.only_offered(other.dialogs, opener)]


def _release(left: list[Session], why: str, not_before: int = 0) -> list[Event]:
    if not left:
        return []
    numbers = tuple(session.number for session in left)
    return [DeleteIntended(scope=Scope.SESSION, sessions=numbers, reason=why, not_before=not_before)]
