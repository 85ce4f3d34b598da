"""Very many timers of very few durations, cheaply.

The timers of thousands of transactions a second run for half a minute each, and nearly all are cancelled or end
something quietly. In the event loop's heap each would cost comparisons that grow with their number. But they are set
for a handful of durations (T1, 2 T1, ... T2, T4, 64 T1), and of those set for the same one the first to be set is the
first to ring: so there is a queue for each duration, and the loop knows of the first in each queue only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

import structlog

from gateways.sip.transactions.machine import Bell
from gateways.sip.transactions.timers import Timer

log = structlog.get_logger(bounded=True)

_RINGS_A_TURN = 200


class QueuedAlarm:
    """A timer that was set (machine.Alarm)."""

    __slots__ = ("bell", "delay", "due", "timer")

    def __init__(self, due: float, delay: float, bell: Bell, timer: Timer) -> None:
        self.due, self.delay, self.timer = due, delay, timer
        self.bell: Bell | None = bell

    def cancel(self) -> None:
        """Cancel the timer; do nothing if it has expired."""
        self.bell = None


class Handle(Protocol):
    """Something that the loop is going to do."""

    def cancel(self) -> None:
        """Cancel it."""


class Loop(Protocol):
    """What is needed of an event loop."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Handle:
        """Call back at a time."""

    def call_soon(self, callback: Callable[[], object], /) -> Handle:
        """Call back in the next turn."""


class _Queue:
    """The timers of one duration, the first to ring first, and what the loop knows of them."""

    __slots__ = ("alarms", "handle", "ring")

    def __init__(self, ring: Callable[[_Queue], None]) -> None:
        self.alarms: deque[QueuedAlarm] = deque()
        self.ring: Callable[[], None] = partial(ring, self)
        self.handle: Handle | None = None


class Alarms:
    """Sets timers on an event loop (machine.TimerClock). They ring up to `grain` s late, so that many ring at once."""

    def __init__(self, loop: Loop, grain: float) -> None:
        self._loop, self._grain = loop, grain
        self._queues: dict[float, _Queue] = {}
        self._closed = False

    def set(self, delay: float, bell: Bell, timer: Timer) -> QueuedAlarm:
        """Ring a bell with a timer after `delay` seconds."""
        queue = self._queues.get(delay)
        if queue is None:
            queue = self._queues[delay] = _Queue(self._ring)
        due = self._loop.time() + delay
        alarm = QueuedAlarm(due, delay, bell, timer)
        queue.alarms.append(alarm)
        if queue.handle is None and not self._closed:
            queue.handle = self._loop.call_at(due + self._grain, queue.ring)
        return alarm

    def close(self) -> None:
        """Cancel all timers, and those that are set from now on."""
        self._closed = True
        for queue in self._queues.values():
            if queue.handle is not None:
                queue.handle.cancel()
        self._queues.clear()

    def _ring(self, queue: _Queue) -> None:
        """Ring what is due, but not for long: the loop's other work gets its turn."""
        now = self._loop.time()
        rings = 0
        alarms = queue.alarms
        while alarms and (alarms[0].bell is None or alarms[0].due <= now) and rings < _RINGS_A_TURN:
            alarm = alarms.popleft()
            if alarm.bell is not None:
                rings += 1
                _ring_one(alarm.bell, alarm.timer)
        self._ask_for_turn(queue, at_once=rings == _RINGS_A_TURN)

    def _ask_for_turn(self, queue: _Queue, *, at_once: bool) -> None:
        if not queue.alarms:
            queue.handle = None
        elif at_once:
            queue.handle = self._loop.call_soon(queue.ring)
        else:
            queue.handle = self._loop.call_at(queue.alarms[0].due + self._grain, queue.ring)


def _ring_one(bell: Bell, timer: Timer) -> None:
    try:
        bell.ring(timer)
    except Exception:
        log.exception("sip timer failed", timer=str(timer))
