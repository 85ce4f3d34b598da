"""How long ago something was, by a clock that was set in between."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from replay.eras import NEAR, ClockEras

A_MINUTE = 60_000
AN_HOUR = 3_600_000


@dataclass
class Watch:
    """A clock that goes and is set as a test wants it."""

    now: int = 1_000 * AN_HOUR

    def __post_init__(self) -> None:
        self.eras = ClockEras(lambda: self.now)

    def set_by(self, ms: int) -> None:
        """Set it."""
        before = self.now
        self.now += ms
        self.eras.note(before, self.now)

    def age_of(self, at: int) -> int:
        """Return how long ago a time was, ms."""
        return self.now - at - self.eras.set_since(at)


def test_of_a_clock_that_was_not_set_nothing_is_left_out() -> None:
    watch = Watch()
    assert watch.eras.set_since(watch.now - AN_HOUR) == watch.eras.set_since(watch.now + AN_HOUR) == 0
    assert watch.eras.set_back() == []


@given(st.lists(st.integers(-48 * AN_HOUR, 48 * AN_HOUR), max_size=5), st.integers(0, 6 * A_MINUTE))
def test_what_has_just_been_is_so_long_ago_as_it_is(steps: list[int], passed: int) -> None:
    """Unless the clock has come to the same time twice: that counts as the newer one."""
    watch = Watch()
    for step in steps:
        watch.now += A_MINUTE
        at, aged = watch.now, 0
        watch.set_by(step)
        if abs(step) > 6 * A_MINUTE + 2 * NEAR:
            watch.now += passed
            aged = passed
            assert watch.age_of(at) == aged
        assert watch.age_of(watch.now) == 0


def test_a_clock_that_was_wrong_for_some_time_is_made_up_for() -> None:
    watch = Watch()
    before = watch.now
    watch.set_by(AN_HOUR)
    watch.now += A_MINUTE
    between = watch.now
    watch.now += A_MINUTE
    watch.set_by(-AN_HOUR)
    watch.now += A_MINUTE
    after = watch.now
    watch.now += A_MINUTE
    assert [watch.age_of(at) for at in (before, between, after)] == [4 * A_MINUTE, 3 * A_MINUTE, A_MINUTE]


def test_what_other_control_nodes_write_by_the_other_clock_meanwhile_is_of_its_era() -> None:
    watch = Watch()
    late, early = watch.now + 2_000, watch.now + AN_HOUR - 2_000
    watch.set_by(AN_HOUR)
    watch.now += A_MINUTE
    assert watch.eras.set_since(late) == AN_HOUR
    assert watch.eras.set_since(early) == 0


def test_a_clock_set_back_has_an_era_ahead_until_it_has_come_to_its_end_again() -> None:
    watch = Watch()
    was = watch.now
    watch.set_by(-AN_HOUR)
    (era,) = watch.eras.set_back()
    watch.now += A_MINUTE
    assert watch.eras.now_in(era) == was + A_MINUTE
    watch.now += AN_HOUR
    assert watch.eras.set_back() == []
