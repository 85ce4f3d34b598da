"""How fast the calls of a bulk move are moved."""

from __future__ import annotations

from events.bulk_events import BulkMoveAsked

SPARE = 0.2
"""The part of the time up to the deadline that is kept for what moves last, at least SETTLES, and half at most."""

SETTLES = 5.0
"""Seconds after which a session that a call has left goes at the latest."""

BURST = 0.1
"""Seconds' worth of moves that may begin at once, beside one that had to wait for the next look."""


class Pace:
    """Says how many moves may begin. Times are in seconds of one clock, `left` is the time up to the deadline."""

    def __init__(self, asked: BulkMoveAsked, now: float) -> None:
        self._asked = asked
        self._at, self._credit = now, 1.0

    def rate(self, to_do: int, left: float) -> float:
        """Return how many may begin in a second; 0 for as many as `in_flight` lets."""
        if not self._asked.deadline:
            return float(self._asked.rate)
        usable = max(left / 2, left - max(left * SPARE, SETTLES))
        return max(float(self._asked.rate), to_do / usable) if usable > 0 else 0.0

    def allows(self, now: float, moving: int, to_do: int, left: float) -> int:
        """Return how many may begin, if so many move, and note that they do."""
        room = max(0, min(self._asked.in_flight - moving, to_do))
        rate = self.rate(to_do, left)
        if not rate:
            return room
        self._credit = min(self._credit + rate * (now - self._at), 1.0 + rate * BURST)
        self._at = now
        begun = min(room, int(self._credit))
        self._credit -= begun
        return begun
