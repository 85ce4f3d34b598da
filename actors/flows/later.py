"""When a call is to be attended to again, beside what its state says."""

from __future__ import annotations

from actors.effects import Decision, Postpone, Record, Step
from replay.index import Deadlines, wishes


def attend_again(at: int, now: int, deadlines: Deadlines) -> Step[None]:
    """Let the call be due again at `at`, or before for what has a later time than `now` of its own."""
    ahead = yield Record(lambda state: Decision([], [wish for wish in wishes(state, deadlines) if wish > now]))
    yield Postpone(min([at, *ahead]))
