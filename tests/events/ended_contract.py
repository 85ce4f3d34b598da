"""What every journal must do with the table of ended calls."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from events.ended import EndedCall, EndedPage, Outcome
from events.journal import Journal
from events.names import CallId
from events.records import NOTHING, Index
from events.retention import DAY, Retention
from tests.events.samples import live, record

ENDED = EndedCall(
    version=3,
    created=5,
    answered=6,
    outcome=Outcome.ANSWERED,
    reason="delete by the client \udcff",
    failure="timeout",
    by="control-1",
    nodes=("ng1", "ng2"),
    sets=("gold",),
    engines=("rtpengine",),
    caller="<sip:ann@example.com>",
    callee='"Bob" <sip:bob@example.com>',
    tags=("a", "b"),
    branches=2,
    moves=1,
    packets=900,
    lost=100,
    jitter=7,
    mos=32,
    one_way=True,
)


def ended(call: str, at: int) -> EndedCall:
    """Return the row of a call that ended then."""
    return replace(ENDED, call_id=CallId(call), ended=at)


SELECTIVE = Retention(DAY, {Outcome.UNANSWERED: 0.05, Outcome.LOST: 30 * DAY})
"""A retention by which calls of one outcome go at once."""


async def end(journal: Journal, call: str, at: int, outcome: Outcome = Outcome.ANSWERED) -> EndedCall:
    """Let a call live and end."""
    row = replace(ended(call, at), outcome=outcome)
    index = live(CallId(call), 1, "ng1")
    await journal.append(CallId(call), 0, [record(1)], NOTHING, index)
    await journal.append(CallId(call), 1, [record(2)], index, Index(ended=row))
    return row


async def all_pages(journal: Journal, since: int, until: int, count: int) -> list[EndedPage]:
    """Read page by page."""
    pages = [await journal.ended_calls(since, until, count)]
    while pages[-1].until:
        pages.append(await journal.ended_calls(since, pages[-1].until, count))
    return pages


async def is_there(journal: Journal, call: CallId) -> bool:
    """Return whether anything is there of an ended call."""
    page = await journal.ended_calls(0, 2**50)
    return bool(await journal.read(call)) or call in {row.call_id for row in page.calls}


async def until_it_is_gone(journal: Journal, call: CallId) -> None:
    """Wait until the time of an ended call is over."""
    async with asyncio.timeout(10):
        while await is_there(journal, call):  # noqa: ASYNC110 - no journal tells what it drops
            await asyncio.sleep(0.005)


class EndedContract:
    """The tests of ended calls. `selective` is a journal with the retention of that name."""

    async def test_an_ended_call_is_found_whole(self, journal: Journal, other: Journal) -> None:
        now = round(await journal.time())
        for number, call in enumerate(["a", "ü{7}", "b\udcff\r\n"]):
            row = await end(journal, call, now - number)
            assert await other.ended_calls(row.ended, row.ended + 1) == EndedPage((row,))

    @pytest.mark.parametrize("count", [1, 7, 1000])
    async def test_pages_have_each_ended_call_once_the_newest_first(self, journal: Journal, count: int) -> None:
        now = round(await journal.time())
        rows = [await end(journal, f"call-{number}", now - number // 3) for number in range(90)]
        pages = await all_pages(journal, now - 25, now, count)
        found = [row for page in pages for row in page.calls]
        wanted = [row for row in rows if now - 25 <= row.ended < now]
        assert sorted(found, key=str) == sorted(wanted, key=str)
        assert [row.ended for row in found] == sorted((row.ended for row in wanted), reverse=True)
        assert all(page.calls for page in pages[:-1])

    async def test_more_than_a_page_in_one_ms_come_together(self, journal: Journal) -> None:
        now = round(await journal.time())
        rows = [await end(journal, f"call-{number}", now) for number in range(50)]
        pages = await all_pages(journal, 0, now + 1, 3)
        assert sorted((row for page in pages for row in page.calls), key=str) == sorted(rows, key=str)

    async def test_a_call_that_lives_again_is_no_ended_one(self, journal: Journal) -> None:
        now = round(await journal.time())
        row = await end(journal, "a", now)
        index = live(CallId("a"), 3, "ng1")
        await journal.append(CallId("a"), 2, [record(3)], Index(ended=row), index)
        assert await journal.ended_calls(0, now + 10) == EndedPage(())
        again = ended("a", now + 5)
        await journal.append(CallId("a"), 3, [record(4)], index, Index(ended=again))
        assert await journal.ended_calls(0, now + 10) == EndedPage((again,))

    async def test_a_row_follows_what_is_heard_of_the_call_after_its_end(self, journal: Journal) -> None:
        now = round(await journal.time())
        row = await end(journal, "a", now)
        later = ended("a", now + 3)
        await journal.append(CallId("a"), 2, [record(3)], Index(ended=row), Index(ended=later))
        assert await journal.ended_calls(0, now + 10) == EndedPage((later,))

    async def test_calls_are_kept_by_their_outcome(self, selective: Journal) -> None:
        now = round(await selective.time())
        kept = [
            await end(selective, "answered", now),
            await end(selective, "lost", now - 1, Outcome.LOST),
            await end(selective, "failed", now - 2, Outcome.FAILED),
        ]
        await end(selective, "unanswered", now - 3, Outcome.UNANSWERED)
        await until_it_is_gone(selective, CallId("unanswered"))
        assert await selective.ended_calls(0, 2**50) == EndedPage(tuple(kept))
        assert [len(await selective.read(CallId(row.call_id))) for row in kept] == [2, 2, 2]

    async def test_a_call_that_has_another_outcome_in_the_end_is_kept_by_that(self, selective: Journal) -> None:
        now = round(await selective.time())
        row = await end(selective, "a", now)
        later = replace(row, outcome=Outcome.UNANSWERED, ended=now + 1)
        await selective.append(CallId("a"), 2, [record(3)], Index(ended=row), Index(ended=later))
        await until_it_is_gone(selective, CallId("a"))

    async def test_a_call_that_never_was_is_no_ended_one(self, journal: Journal) -> None:
        await journal.append(CallId("a"), 0, [record(1)], NOTHING, Index(brief=True))
        assert await journal.ended_calls(0, 2**50) == EndedPage(())
