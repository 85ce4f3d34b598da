"""When a call is to be attended to again, beside what its state says."""

from __future__ import annotations

from actors.effects import Read, RetryAt, Step
from replay.projection import Deadlines, due_times


def attend_again(at: int, now: int, deadlines: Deadlines) -> Step[None]:
    """Schedule the call to be due again at `at`, or earlier for what has a time of its own after `now` (ms)."""
    ahead = yield Read(lambda state: [due for due in due_times(state, deadlines) if due > now])
    yield RetryAt(min([at, *ahead]))
