"""What every journal must do for those who compare its tables with its streams."""

from __future__ import annotations

import pytest

from events.journal import Conflict, Journal, TailLostError
from events.names import CallId
from events.records import NOTHING, Index, Stored
from tests.events.ended_contract import end
from tests.events.samples import live, record

CALL = CallId("a\udcff: {7}*")


async def all_streams(journal: Journal, count: int) -> list[str]:
    """Read page by page."""
    page = await journal.streams("", count)
    found: list[str] = [*page.calls]
    while page.cursor:
        page = await journal.streams(page.cursor, count)
        found += page.calls
    return found


def said(version: int, index: Index) -> Stored:
    """Return what the tables say of a live call at a version."""
    assert index.live is not None
    return Stored(version, index, lent=index.live.lent_ids)


class TablesContract:
    """The tests."""

    @pytest.mark.parametrize("count", [1, 7, 1000])
    async def test_all_streams_are_found(self, journal: Journal, other: Journal, count: int) -> None:
        now = round(await journal.time())
        for number in range(20):
            await end(journal, f"ended-{number}", now)
        for call in (CALL, CallId(""), CallId("b\r\n:s:c")):
            await journal.append(call, 0, [record(1)], NOTHING, live(call, 1, "ng1"))
        wanted = {CALL, "", "b\r\n:s:c", *(f"ended-{number}" for number in range(20))}
        assert set(await all_streams(other, count)) == wanted

    async def test_what_is_no_cursor_is_refused(self, journal: Journal) -> None:
        with pytest.raises(ValueError, match="x"):
            await journal.streams("x")

    async def test_all_tables_are_read_at_once(self, journal: Journal, other: Journal) -> None:
        assert await other.stored(CALL) == Stored()
        index = live(CALL, 1, "ng1", "ng2")
        await journal.append(CALL, 0, [record(1)], NOTHING, index)
        assert await other.stored(CALL) == said(1, index)
        row = await end(journal, "b", round(await journal.time()))
        assert await other.stored(CallId("b")) == Stored(2, Index(ended=row), expires=True)

    async def test_calls_that_change_are_told_of(self, journal: Journal, other: Journal) -> None:
        await journal.append(CALL, 0, [record(1)], NOTHING, live(CALL, 1, "ng1"))
        begun = await other.changes()
        assert (begun.calls, begun.whole) == ({}, False)
        await journal.append(CALL, 1, [record(2)], live(CALL, 1, "ng1"), live(CALL, 2, "ng1"))
        await journal.append(CALL, 2, [record(3)], live(CALL, 2, "ng1"), live(CALL, 3, "ng1"))
        await end(journal, "b", round(await journal.time()))
        found = await other.changes(begun.cursor)
        assert (found.calls, found.whole, found.more) == ({CALL: 1, "b": 0}, True, False)
        await journal.check(CALL, 3)
        later = await journal.changes(found.cursor)
        assert (later.calls, later.whole) == ({}, True)
        again = await other.changes(begun.cursor)
        assert again.calls == found.calls, "who reads does not take"

    async def test_a_sound_journal_has_no_strays(self, journal: Journal, other: Journal) -> None:
        await journal.append(CALL, 0, [record(1)], NOTHING, live(CALL, 1, "ng1", "ng2"))
        await end(journal, "b", round(await journal.time()))
        page = await other.strays(remove=True)
        while page.cursor:
            assert not page.strays
            page = await other.strays(page.cursor, remove=True)
        assert not page.strays
        assert await journal.count_calls() == {"": 1, "ng1": 1, "ng2": 1}

    async def test_tables_are_restored_at_a_version(self, journal: Journal, other: Journal) -> None:
        index = live(CALL, 1, "ng1")
        await journal.append(CALL, 0, [record(1)], NOTHING, index)
        assert await other.restore(CALL, Stored(1, index), NOTHING) == 1
        lost = await journal.stored(CALL)
        assert lost == Stored(1, NOTHING, expires=True)
        assert [call async for call in journal.live_calls()] == []
        assert await other.restore(CALL, lost, index) == 1
        assert await journal.stored(CALL) == said(1, index)
        assert await journal.count_calls() == {"": 1, "ng1": 1}

    async def test_who_writes_meanwhile_has_the_tables(self, journal: Journal, other: Journal) -> None:
        first, second = live(CALL, 1, "ng1"), live(CALL, 2, "ng2")
        await journal.append(CALL, 0, [record(1)], NOTHING, first)
        await journal.append(CALL, 1, [record(2)], first, second)
        with pytest.raises(Conflict) as caught:
            await other.restore(CALL, Stored(1, first), NOTHING)
        assert caught.value.actual == 2
        with pytest.raises(TailLostError):
            await other.restore(CALL, Stored(3, first), NOTHING)
        assert await journal.stored(CALL) == said(2, second)
