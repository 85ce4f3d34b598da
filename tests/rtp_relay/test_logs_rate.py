from __future__ import annotations

import pytest
import structlog
from structlog.testing import capture_logs

from rtp_relay.bounded_rate import BoundedRate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def write(rate: BoundedRate, event: str, *, bounded: bool = True) -> dict[str, object] | None:
    try:
        return dict(rate(None, "warning", {"event": event, "bounded": bounded}))
    except structlog.DropEvent:
        return None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rate(clock: Clock) -> BoundedRate:
    return BoundedRate(limit=2, interval=10, clock=clock)


def test_each_event_has_a_bound_of_its_own(rate: BoundedRate) -> None:
    written = [write(rate, event) for event in ("a", "a", "a", "b", "a", "b", "b")]
    assert written == [{"event": "a"}, {"event": "a"}, None, {"event": "b"}, None, {"event": "b"}, None]


def test_other_lines_are_not_bounded(rate: BoundedRate) -> None:
    assert [write(rate, "a", bounded=False) for _ in range(9)] == [{"event": "a"}] * 9


def test_the_next_line_says_how_many_were_left_out(rate: BoundedRate, clock: Clock) -> None:
    for _ in range(7):
        write(rate, "a")
    clock.now += 10
    assert [write(rate, "a") for _ in range(3)] == [{"event": "a", "suppressed": 5}, {"event": "a"}, None]


def test_the_report_says_what_no_line_has_said(rate: BoundedRate, clock: Clock) -> None:
    for event in ("a", "a", "a", "a", "b"):
        write(rate, event)
    with capture_logs() as early:
        rate.report()
    clock.now += 10
    with capture_logs() as told:
        rate.report()
        rate.report()
    assert early == []
    assert told == [{"event": "log lines suppressed", "of": "a", "suppressed": 2, "log_level": "warning"}]
    assert write(rate, "a") == {"event": "a"}
