"""A bound on the rate of log lines that peers can cause at will."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from structlog.typing import EventDict, WrappedLogger


@dataclass(slots=True)
class _Window:
    began: float
    written: int = 0
    suppressed: int = 0


class BoundedRate:
    """A structlog processor that bounds the rate of the lines marked with `bounded=True`; others it lets pass.

    Of each event (the line's fixed text) at most `limit` lines are written in `interval` seconds. The next line after
    that says in `suppressed` how many were left out; when no line comes, `report` says it.
    """

    def __init__(self, limit: int = 5, interval: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._interval = interval
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        """Return the line, or raise DropEvent."""
        if not line.pop("bounded", False):
            return line
        suppressed = self._count(line["event"])
        if suppressed:
            line["suppressed"] = suppressed
        return line

    def report(self) -> None:
        """Log how many lines were left out in the intervals that are over and were not told since."""
        for event in [event for event, window in self._windows.items() if self._is_over(window)]:
            suppressed = self._windows.pop(event).suppressed
            if suppressed:
                structlog.get_logger().warning("log lines suppressed", of=event, suppressed=suppressed)

    def _count(self, event: str) -> int:
        """Count a line; give the number of those left out before it. Raises DropEvent when it is one too many."""
        window = self._windows.get(event)
        suppressed = 0
        if window is None or self._is_over(window):
            suppressed = window.suppressed if window else 0
            window = self._windows[event] = _Window(self._clock())
        if window.written == self._limit:
            window.suppressed += 1
            raise structlog.DropEvent
        window.written += 1
        return suppressed

    def _is_over(self, window: _Window) -> bool:
        return self._clock() - window.began >= self._interval
