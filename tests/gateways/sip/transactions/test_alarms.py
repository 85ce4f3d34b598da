"""Very many timers."""

from __future__ import annotations

from gateways.sip.transactions.alarms import Alarms
from gateways.sip.transactions.timers import Timer
from tests.gateways.sip.transactions.virtual import VirtualLoop


class Bell:
    """Writes down when it was rung, and sets the alarms that it was given when it is."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.rings: list[tuple[float, Timer]] = []

    def ring(self, timer: Timer) -> None:
        self.rings.append((self.loop.now, timer))


class BrokenBell(Bell):
    """Fails when it is rung."""

    def ring(self, timer: Timer) -> None:
        super().ring(timer)
        raise RuntimeError


class Repeater(Bell):
    """Sets the next alarm when it is rung."""

    def __init__(self, loop: VirtualLoop, alarms: Alarms) -> None:
        super().__init__(loop)
        self.alarms = alarms

    def ring(self, timer: Timer) -> None:
        super().ring(timer)
        self.alarms.set(4.0, self, timer)


def test_they_ring_in_the_order_of_their_times() -> None:
    loop = VirtualLoop()
    alarms, bell = Alarms(loop, 0.0), Bell(loop)
    alarms.set(2.0, bell, Timer.B)
    alarms.set(0.5, bell, Timer.A)
    loop.run_until(1)
    alarms.set(0.5, bell, Timer.E)
    alarms.set(2.0, bell, Timer.F)
    loop.run_until(100)
    assert bell.rings == [(0.5, Timer.A), (1.5, Timer.E), (2.0, Timer.B), (3.0, Timer.F)]


def test_a_cancelled_one_does_not_ring_nor_hold_up_the_next() -> None:
    loop = VirtualLoop()
    alarms, bell = Alarms(loop, 0.0), Bell(loop)
    first = alarms.set(1.0, bell, Timer.A)
    loop.run_until(0.5)
    alarms.set(1.0, bell, Timer.E)
    first.cancel()
    loop.run_until(100)
    first.cancel()
    assert bell.rings == [(1.5, Timer.E)]
    assert loop.waiting == 0


def test_those_within_a_grain_ring_together_late_but_never_early() -> None:
    loop = VirtualLoop()
    alarms, bell = Alarms(loop, 0.25), Bell(loop)
    for _ in range(3):
        alarms.set(1.0, bell, Timer.A)
        loop.run_for(0.125)
    loop.run_until(100)
    assert bell.rings == [(1.25, Timer.A)] * 3


def test_one_that_is_set_again_when_it_rings_goes_on() -> None:
    loop = VirtualLoop()
    alarms = Alarms(loop, 0.0)
    bell = Repeater(loop, alarms)
    alarms.set(4.0, bell, Timer.E)
    loop.run_until(12)
    assert [time for time, _timer in bell.rings] == [4.0, 8.0, 12.0]
    assert loop.waiting == 1


def test_very_many_at_a_time_leave_the_loop_turns_for_others() -> None:
    loop = VirtualLoop()
    alarms, bell = Alarms(loop, 0.0), Bell(loop)
    for _ in range(1000):
        alarms.set(1.0, bell, Timer.A)
    seen: list[int] = []
    loop.call_at(1.0, lambda: seen.append(len(bell.rings)))
    loop.run_until(1)
    assert len(bell.rings) == 1000
    assert 0 < seen[0] < 1000


def test_a_failing_bell_does_not_keep_others_from_ringing() -> None:
    loop = VirtualLoop()
    alarms, broken, bell = Alarms(loop, 0.0), BrokenBell(loop), Bell(loop)
    alarms.set(1.0, broken, Timer.A)
    alarms.set(1.0, bell, Timer.A)
    loop.run_until(1)
    assert (len(broken.rings), len(bell.rings)) == (1, 1)


def test_after_the_end_none_rings() -> None:
    loop = VirtualLoop()
    alarms, bell = Alarms(loop, 0.0), Bell(loop)
    alarms.set(1.0, bell, Timer.A)
    alarms.close()
    loop.run_until(100)
    assert bell.rings == []
    assert loop.waiting == 0
