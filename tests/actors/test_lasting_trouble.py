"""What goes wrong again and again is said when it begins, once a minute, and when it is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from actors.due_poller import DuePoller
from actors.lasting_trouble import LastingTrouble
from events.journal import JournalUnavailable
from events.memory import MemoryJournal


@pytest.fixture
def lines() -> Iterator[list[Any]]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as captured:
        yield captured


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_is_said_once_a_minute_for_as_long_as_it_lasts(lines: list[Any]) -> None:
    clock = Clock()
    trouble = LastingTrouble("not done", "done again", clock=clock, node="r1")
    for second in range(150):
        clock.now = second
        trouble.note(OSError(f"why {second}"))
    trouble.end()
    trouble.end()
    said = [(line["event"], line.get("why"), line.get("times"), line.get("seconds")) for line in lines]
    assert said == [
        ("not done", "why 0", None, None),
        ("not done", "why 60", 61, 60),
        ("not done", "why 120", 121, 120),
        ("done again", None, 150, 149),
    ]
    assert {(line["node"], line["log_level"]) for line in lines} == {("r1", "warning")}


def test_what_comes_after_it_was_over_is_another_one(lines: list[Any]) -> None:
    trouble = LastingTrouble("not done", "done again")
    trouble.end()
    for _ in range(2):
        trouble.note(OSError("why"))
        trouble.end()
    assert [line["event"] for line in lines] == ["not done", "done again"] * 2


class Absent(MemoryJournal):
    """A journal that cannot be asked a few times for what is due."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.was_asked_again = 5, asyncio.Event()

    async def claim_due(self, *arguments: Any) -> Any:
        self.left -= 1
        if self.left >= 0:
            raise JournalUnavailable("Redis is not there")
        if self.left < -2:
            self.was_asked_again.set()
        return await super().claim_due(*arguments)


async def test_due_calls_that_cannot_be_looked_for_are_a_line_and_another_when_they_can(lines: list[Any]) -> None:
    journal = Absent()
    polling = asyncio.create_task(DuePoller(journal, lambda _: None, lambda: 0, interval=0).run())
    await journal.was_asked_again.wait()
    polling.cancel()
    assert [(line["event"], line.get("times")) for line in lines] == [
        ("due calls not taken", None),
        ("due calls taken again", 5),
    ]


class Spoilt(MemoryJournal):
    """A journal of which some due tables cannot be read for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.is_over = 0, asyncio.Event()

    async def claim_due(self, *arguments: Any) -> Any:
        self.asked += 1
        self.spoilt = [f"r:{{{number}}}:due" for number in range(5)] if self.asked <= 3 else ()
        if self.asked > 5:
            self.is_over.set()
        return await super().claim_due(*arguments)


async def test_tables_that_cannot_be_read_are_named_in_a_line_and_another_tells_when_it_is_over(
    lines: list[Any],
) -> None:
    journal = Spoilt()
    polling = asyncio.create_task(DuePoller(journal, lambda _: None, lambda: 0, interval=0).run())
    await journal.is_over.wait()
    polling.cancel()
    assert [(line["event"], line.get("times")) for line in lines] == [
        ("due calls of partitions not taken", None),
        ("due calls of all partitions taken again", 3),
    ]
    assert lines[0]["why"].endswith("at r:{0}:due, r:{1}:due, r:{2}:due and 2 more")
