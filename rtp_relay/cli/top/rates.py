"""How many calls begin, end and fail in a second, and what their media lost, over the last minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from events.ended import EndedCall, Outcome

WINDOW: Final = 60_000
"""Milliseconds that are counted."""

_BAD: Final = (Outcome.FAILED, Outcome.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What happened of late, on a node or in all: calls a second, and percent of the packets that were lost.

    mos: the average, in tenths; 0 where none was told.
    """

    ended: float = 0.0
    failed: float = 0.0
    loss: float = 0.0
    mos: float = 0.0


@dataclass(slots=True)
class Recent:
    """The calls that ended in the last minute. begun: since when they are counted, ms since the epoch."""

    begun: int
    _calls: deque[EndedCall] = field(default_factory=deque)

    def add(self, calls: Iterable[EndedCall], now: int) -> None:
        """Count calls that have ended, and forget those that ended too long ago."""
        self._calls.extend(calls)
        while self._calls and self._calls[0].ended < now - WINDOW:
            self._calls.popleft()

    def of(self, now: int, node: str = "") -> Rates:
        """Return the rates of a node, or of all."""
        calls = [call for call in self._calls if not node or node in call.nodes]
        seconds = max(1.0, min(now - self.begun, WINDOW) / 1000)
        lost, packets = sum(call.lost for call in calls), sum(call.packets + call.lost for call in calls)
        told = [call.mos for call in calls if call.mos]
        return Rates(
            ended=len(calls) / seconds,
            failed=sum(call.outcome in _BAD for call in calls) / seconds,
            loss=100 * lost / packets if packets else 0.0,
            mos=sum(told) / len(told) if told else 0.0,
        )
