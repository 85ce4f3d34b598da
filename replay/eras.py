"""How long ago something was, where the journal's clock was set in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

NEAR = 5_000
"""Ms by which times of an era may lie outside of it: control nodes find out one after the other that it has ended."""

KEPT = 16
"""So many eras are remembered."""


@dataclass(frozen=True, slots=True)
class Era:
    """A time in which a clock was not set. It began and ended at these times by itself, ms since the epoch.

    ahead: by how much it was ahead of the clock of the first era.
    """

    begun: int
    ended: int
    ahead: int


class ClockEras:
    """The eras of a clock that may be set, such as one that a server has after another one took over from it.

    A time belongs to the newest era that had it. After a clock was set back it has times for the second time: those
    that it has not come to yet are known to be of before, the others count as new ones.
    """

    __slots__ = ("_ahead", "_begun", "_now", "past")

    def __init__(self, now: Callable[[], int] = int) -> None:
        """Make those of a clock that was not set yet; `now` tells its time."""
        self._now = now
        self._begun = self._ahead = 0
        self.past: deque[Era] = deque(maxlen=KEPT)

    def note(self, before: int, after: int) -> None:
        """Note that the clock was set: from one time to another."""
        margin = min(abs(after - before) // 2, NEAR)
        self.past.append(Era(self._begun, before + margin, self._ahead))
        self._begun, self._ahead = after - margin, self._ahead + after - before

    def set_since(self, at: int) -> int:
        """Return by how much (ms) the clock was set forward since it showed this time; less than 0 if back."""
        if self._begun <= at <= self._now() + NEAR:
            return 0
        for era in reversed(self.past):
            if era.begun <= at <= era.ended:
                return self._ahead - era.ahead
        return 0

    def set_back(self) -> list[Era]:
        """Return the eras that were ahead of the clock, and have times that it has not come to again."""
        now = self._now()
        return [era for era in self.past if era.ahead > self._ahead and era.ended > now]

    def now_in(self, era: Era) -> int:
        """Return what the clock would show if it were still as it was in an era."""
        return self._now() + era.ahead - self._ahead


NEVER_SET: Final = ClockEras()
"""Those of a clock that nobody sets."""
