"""The fold of a call's moves: what their events make of its state.

What a node gives for a move is kept apart (`Migration.prepared`) until a party has taken it: `CallState.given` says
what parties have been given, and nothing else.
"""

from __future__ import annotations

from events import registry as e
from events.names import Leg, Tag
from events.records import Recorded
from replay.migration import Migration, PreparedLeg
from replay.state import CallState, RelayedLeg


def session_made(state: CallState, record: Recorded, event: e.SessionIntended) -> None:
    """Record that a session is made for the call's move."""
    migration = _current(state, event.migration)
    if migration is not None:
        migration.session, migration.at = event.session, record.at
        migration.prepared, migration.copies, migration.recording = {}, {}, ""
        migration.given = {}


def is_prepared(state: CallState, event: e.Offered | e.Answered, sender: Tag) -> bool:
    """Record what a node gives for a move; return whether it is of a move, and so was given to nobody yet.

    What a party offers or answers of its own accord is given on, and overtakes the move.
    """
    migration = state.migration
    if migration is not None and migration.waits:
        return False  # who signals the call gives it on
    if event.migration:
        if migration is not None and migration.number == event.migration:
            migration.prepared[sender] = PreparedLeg(event.branch, event.sdp, event.relayed)
        return True
    if migration is not None and migration.session != event.session:
        migration.overtaken()
    return False


def asked(state: CallState, number: int, leg: Leg) -> None:
    """Record that a party is about to be given something in a request of ours: of the move, if one goes on."""
    if state.migration is not None:
        state.migration.ask(number, leg, _in_force(state, state.migration))


def request_ended(state: CallState, number: int, status: int) -> None:
    """Record whether a party may have taken what it was given in a request of ours."""
    if state.migration is not None:
        state.migration.end_request(number, status, _in_force(state, state.migration))


def _in_force(state: CallState, migration: Migration) -> int:
    """Return the number of the exchange that the parties have agreed on last, 0 if it is not known."""
    dialog = state.negotiation.standing(migration.callee_tag) if state.negotiation else None
    return dialog.in_force if dialog else 0


def answer_given(state: CallState, migration: Migration) -> None:
    """Record that an answer was given on, or told to a relay once more, of the parties' last exchange that has one."""
    dialog = state.negotiation.standing(migration.callee_tag) if state.negotiation else None
    if dialog is not None:
        migration.answered = dialog.answered


def offer_of(state: CallState, event: e.Answered) -> PreparedLeg | None:
    """Return the offer that an answer of a move belongs to; None for any other answer."""
    migration = _current(state, event.migration)
    return migration.prepared.get(event.from_tag) if migration is not None and not migration.waits else None


def recording_begun(state: CallState, event: e.CommandForwarded) -> None:
    """Record what became of the recording in the new session."""
    migration = _current(state, event.migration)
    if migration is not None:
        migration.recording = event.result if event.result == "ok" else event.reason


def _current(state: CallState, number: int) -> Migration | None:
    """Return the move of that number, if it goes on."""
    migration = state.migration
    return migration if migration is not None and number == migration.number else None


def migration_intended(state: CallState, record: Recorded, event: e.MigrationIntended) -> None:
    """Begin a move."""
    state.migrations, state.moved_for = event.migration, event.job
    state.migration = Migration.begun(event, record.at)


def migration_begun(state: CallState, record: Recorded, event: e.MigrationBegun) -> None:
    """Go on with a move that has waited for the call's answer."""
    migration = _current(state, event.migration)
    if migration is not None:
        session = state.sessions[event.leaves or migration.leaves]
        migration.begin(event.leaves, event.callee_tag, session.engine, session.set)
        migration.at = record.at


def acknowledged(state: CallState, callee_tag: Tag) -> None:
    """Record the ACK of a callee's 2xx, or what the caller sends after it: a move that waits for that may begin."""
    migration = state.migration
    if migration is not None and migration.awaits_answer and callee_tag in state.dialogs():
        migration.acknowledged |= {callee_tag}


def leg_moved(state: CallState, record: Recorded, event: e.LegMoved) -> None:
    """Record what a party was given, and has taken, of the session that the call moves to."""
    migration = _current(state, event.migration)
    about = migration.about(event.leg) if migration is not None else None
    if migration is None or about is None:
        return
    migration.at = record.at
    migration.told[event.leg] = event.given
    if event.session != migration.session:
        migration.come_back(event.leg)
    for tag, prepared in migration.prepared.items():
        if prepared is about:
            given = RelayedLeg(tag, about.branch, about.sdp, event.given, event.session, record.version, record.at)
            state.legs[tag] = state.given[tag, about.branch] = given
        elif event.answer:
            migration.said[tag] = event.answer


def migration_turned_back(state: CallState, record: Recorded, event: e.MigrationTurnedBack) -> None:
    """Let both parties be told of the session that they had."""
    migration = _current(state, event.migration)
    if migration is not None:
        migration.turn_back(event.reason)
        migration.at = record.at


def migration_completed(state: CallState, record: Recorded, event: e.MigrationCompleted) -> None:
    """End a move: what it changes of the settings counts from then on.

    What was made for it of a copy that is not wanted any more is to end.
    """
    migration = _current(state, event.migration)
    if migration is None:
        return
    for name, copy in migration.copies.items():
        copy.closing, copy.intended_at = True, record.at
        state.copies[name] = copy
    state.migration, state.not_moved = None, ""
    session = state.sessions[event.session]
    if state.relay is not None and not migration.waits:
        for change in migration.changes(state.relay, session.branch):
            state.relay.apply(change)


def migration_failed(state: CallState, _: Recorded, event: e.MigrationFailed) -> None:
    """End a move that came to nothing."""
    if _current(state, event.migration) is not None:
        state.migration, state.not_moved = None, event.reason
