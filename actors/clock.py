"""The clock that control nodes agree on: the journal's, followed between two looks by this machine's monotonic one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import structlog

from replay.eras import ClockEras

log = structlog.get_logger()

LOOKS = 16
"""So many looks are remembered; the quickest of them counts, for what a look took is what it may be wrong by."""

TOLERANCE = 0.005
"""Seconds by which two looks may differ beyond what they took, for clocks drift; more is a clock that was set."""

STEP = 5.0
"""Seconds by which a clock is set that is told of, and left out where times are compared: no deadline is shorter."""


def now() -> int:
    """Return the time by this machine's own clock, ms since the epoch."""
    return time.time_ns() // 1_000_000


class JournalClock:
    """The journal's clock as this control node knows it. Until the first look it is this machine's own.

    A step of this machine's clock changes nothing, and of two control nodes neither takes the other's time for past.
    monotonic: seconds of this machine's. eras: what it was set by, while this control node looked.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.monotonic = monotonic
        self._looks: deque[tuple[float, float]] = deque(maxlen=LOOKS)  # what each took, and the offset that it found
        self._offset = time.time() - monotonic()
        self.eras = ClockEras(self.now)

    def now(self) -> int:
        """Return the time, ms since the epoch."""
        return int((self.monotonic() + self._offset) * 1000 + 0.5)

    def look(self, at: float, sent: float, came: float) -> None:
        """Follow the journal's clock, which said `at` (ms since the epoch) between two moments of the monotonic one."""
        took, offset = came - sent, at / 1000 - (sent + came) / 2
        if self._looks and abs(offset - self._offset) > took + TOLERANCE:
            self._looks.clear()
            self._set(offset)
        self._looks.append((took, offset))
        self._offset = min(self._looks)[1]

    def _set(self, offset: float) -> None:
        """Go by a clock that was set."""
        by, before = offset - self._offset, self.now()
        self._offset = offset
        if abs(by) >= STEP:
            self.eras.note(before, self.now())
            log.warning("the journal's clock was set", seconds=round(by))
