"""Moves of calls whose dialogs are not known here, as those of the ng door: such a call moves at its next offer.

Who signals it makes that offer, and tells its peer and itself of the new node with it.
"""

from __future__ import annotations

from dataclasses import replace

from actors.commands.media import Offer
from actors.flows.media.taking_along import arrivals, left_out
from events.registry import Event, MigrationCompleted
from replay.state import CallState, Session

SETTLES = 5_000
"""Ms after which a session that was left goes at the latest: media of its parties may be on their way to it."""


def taken_along(state: CallState, command: Offer, session: Session | None) -> Offer | None:
    """Return an offer as it is made where the call is to move, if the call's move waits for it; None if not."""
    move = state.migration
    if move is None or not move.waits or move.early or command.stays or command.migration or not command.to_tag:
        return None
    if session is None or session.number != move.leaves:
        return None
    return replace(
        command,
        set=move.set,
        engine=move.engine,
        node=move.node,
        avoid=move.avoid,
        migration=move.number,
        anew=True,
        moves=True,
    )


def move_to(state: CallState, session: Session) -> int:
    """Return the number of the move that has waited for the offer of this session, which is to be answered; else 0."""
    move = state.migration
    return move.number if move is not None and move.waits and move.session == session.number else 0


def arrived(state: CallState, session: Session) -> list[Event]:
    """Return the end of a move that has waited for the offer which is now answered in this session; else nothing."""
    move = state.migration
    if move is None or not move_to(state, session):
        return []
    without = left_out(state, move)
    return [
        *arrivals(state, move),
        MigrationCompleted(migration=move.number, session=session.number, left_out=without),
    ]
