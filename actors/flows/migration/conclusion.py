"""How a move ends: the call has moved and its old session is to go, or it has not and the new one is."""

from __future__ import annotations

from actors.effects import Decision
from actors.flows.media.taking_along import arrivals, left_out
from actors.flows.media.waiting_move import SETTLES
from actors.flows.migration.steps import CALL_ENDED, Conclude, next_step
from actors.results import Moved
from events.names import NodeName, RelayId
from events.registry import DeleteIntended, Event, MigrationCompleted, MigrationFailed, MigrationTurnedBack, Scope
from events.values import value
from replay.migration import Migration
from replay.state import CallState, Session

LEFT = "its call has moved to another session"

FOUND_DUE = SETTLES + 5_000
"""Ms after which any control node removes a session that was left: before, whoever moved its call is at it."""


@value
class Left:
    """A session that a call has left: its node, and its id there. session: the one that the call is in."""

    node: NodeName
    relay_id: RelayId
    session: int


def completed(state: CallState, number: int) -> Decision:
    """Decide that a call has moved. The value is the Moved and the session that it left; None if it has not, yet."""
    move = state.migration
    if move is None or move.back or not isinstance(next_step(state, number), Conclude):
        return Decision([], None)
    session, old = state.sessions[move.session], state.sessions.get(move.leaves)
    without = left_out(state, move)
    events: list[Event] = [
        *arrivals(state, move),
        MigrationCompleted(migration=number, session=session.number, left_out=without),
    ]
    left = None
    if old is not None and old.usable:
        until = state.changed + FOUND_DUE
        gone = (old.number,)
        events.append(DeleteIntended(scope=Scope.SESSION, sessions=gone, reason=LEFT, not_before=until))
        left = Left(old.node, old.relay_id, session.number)
    return Decision(events, (moved(session, move, without), left))


def moved(session: Session, move: Migration, without: tuple[str, ...]) -> Moved:
    """Return what is told of a call that has moved."""
    is_wanted = move.node in ("", session.node)
    return Moved(node=session.node, engine=session.engine, set=session.set, is_wanted_node=is_wanted, left_out=without)


def turned_back(state: CallState, number: int, reason: str) -> Decision:
    """Decide to bring both parties back, if they may have heard of the move. The value is whether that is so."""
    move = state.migration
    if move is None or move.number != number or move.back or not move.asked:
        return Decision([], False)
    return Decision([MigrationTurnedBack(migration=number, reason=reason)], True)


def call_gone(move: Migration, reason: str) -> list[Event]:
    """Return the events with which a move ends whose call does; the call's sessions go with it."""
    return [MigrationFailed(migration=move.number, reason=f"{CALL_ENDED}: {reason}")]


def failed(state: CallState, number: int, reason: str) -> Decision:
    """Decide that a call has not moved, and that what was made for it is to go. The value is where that is.

    It stays while the call's parties may have its address, and did not come back from there.
    """
    move = state.migration
    if move is None or move.number != number:
        return Decision([], None)
    events: list[Event] = [MigrationFailed(migration=number, reason=reason)]
    made = state.sessions.get(move.session)
    if made is None or not made.usable or _is_given(state, move):
        return Decision(events, None)
    events.append(DeleteIntended(scope=Scope.SESSION, sessions=(made.number,), reason=reason))
    return Decision(events, (made.node, made.relay_id))


def _is_given(state: CallState, move: Migration) -> bool:
    """Return whether a party of the call may have the address of the session that was made for its move."""
    dialog = state.negotiation.standing(move.callee_tag) if state.negotiation else None
    return dialog is not None and move.is_given(dialog.in_force)
