"""How long what comes on a stream may have waited.

The kernel stamps datagrams, not streams. But a loop that runs reads at once: only while it stood still, stopped or
busy, can something have waited, and then since it last ran. In doubt it did: what is older than the end of its call is
refused, and nothing else becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable

BEAT = 1.0
"""Seconds between beats while the loop runs."""


class Standstill:
    """Knows by a beat how long the loop has stood still. Times in seconds, by a monotonic clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._beat = monotonic()
        self._stood: tuple[float, float] | None = None  # from when on, and until when it is held against what comes

    def beat(self) -> None:
        """Record that the loop runs, every BEAT seconds."""
        now = self._monotonic()
        if now - self._beat > 2 * BEAT:
            self._stood = (self._beat, now + BEAT)
        self._beat = now

    def waited(self) -> float:
        """Return how long ago what is read at this moment may have come: 0 if the loop did not stand still."""
        now = self._monotonic()
        if now - self._beat > 2 * BEAT:
            return now - self._beat
        return now - self._stood[0] if self._stood and now < self._stood[1] else 0.0
