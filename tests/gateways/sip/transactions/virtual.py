"""An event loop whose time goes on only when it is told to."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class VirtualHandle:
    """A callback that is to run."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualLoop:
    """Runs callbacks in the order of their times (alarms.Loop)."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, VirtualHandle]] = []
        self._numbers = count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> VirtualHandle:
        handle = VirtualHandle(callback)
        heapq.heappush(self._heap, (when, next(self._numbers), handle))
        return handle

    def call_soon(self, callback: Callable[[], object], /) -> VirtualHandle:
        return self.call_at(self.now, callback)

    @property
    def waiting(self) -> int:
        """How many callbacks are still to run."""
        return sum(handle.callback is not None for _when, _number, handle in self._heap)

    def run_until(self, time: float) -> None:
        """Let time go on to `time`, which is included."""
        while self._heap and self._heap[0][0] <= time:
            when, _number, handle = heapq.heappop(self._heap)
            self.now = max(self.now, when)
            if handle.callback is not None:
                handle.callback()
        self.now = max(self.now, time)

    def run_for(self, seconds: float) -> None:
        """Let time go on by so much."""
        self.run_until(self.now + seconds)
