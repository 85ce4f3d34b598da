"""How many moves of a job may begin: never more than is said, and all of them by the deadline."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.bulk.pace import Pace
from events.bulk_events import BulkMoveAsked

TICK = 0.05


def asked(*, in_flight: int = 1000, rate: int = 0, deadline: int = 0) -> BulkMoveAsked:
    return BulkMoveAsked(asked_by="ann", parts=(), in_flight=in_flight, rate=rate, deadline=deadline)


@given(rate=st.integers(1, 500), in_flight=st.integers(1, 200), to_do=st.integers(0, 3000))
def test_no_more_begin_in_a_second_than_the_rate_and_move_at_a_time_than_in_flight(
    rate: int, in_flight: int, to_do: int
) -> None:
    pace, begun = Pace(asked(in_flight=in_flight, rate=rate), 0.0), 0
    for tick in range(1, 101):
        now = pace.allows(tick * TICK, 0, to_do - begun, 0.0)
        assert 0 <= now <= min(in_flight, to_do - begun)
        begun += now
        assert begun <= 1 + rate * tick * TICK + rate * 0.1 + 1
    if in_flight >= rate:
        assert begun >= min(to_do, int(rate * 100 * TICK * 0.9)), "and not much fewer"


@given(seconds=st.integers(2, 600), to_do=st.integers(1, 2000))
def test_all_have_begun_before_the_deadline_and_not_all_at_once(seconds: int, to_do: int) -> None:
    pace, left, after_a_tenth = Pace(asked(deadline=seconds * 1000), 0.0), to_do, 0
    for tick in range(1, round(seconds / TICK)):
        now = tick * TICK
        left -= pace.allows(now, 0, left, seconds - now)
        if now <= seconds * 0.1:
            after_a_tenth = left
    assert left == 0
    if to_do >= 20 and seconds >= 60:
        assert after_a_tenth > to_do / 2, "spread over the time"


def test_without_a_rate_as_many_begin_as_may_move_at_a_time() -> None:
    pace = Pace(asked(in_flight=7), 0.0)
    assert pace.allows(0.0, 0, 100, 0.0) == 7
    assert pace.allows(0.0, 7, 93, 0.0) == 0
    assert pace.allows(0.0, 5, 93, 0.0) == 2
