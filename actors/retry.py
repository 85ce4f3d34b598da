"""When a call is due next: the one place where what a flow wants and what the state says come together."""

from __future__ import annotations

from actors.effects import Flow, HoldOff, Read, RetryAt
from replay.projection import Deadlines, due_times
from replay.state import CallState


def retry(wish: RetryAt, deadlines: Deadlines) -> Flow:
    """Let the call be due when a flow wants it to be, or before, by the state as the journal confirms it."""
    yield HoldOff((yield Read(lambda state: next_due(wish, state, deadlines))))


def next_due(wish: RetryAt, state: CallState, deadlines: Deadlines) -> int:
    """Return when a call is due next, ms since the epoch: for the first that is left to do.

    A time of the state that is settled does not count: it stays there until what was due has been done.
    """
    return min([wish.due, *(due for due in due_times(state, deadlines) if due > wish.settled)])
