"""Whether more comes than can be done."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

PATIENCE = 64
"""So many messages in a row have to be late: a pause, of the machine or of its disk, makes some late and is over."""

_FRESH = 1.0
"""Seconds for which the last late message says anything."""


class Backlog:
    """Tells when messages pile up before they are read, which no count of what is in work shows.

    Each of them takes its turn, those of calls in progress behind those that would begin new ones. A request that is
    refused costs little of what a call costs: so it is enough to refuse new ones for the wait to become short again.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = monotonic) -> None:
        """Begin. limit: the seconds that a message may have waited."""
        self._limit, self._clock = limit, clock
        self._late = 0
        self._last_late = 0.0

    def waited(self, seconds: float) -> None:
        """Take note of how long the message waited that is taken now."""
        if seconds <= self._limit:
            self._late = 0
            return
        self._late += 1
        self._last_late = self._clock()

    @property
    def stands(self) -> bool:
        """Whether messages wait too long, and not only a few of them."""
        return self._late >= PATIENCE and self._clock() - self._last_late < _FRESH
