"""When a worker that ended is started again, and when the service is given up."""

from __future__ import annotations

from itertools import pairwise

from rtp_relay.workers.restarts import FIRST_DELAY, GOOD_LIFE, LONGEST_DELAY, MAX_TRIES, Restarts


def test_one_that_dies_at_once_again_and_again_waits_longer_each_time_up_to_a_bound() -> None:
    restarts = Restarts()
    delays = [restarts.ended(0.5, was_ready=True) for _ in range(2000)]
    assert delays[0] == FIRST_DELAY
    assert all(one <= two for one, two in pairwise(delays))
    assert delays[-1] == LONGEST_DELAY
    assert not restarts.hopeless


def test_after_a_good_life_the_next_start_is_at_once() -> None:
    restarts = Restarts()
    for _ in range(10):
        restarts.ended(1, was_ready=True)
    assert restarts.ended(GOOD_LIFE, was_ready=True) == FIRST_DELAY


def test_starts_that_fail_in_a_row_are_hopeless_in_the_end() -> None:
    restarts = Restarts()
    for _ in range(MAX_TRIES - 1):
        restarts.ended(1, was_ready=False)
        assert not restarts.hopeless
    restarts.ended(1, was_ready=True)
    for _ in range(MAX_TRIES):
        assert not restarts.hopeless
        restarts.ended(1, was_ready=False)
    assert restarts.hopeless
