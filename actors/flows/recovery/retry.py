"""When a call is to be attended to again, beside what its state says."""

from __future__ import annotations

from actors.effects import Read, RetryAt, Step
from replay.projection import Deadlines, due_times


def attend_again(at: int, now: int, deadlines: Deadlines) -> Step[None]:
    """Let the call be due again at `at`, or before for what has a later time than `now` of its own."""
    ahead = yield Read(lambda state: [wish for wish in due_times(state, deadlines) if wish > now])
    yield RetryAt(min([at, *ahead]))
