"""The journal's clock as control nodes follow it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from actors.clock import JournalClock
from actors.clock_follower import ClockFollower
from events.journal import JournalUnavailable
from events.memory import MemoryJournal

AN_HOUR = 3_600_000


@dataclass
class Line:
    """A line to a journal, of which each look takes some time, on a clock of the test's own."""

    seconds: float = 500.0
    ahead: int = AN_HOUR
    takes: tuple[float, float] = (0.001, 0.001)
    cut: bool = False

    def journal(self) -> MemoryJournal:
        line = self

        class Journal(MemoryJournal):
            async def time(self) -> float:
                if line.cut:
                    raise JournalUnavailable("cut")
                line.seconds += line.takes[0]
                at = line.seconds * 1000 + line.ahead
                line.seconds += line.takes[1]
                return at

        return Journal()

    def follower(self) -> ClockFollower:
        return ClockFollower(self.journal(), JournalClock(lambda: self.seconds))

    def error_of(self, clock: JournalClock) -> float:
        return abs(clock.now() - (self.seconds * 1000 + self.ahead))


def test_control_nodes_whose_own_clocks_differ_mean_the_same_by_a_time() -> None:
    line = Line()
    followers = [line.follower() for _ in range(2)]
    for follower in followers:
        asyncio.run(follower.begin())
    assert [line.error_of(follower.clock) <= 1 for follower in followers] == [True, True]


def test_the_quickest_look_counts() -> None:
    line = Line()
    follower = line.follower()
    asyncio.run(follower.begin())
    line.takes = (0.4, 0.001)  # the loop had much to do
    asyncio.run(follower.look())
    assert line.error_of(follower.clock) <= 1


def test_a_clock_that_was_set_is_followed_at_once() -> None:
    line = Line()
    follower = line.follower()
    asyncio.run(follower.begin())
    line.ahead -= 5000
    asyncio.run(follower.look())
    assert line.error_of(follower.clock) <= 1


@pytest.mark.parametrize("by", [-AN_HOUR, AN_HOUR])
def test_what_a_clock_was_set_by_is_known_afterwards(by: int) -> None:
    line = Line()
    follower = line.follower()
    asyncio.run(follower.begin())
    clock = follower.clock
    before = clock.now()
    line.ahead += by
    line.seconds += 60
    asyncio.run(follower.look())
    assert abs(clock.eras.set_since(before) - by) <= 1
    assert clock.eras.set_since(clock.now()) == 0


def test_neither_the_first_look_nor_one_that_took_long_is_a_clock_that_was_set() -> None:
    line = Line()
    follower = line.follower()
    asyncio.run(follower.begin())
    line.takes = (3600, 0.001)  # this control node stood still
    asyncio.run(follower.look())
    assert not follower.clock.eras.past
    assert line.error_of(follower.clock) <= 1


def test_while_the_journal_is_away_the_clock_goes_on() -> None:
    line = Line()
    follower = line.follower()
    asyncio.run(follower.begin())
    line.cut = True
    line.seconds += 60
    asyncio.run(follower.look())
    assert line.error_of(follower.clock) <= 1
