"""Moves that nobody is at any more, since their control node died: another one goes on with them."""

from __future__ import annotations

from actors.effects import HoldOff, Read, RetryAt, Spawn, Step
from actors.flows.migration.migrate import carry_on
from actors.node_table import NodeTable
from replay.projection import Deadlines, migration_due
from replay.state import CallState, CallStatus


def take_up(now: int, deadlines: Deadlines, nodes: NodeTable, *, signals: bool) -> Step[bool]:
    """Go on with the call's move, if it is due. Comes to whether it was: then the call is due again by itself.

    signals: whether SIP requests can be sent from here.
    """
    number, tells = yield Read(lambda state: _due(state, now, deadlines))
    if not number:
        return False
    if signals or not tells:
        yield HoldOff(now + deadlines.request)  # so that no other control node goes on with it, too
        yield Spawn(carry_on(number, nodes))
    else:
        yield RetryAt(now + deadlines.retry, settled=now)
    return True


def _due(state: CallState, now: int, deadlines: Deadlines) -> tuple[int, bool]:
    """Return the number of the move that is due, 0 for none, and whether parties may have to be told of it."""
    at = migration_due(state, deadlines)
    is_due = state.migration is not None and at is not None and at <= now
    return state.migration.number if state.migration is not None and is_due else 0, state.status is CallStatus.LIVE
