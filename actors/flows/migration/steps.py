"""What is to be done next for a call that moves, from its state alone: whoever goes on with a move begins here."""

from __future__ import annotations

from typing import TypeAlias

from actors.flows.media.taking_along import lacks
from actors.flows.migration.agreed import Agreed, is_negotiating, is_prepared, last_agreed, to_be_told
from actors.results import Moved
from engines.sdp.origin import says_the_same
from events.names import Leg
from events.values import value
from replay.migration import Migration
from replay.state import CallState, CallStatus

CALL_ENDED = "the call has ended"
NOTHING_AGREED = "its parties have agreed on nothing that a node could be told"
SESSION_GONE = "the session that was made for it is gone"


@value
class Over:
    """The move is over; `failure` says why it failed, "" if it did not. there: where the call is."""

    failure: str
    there: Moved | None


@value
class Fail:
    """It cannot go on, and nobody was told of it, or can be any more."""

    reason: str


@value
class TurnBack:
    """It cannot go on, and parties were told of it."""

    reason: str


@value
class Wait:
    """A party is at an offer of its own."""


@value
class Prepare:
    """A node is to be told what the parties have agreed on, or a part of that."""

    agreed: Agreed


@value
class TakeAlong:
    """Copies and a recording are to be made in the session."""


@value
class Tell:
    """Parties are to be told of the session."""

    legs: tuple[Leg, ...]


@value
class Conclude:
    """Both parties are where they are to be."""


Next: TypeAlias = Over | Fail | TurnBack | Wait | Prepare | TakeAlong | Tell | Conclude


def next_step(state: CallState, number: int) -> Next:
    """Return what is to be done next for the move of this number."""
    migration = state.migration
    if migration is None or migration.number != number:
        return Over(state.not_moved, _whereabouts(state))
    agreed = last_agreed(state, migration)
    goes_on = state.status is CallStatus.LIVE and migration.callee_tag in state.dialogs()
    if not goes_on or agreed is None:
        return Fail(NOTHING_AGREED if goes_on else CALL_ENDED)
    if not migration.back and migration.told and not _is_usable(state, migration):
        return TurnBack(SESSION_GONE)
    if is_negotiating(state, migration.callee_tag):
        return Wait()
    return _towards(state, migration, agreed)


def _towards(state: CallState, migration: Migration, agreed: Agreed) -> Next:
    """Return what brings the parties, who are at nothing of their own, to the session that they are to be told of."""
    if not _is_usable(state, migration) or not is_prepared(migration, agreed):
        return Prepare(to_be_told(migration, agreed))
    if not migration.back and lacks(state, migration):
        return TakeAlong()
    legs = tuple(leg for leg in Leg if not _has_taken(migration, leg))
    return Tell(legs) if legs else Conclude()


def _has_taken(migration: Migration, leg: Leg) -> bool:
    """Return whether a leg has what the session's node gives for it; what that has said since counts."""
    taken, about = migration.told.get(leg), migration.about(leg)
    return taken is not None and (about is None or says_the_same(taken, about.relayed))


def _whereabouts(state: CallState) -> Moved | None:
    session = max(state.usable_sessions(), key=lambda one: one.number, default=None)
    return Moved(node=session.node, engine=session.engine, set=session.set) if session else None


def _is_usable(state: CallState, migration: Migration) -> bool:
    session = state.sessions.get(migration.destination)
    return session is not None and session.usable
