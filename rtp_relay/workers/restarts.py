"""When a worker that ended is started again. Sans-IO; times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_DELAY = 0.1
LONGEST_DELAY = 30.0
GOOD_LIFE = 60.0
"""A worker that lived so long has ended for a reason of its own: the next one is started at once."""

MAX_TRIES = 5
"""So many starts in a row may fail while no worker is at work; then the service is given up."""


@dataclass(slots=True)
class Restarts:
    """The ends of one worker, and what follows from them."""

    in_a_row: int = 0
    failed_starts: int = 0

    def ended(self, lived: float, *, was_ready: bool) -> float:
        """Record an end; return the seconds after which the next start is due."""
        self.in_a_row = 1 if lived >= GOOD_LIFE else self.in_a_row + 1
        self.failed_starts = 0 if was_ready else self.failed_starts + 1
        return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(self.in_a_row - 1, 20))

    @property
    def hopeless(self) -> bool:
        """Whether it failed to start too often."""
        return self.failed_starts >= MAX_TRIES
