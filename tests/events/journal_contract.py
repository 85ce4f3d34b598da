"""What every journal must do. A test module for a journal has a class that inherits this one and makes the journal."""

from __future__ import annotations

import asyncio
import itertools
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.journal import Conflict, CorruptEntry, Journal, JournalUnavailable, TailLostError
from events.names import CallId, NodeName, RelayId
from events.reading import SLICE, read_all
from events.records import NEVER, CallFilter, LiveCall, Recorded
from events.registry import Quarantined
from events.snapshot import Snapshot
from tests.events import histories
from tests.events.bulk_contract import DueDecisionsContract
from tests.events.decisions_contract import DecisionsContract
from tests.events.ended_contract import EndedContract
from tests.events.forget_contract import ForgetContract
from tests.events.golden_bodies import RECORDS
from tests.events.known_contract import KnownContract
from tests.events.samples import EVENTS, NOTHING, NOW, live, record
from tests.events.summary_contract import SummaryContract
from tests.events.tables_contract import TablesContract

INHERITED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""What Hypothesis doubts of a test that several classes inherit, each with a journal for all examples."""

CALL = "a84b4c76e66710@pc33.example.com"
STRANGE = ["", "{", "}{7}", "a b\r\nc", "\0", "ü\N{SNOWMAN}", "a\udcff\udc80", "x" * 500, "1e15", ":s:", "*", "[a]"]


ROW: Mapping[str, Any] = {"status": "live", "version": 1, "created": NOW, "changed": NOW}


async def fill(journal: Journal, call: str, versions: int, *nodes: str) -> None:
    """Bring a new call to a version."""
    records = [record(version) for version in range(1, versions + 1)]
    assert await journal.append(CallId(call), 0, records, NOTHING, live(CallId(call), versions, *nodes)) == versions


async def tables(journal: Journal) -> tuple[list[CallId], dict[str, int], list[CallId]]:
    """Return all that the tables say: live calls, their numbers, due calls."""
    calls = sorted([row.call_id async for row in journal.live_calls()])
    return calls, await journal.count_calls(), sorted(await journal.claim_due(2 * NOW, 0, 1000))


class JournalContract(
    DecisionsContract,
    DueDecisionsContract,
    EndedContract,
    ForgetContract,
    KnownContract,
    SummaryContract,
    TablesContract,
):
    """The tests. `journal` is a new one, `other` the same one as another control node has it."""

    number = itertools.count()

    async def test_of_a_call_that_cannot_be_read_what_is_before_remains(self, journal: Journal) -> None:
        await fill(journal, CALL, 3)
        assert await journal.remains(CallId(CALL)) == [record(1), record(2), record(3)]
        await self.spoil(CALL, 2)
        assert await journal.remains(CallId(CALL)) == [record(1)]
        assert await journal.remains(CallId("another")) == []

    @abstractmethod
    async def spoil(self, call: str, version: int) -> None:
        """Damage an entry."""

    @abstractmethod
    async def cut(self, call: str, version: int) -> None:
        """Lose all entries above a version."""

    async def test_a_call_that_is_not_there_has_no_entries(self, journal: Journal) -> None:
        assert await journal.read(CallId(CALL)) == []

    async def test_all_events_come_back_in_order(self, journal: Journal, other: Journal) -> None:
        records = [record(version, event) for version, event in enumerate(EVENTS, 1)]
        for entry in records:
            before, after = live(CallId(CALL), entry.version - 1), live(CallId(CALL), entry.version)
            assert await journal.append(CallId(CALL), entry.version - 1, [entry], before, after) == entry.version
        assert await journal.read(CallId(CALL)) == records
        assert await other.read(CallId(CALL), 7) == records[7:]
        assert await other.read(CallId(CALL), len(records)) == []
        assert await other.read(CallId(CALL), len(records) + 5) == []

    async def test_it_knows_by_which_other_names_nodes_know_sessions(self, journal: Journal, other: Journal) -> None:
        names = [name for name in STRANGE if "#" not in name]
        for number, name in enumerate(names):
            call = CallId(f"call-{number}")
            ids = {NodeName("n1"): name, NodeName("n2"): call, NodeName("n3"): f"{name}#2"}
            sessions = tuple((node, RelayId(relay_id)) for node, relay_id in ids.items())
            before, after = NOTHING, replace(live(call, 1), live=LiveCall(**ROW, call_id=call, sessions=sessions))
            assert not await other.lends(CallId(name))
            await journal.append(call, 0, [record(1)], before, after)
            assert await other.lends(CallId(name))
            assert [await other.lends(CallId(one)) for one in (call, f"{name}#2", f"{name}x")] == [False] * 3
            await journal.append(call, 1, [record(2)], after, replace(after, live=LiveCall(**ROW, call_id=call)))
            assert not await other.lends(CallId(name))
            assert (await journal.count_calls()).keys() == {""}

    async def test_several_entries_are_one_append(self, journal: Journal) -> None:
        records = [record(version) for version in (1, 2, 3)]
        assert await journal.append(CallId(CALL), 0, records, NOTHING, live(CallId(CALL), 3)) == 3
        assert await journal.read(CallId(CALL)) == records

    @pytest.mark.parametrize("call", STRANGE)
    async def test_any_text_is_a_call_id(self, journal: Journal, call: str) -> None:
        await fill(journal, call, 1, call)
        index = live(CallId(call), 1, call, due=NOW)
        await journal.append(CallId(call), 1, [record(2)], live(CallId(call), 1, call), index)
        assert await journal.read(CallId(call)) == [record(1), record(2)]
        assert [row async for row in journal.live_calls(CallFilter(node=NodeName(call)))] == [index.live]
        assert await journal.claim_due(NOW, 10, 5) == [call]

    async def test_who_is_second_writes_nothing(self, journal: Journal, other: Journal) -> None:
        await fill(journal, CALL, 2)
        before = await tables(journal)
        with pytest.raises(Conflict) as caught:
            await other.append(
                CallId(CALL),
                1,
                [record(2, at=5), record(3)],
                live(CallId(CALL), 1),
                live(CallId(CALL), 3, "ng1", due=NOW),
            )
        assert (type(caught.value), caught.value.expected, caught.value.actual) == (Conflict, 1, 2)
        assert await journal.read(CallId(CALL)) == [record(1), record(2)]
        assert await tables(journal) == before

    async def test_a_lost_tail_is_told_and_nothing_written(self, journal: Journal) -> None:
        await fill(journal, CALL, 5, "ng1")
        await self.cut(CALL, 3)
        before = await tables(journal)
        with pytest.raises(TailLostError) as caught:
            await journal.append(CallId(CALL), 5, [record(6)], live(CallId(CALL), 5, "ng1"), NOTHING)
        assert (caught.value.expected, caught.value.actual) == (5, 3)
        assert len(await journal.read(CallId(CALL))) == 3
        assert await tables(journal) == before
        assert (
            await journal.append(
                CallId(CALL), 3, [record(4, at=9)], live(CallId(CALL), 5, "ng1"), live(CallId(CALL), 4)
            )
            == 4
        )

    async def test_the_same_records_again_are_one_append(self, journal: Journal) -> None:
        await fill(journal, CALL, 2)
        records, after = [record(3), record(4)], live(CallId(CALL), 4, "ng1", due=NOW)
        for _ in range(3):
            assert await journal.append(CallId(CALL), 2, records, live(CallId(CALL), 2), after) == 4
        assert len(await journal.read(CallId(CALL))) == 4
        assert (await tables(journal))[1:] == ({"": 1, "ng1": 1}, [CALL])
        await journal.append(CallId(CALL), 4, [record(5)], after, live(CallId(CALL), 5))
        assert await journal.append(CallId(CALL), 2, records, live(CallId(CALL), 2), after) == 4
        assert (await tables(journal))[1:] == ({"": 1}, [])

    @pytest.mark.parametrize("records", [[record(3, at=1)], [record(3), record(4, at=1)], [record(3)]])
    async def test_other_records_at_the_same_version_conflict(self, journal: Journal, records: list[Recorded]) -> None:
        await fill(journal, CALL, 2)
        await journal.append(CallId(CALL), 2, [record(3), record(4)], live(CallId(CALL), 2), live(CallId(CALL), 4))
        with pytest.raises(Conflict):
            await journal.append(CallId(CALL), 2, records, live(CallId(CALL), 2), live(CallId(CALL), 3))

    async def test_the_same_records_of_another_journal_conflict(self, journal: Journal, other: Journal) -> None:
        if journal is other:
            pytest.skip("one process has no others")
        await fill(journal, CALL, 1)
        with pytest.raises(Conflict):
            await fill(other, CALL, 1)

    async def test_a_version_is_checked(self, journal: Journal, other: Journal) -> None:
        assert await journal.check(CallId(CALL), 0) == 0
        await fill(journal, CALL, 2)
        before = await tables(journal)
        assert await other.check(CallId(CALL), 2) == 2
        for version in (0, 1):
            with pytest.raises(Conflict) as caught:
                await other.check(CallId(CALL), version)
            assert (type(caught.value), caught.value.expected, caught.value.actual) == (Conflict, version, 2)
        with pytest.raises(TailLostError) as lost:
            await other.check(CallId(CALL), 3)
        assert (lost.value.expected, lost.value.actual) == (3, 2)
        assert await journal.read(CallId(CALL)) == [record(1), record(2)]
        assert await tables(journal) == before

    async def test_checks_come_after_the_appends_before_them(self, journal: Journal) -> None:
        done = [
            journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1)),
            journal.check(CallId(CALL), 1),
        ]
        done += [
            journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2)),
            journal.check(CallId("other"), 0),
        ]
        assert await asyncio.gather(*done, journal.check(CallId(CALL), 2)) == [1, 1, 2, 0, 2]

    async def test_a_check_that_fails_hinders_no_other_call(self, journal: Journal) -> None:
        await fill(journal, CALL, 2)
        wrong, right = (
            journal.check(CallId(CALL), 1),
            journal.append(CallId("other"), 0, [record(1)], NOTHING, live(CallId("other"), 1)),
        )
        assert await right == 1
        with pytest.raises(Conflict):
            await wrong

    async def test_appends_of_one_tick_build_on_each_other(self, journal: Journal) -> None:
        done = [
            journal.append(CallId(CALL), n, [record(n + 1)], live(CallId(CALL), n), live(CallId(CALL), n + 1))
            for n in range(20)
        ]
        assert await asyncio.gather(*done) == list(range(1, 21))
        assert [entry.version for entry in await journal.read(CallId(CALL))] == list(range(1, 21))

    async def test_many_calls_in_one_tick(self, journal: Journal) -> None:
        calls = [CallId(f"{number}@example.com") for number in range(700)]
        done = [journal.append(call, 0, [record(1)], NOTHING, live(call, 1, "ng1")) for call in calls]
        assert set(await asyncio.gather(*done)) == {1}
        assert [len(entries) for entries in await asyncio.gather(*map(journal.read, calls))] == [1] * 700
        assert await journal.count_calls() == {"": 700, "ng1": 700}
        assert len({row.call_id async for row in journal.live_calls(CallFilter(node=NodeName("ng1")))}) == 700

    async def test_pages_have_each_call_that_is_wanted_once(self, journal: Journal, other: Journal) -> None:
        rows = {}
        for number in range(300):
            index = live(CallId(f"{number}"), 1, f"ng{number % 2}")
            assert index.live is not None
            status = "closing" if number % 3 else "live"
            rows[f"{number}"] = replace(index.live, status=status, set="one" if number % 5 else "two")
            await journal.append(CallId(f"{number}"), 0, [record(1)], NOTHING, replace(index, live=rows[f"{number}"]))
        for wanted in (
            CallFilter(),
            CallFilter(node=NodeName("ng1")),
            CallFilter(status="closing"),
            CallFilter(set="two"),
            CallFilter(node=NodeName("ng0"), set="two", status="live"),
            CallFilter(node=NodeName("nowhere")),
        ):
            there = {
                call for call, row in rows.items() if wanted.takes(row) and wanted.node in ("", row.sessions[0][0])
            }
            listed = [row async for row in other.live_calls(wanted)]
            assert {row.call_id: row for row in listed} == {call: rows[call] for call in there}
            paged, cursor = [], ""
            while True:
                page = await other.page(wanted, cursor, 7)
                paged += [row.call_id for row in page.calls]
                cursor = page.cursor
                if not cursor:
                    break
            assert sorted(paged) == sorted(there)
        with pytest.raises(ValueError, match="nonsense"):
            await journal.page(CallFilter(), "nonsense")

    async def test_one_call_in_conflict_does_not_hinder_the_others(self, journal: Journal) -> None:
        await fill(journal, CALL, 2)
        wrong = journal.append(CallId(CALL), 1, [record(2, at=5)], live(CallId(CALL), 1), live(CallId(CALL), 2))
        right = [journal.append(CallId(f"{n}"), 0, [record(1)], NOTHING, live(CallId(f"{n}"), 1)) for n in range(5)]
        assert await asyncio.gather(*right) == [1] * 5
        with pytest.raises(Conflict):
            await wrong

    async def test_a_damaged_entry_concerns_its_call_alone(self, journal: Journal) -> None:
        await fill(journal, CALL, 4)
        await fill(journal, "other", 2)
        await self.spoil(CALL, 2)
        damaged, sound = journal.read(CallId(CALL)), journal.read(CallId("other"))
        with pytest.raises(CorruptEntry) as caught:
            await damaged
        assert (caught.value.call_id, caught.value.version, caught.value.last) == (CALL, 2, 4)
        assert len(await sound) == 2
        assert len(await journal.read(CallId(CALL), 2)) == 2
        assert (await tables(journal))[0] == [CALL, "other"]
        end = record(5, Quarantined(reason=str(caught.value)))
        assert (
            await journal.append(CallId(CALL), caught.value.last, [end], live(CallId(CALL), 4), live(CallId(CALL), 5))
            == 5
        )
        assert await journal.read(CallId(CALL), 4) == [end]

    async def test_a_stream_is_read_in_slices(self, journal: Journal) -> None:
        await fill(journal, CALL, 7)
        assert await journal.read(CallId(CALL), 2, 3) == [record(version) for version in (3, 4, 5)]
        assert await journal.read(CallId(CALL), 5, 3) == [record(version) for version in (6, 7)]
        assert await journal.read(CallId(CALL), 7, 3) == []

    async def test_a_long_stream_is_read_whole_and_its_damage_found(self, journal: Journal) -> None:
        await fill(journal, CALL, 2 * SLICE + 7)
        assert await read_all(journal, CallId(CALL)) == [record(version) for version in range(1, 2 * SLICE + 8)]
        await self.spoil(CALL, SLICE + 3)
        with pytest.raises(CorruptEntry) as caught:
            await read_all(journal, CallId(CALL))
        assert (caught.value.version, caught.value.last) == (SLICE + 3, 2 * SLICE + 7)
        assert [entry.version for entry in caught.value.before] == list(range(1, SLICE + 3))

    async def test_a_snapshot_comes_with_what_follows_it(self, journal: Journal, other: Journal) -> None:
        assert await journal.load(CallId(CALL), 5, 1) == (None, [])
        await fill(journal, CALL, 7)
        assert await journal.load(CallId(CALL), 5, 1) == (None, [record(version) for version in (1, 2, 3, 4, 5)])
        for snapshot in (Snapshot(4, "1", b"\0state", b"digest"), Snapshot(6, "2", b"", b"\xff")):
            await other.keep(CallId(CALL), snapshot)
            entries = [record(version) for version in range(snapshot.version, 8)]
            assert await journal.load(CallId(CALL), 5, 1) == (snapshot, entries)
            assert await journal.load(CallId(CALL), 1, 1) == (snapshot, entries[:1])
            assert await journal.load(CallId(CALL), 3, 2) == (snapshot, [record(snapshot.version - 1), *entries[:2]])
            assert await journal.load(CallId(CALL), 9, 9) == (snapshot, [record(version) for version in range(1, 8)])
        assert await journal.load(CallId("other"), 5, 1) == (None, [])

    async def test_a_snapshot_of_what_is_not_there_is_not_kept(self, journal: Journal) -> None:
        await fill(journal, CALL, 3)
        for call, version in ((CALL, 4), ("never was", 1)):
            await journal.keep(CallId(call), Snapshot(version, "1", b"state", b""))
            assert (await journal.load(CallId(call), 5, 1))[0] is None

    async def test_a_snapshot_outlives_the_tail_without_its_entry(self, journal: Journal) -> None:
        await fill(journal, CALL, 5)
        snapshot = Snapshot(4, "1", b"state", b"")
        await journal.keep(CallId(CALL), snapshot)
        await self.cut(CALL, 3)
        assert await journal.load(CallId(CALL), 5, 1) == (snapshot, [])

    async def test_a_snapshot_goes_with_its_call(self, journal: Journal) -> None:
        for call, over in ((CALL, NOTHING), ("never was", NEVER)):
            await fill(journal, call, 3)
            await journal.keep(CallId(call), Snapshot(3, "1", b"state", b""))
            await journal.append(CallId(call), 3, [record(4)], live(CallId(call), 3), over)
            assert (await journal.load(CallId(call), 5, 1))[0] is None
            await journal.keep(CallId(call), Snapshot(4, "1", b"state", b""))
            assert (await journal.load(CallId(call), 5, 1))[0] is None, "it has ended"
            await journal.append(CallId(call), 4, [record(5)], over, live(CallId(call), 5))
            await journal.keep(CallId(call), Snapshot(5, "1", b"state", b""))
            assert (await journal.load(CallId(call), 5, 1))[1] == [record(5)]

    async def test_session_descriptions_come_back_wherever_they_stood_before(
        self, journal: Journal, other: Journal
    ) -> None:
        for one in RECORDS:
            before, after = live(CallId(CALL), one.version - 1), live(CallId(CALL), one.version)
            for _ in range(2):  # sent again, it is the same append
                assert await journal.append(CallId(CALL), one.version - 1, [one], before, after) == one.version
        for reader in (journal, other):
            for version in range(len(RECORDS) + 1):
                assert await reader.read(CallId(CALL), version) == RECORDS[version:]
                assert await reader.read(CallId(CALL), version, 1) == RECORDS[version : version + 1]
        await journal.keep(CallId(CALL), Snapshot(3, "1", b"", b""))
        assert (await other.load(CallId(CALL), 9, 1))[1] == RECORDS[2:]
        more = record(6, RECORDS[1].event)
        assert await other.append(CallId(CALL), 5, [more], live(CallId(CALL), 5), live(CallId(CALL), 6)) == 6
        assert await journal.read(CallId(CALL), 5) == [more]

    async def test_session_descriptions_of_one_append_come_back(self, journal: Journal) -> None:
        await journal.append(CallId(CALL), 0, RECORDS, NOTHING, live(CallId(CALL), len(RECORDS)))
        assert await journal.read(CallId(CALL)) == RECORDS

    async def test_what_is_written_does_not_refer_to_what_was_lost(self, journal: Journal, other: Journal) -> None:
        """The journal lost its tail, and somebody else wrote as much: whoever wrote the tail does not know."""
        await journal.append(CallId(CALL), 0, RECORDS[:2], NOTHING, live(CallId(CALL), 2))
        await self.cut(CALL, 0)
        await other.append(CallId(CALL), 0, [record(1), record(2)], NOTHING, live(CallId(CALL), 2))
        for _ in range(2):
            try:
                await journal.append(CallId(CALL), 2, RECORDS[2:3], live(CallId(CALL), 2), live(CallId(CALL), 3))
                break
            except Conflict:
                assert await journal.read(CallId(CALL)) == [record(1), record(2)]
        assert await other.read(CallId(CALL)) == [record(1), record(2), RECORDS[2]]

    async def test_tables_are_changed_alone_where_a_row_is_as_expected(self, journal: Journal, other: Journal) -> None:
        assert await journal.row(CallId(CALL)) is None
        before = live(CallId(CALL), 2, "ng1", due=NOW)
        await fill(journal, CALL, 2)
        await journal.amend(CallId(CALL), live(CallId(CALL), 2).live, live(CallId(CALL), 2), before)
        assert await other.row(CallId(CALL)) == before.live
        assert await tables(other) == ([CALL], {"": 1, "ng1": 1}, [CALL])
        for wrong in (None, live(CallId(CALL), 1).live):
            with pytest.raises(Conflict):
                await other.amend(CallId(CALL), wrong, before, NOTHING)
        await other.amend(CallId(CALL), before.live, before, NOTHING)
        assert await tables(journal) == ([], {"": 0}, [])
        assert len(await journal.read(CallId(CALL))) == 2

    async def test_tables_follow_the_calls(self, journal: Journal, other: Journal) -> None:
        assert await tables(journal) == ([], {"": 0}, [])
        first, second = live(CallId("a"), 1, "ng1", "ng2", due=NOW), live(CallId("b"), 1, "ng2")
        await journal.append(CallId("a"), 0, [record(1)], NOTHING, first)
        await journal.append(CallId("b"), 0, [record(1)], NOTHING, second)
        assert await tables(other) == (["a", "b"], {"": 2, "ng1": 1, "ng2": 2}, ["a"])
        assert [row async for row in other.live_calls(CallFilter(node=NodeName("ng1")))] == [first.live]
        moved = live(CallId("a"), 2, "ng3")
        await other.append(CallId("a"), 1, [record(2)], first, moved)
        assert await tables(journal) == (["a", "b"], {"": 2, "ng2": 1, "ng3": 1}, [])
        assert [row async for row in journal.live_calls(CallFilter(node=NodeName("ng3")))] == [moved.live]
        assert [row async for row in journal.live_calls(CallFilter(node=NodeName("ng1")))] == []
        await journal.append(CallId("a"), 2, [record(3)], moved, NOTHING)
        await journal.append(CallId("b"), 1, [record(2)], second, NOTHING)
        assert await tables(journal) == ([], {"": 0}, [])

    async def test_an_ended_call_keeps_its_stream_and_may_live_again(self, journal: Journal) -> None:
        await fill(journal, CALL, 2, "ng1")
        await journal.append(CallId(CALL), 2, [record(3)], live(CallId(CALL), 2, "ng1"), NOTHING)
        await journal.append(CallId(CALL), 3, [record(4)], NOTHING, NOTHING)
        assert len(await journal.read(CallId(CALL))) == 4
        with pytest.raises(Conflict):
            await journal.append(CallId(CALL), 0, [record(1, at=5)], NOTHING, live(CallId(CALL), 1))
        await journal.append(CallId(CALL), 4, [record(5)], NOTHING, live(CallId(CALL), 5, "ng2"))
        assert (await tables(journal))[:2] == ([CALL], {"": 1, "ng2": 1})

    async def test_due_calls_are_claimed_once_a_lease(self, journal: Journal, other: Journal) -> None:
        for number in range(10):
            index = live(CallId(f"{number}"), 1, due=NOW + number)
            await journal.append(CallId(f"{number}"), 0, [record(1)], NOTHING, index)
        assert await journal.claim_due(NOW - 1, 100, 50) == []
        assert [await journal.count_due(NOW + at) for at in (-1, 4, 1000)] == [0, 5, 10]
        first = await journal.claim_due(NOW + 4, 100, 3)
        rest = await other.claim_due(NOW + 4, 100, 50)
        assert (len(first), sorted(first + rest)) == (3, ["0", "1", "2", "3", "4"])
        assert await journal.claim_due(NOW + 4, 100, 50) == []
        assert await journal.count_due(NOW + 4) == 0
        assert sorted(await journal.claim_due(NOW + 104, 100, 50)) == [f"{number}" for number in range(10)]

    async def test_those_that_were_due_before_can_be_left_out(self, journal: Journal) -> None:
        for number in range(3):
            index = live(CallId(f"{number}"), 1, due=NOW + number)
            await journal.append(CallId(f"{number}"), 0, [record(1)], NOTHING, index)
        assert await journal.claim_due(NOW + 1, 0, 50, NOW) == ["1"]
        assert sorted(await journal.claim_due(NOW + 1, 0, 50)) == ["0", "1"]

    async def test_a_lease_holds_while_due_does_not_change(self, journal: Journal) -> None:
        index = live(CallId(CALL), 1, due=NOW)
        await journal.append(CallId(CALL), 0, [record(1)], NOTHING, index)
        assert await journal.claim_due(NOW, 100, 1) == [CALL]
        later = live(CallId(CALL), 2, due=NOW)
        await journal.append(CallId(CALL), 1, [record(2)], index, later)
        assert await journal.claim_due(NOW + 50, 100, 1) == []
        await journal.append(CallId(CALL), 2, [record(3)], later, live(CallId(CALL), 3, due=NOW + 1))
        assert await journal.claim_due(NOW + 50, 100, 1) == [CALL]

    async def test_due_calls_can_be_put_off(self, journal: Journal) -> None:
        await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1, due=NOW))
        await fill(journal, "never due", 1)
        await asyncio.gather(*(journal.postpone(CallId(call), NOW + 10) for call in (CALL, "never due", "not there")))
        assert await journal.claim_due(NOW + 9, 100, 5) == []
        assert await journal.claim_due(NOW + 10, 100, 5) == [CALL]

    async def test_claimers_never_share_a_call(self, journal: Journal, other: Journal) -> None:
        calls = {f"{number}" for number in range(60)}
        await asyncio.gather(
            *(journal.append(CallId(call), 0, [record(1)], NOTHING, live(CallId(call), 1, due=NOW)) for call in calls)
        )
        claims = await asyncio.gather(*((journal, other)[n % 2].claim_due(NOW, 1000, 5) for n in range(30)))
        taken = [call for claim in claims for call in claim]
        assert max(map(len, claims)) <= 5
        assert (len(taken), set(taken)) == (60, calls)

    async def test_a_lease_is_one_holders_until_it_runs_out(self, journal: Journal, other: Journal) -> None:
        assert await journal.lease("down:ng1", "one", 60)
        assert not await other.lease("down:ng1", "zwei \u00fc", 60)
        assert await other.lease("down:ng2", "zwei \u00fc", 60)
        assert await journal.lease("down:ng1", "one", 0.001), "its holder may give it up so"
        await asyncio.sleep(0.05)
        assert await other.lease("down:ng1", "zwei \u00fc", 60)
        assert not await journal.lease("down:ng1", "one", 60)

    async def test_what_was_given_before_the_clock_was_set_back_does_not_last(
        self, journal: Journal, other: Journal
    ) -> None:
        assert await journal.lease("reconcile", "one", 3600)
        assert not await other.lease("reconcile", "two", 30, longest=3600)
        assert await other.lease("reconcile", "two", 30)
        await journal.publish("dead", b"", 3600)
        await other.publish("alive", b"", 60)
        assert await journal.published() == {"alive": b""}

    async def test_an_outbox_keeps_letters_in_their_order_until_they_are_removed(
        self, journal: Journal, other: Journal
    ) -> None:
        box, same = journal.outbox("a \u00fc"), other.outbox("a \u00fc")
        assert await box.letters("", 10) == []
        await box.put([b"1", b"\xff\0", b"3"], 60)
        await same.put([b"4"], 60)
        letters = await same.letters("", 10)
        assert [letter.content for letter in letters] == [b"1", b"\xff\0", b"3", b"4"]
        assert await box.letters("", 2) == letters[:2]
        assert await box.letters(letters[1].id, 10) == letters[2:]
        await box.remove(letters[1])
        await same.remove(letters[1])
        assert await same.letters("", 10) == [letters[0], *letters[2:]]
        assert await box.letters(letters[1].id, 1) == letters[2:3]
        await box.remove(letters[3])
        await box.put([b"5"], 60)
        assert [letter.content for letter in await box.letters(letters[3].id, 10)] == [b"5"]
        assert await journal.outbox("other").letters("", 10) == []

    async def test_statuses_of_control_nodes_are_known(self, journal: Journal, other: Journal) -> None:
        assert await journal.published() == {}
        await journal.publish("one", b"\xff\0", 60)
        await journal.publish("zwei \u00fc", b"", 60)
        await other.publish("one", b"new", 60)
        assert await journal.published() == {"one": b"new", "zwei \u00fc": b""}

    async def test_a_closed_journal_takes_no_appends(self, journal: Journal) -> None:
        await journal.close()
        with pytest.raises(JournalUnavailable, match="closed"):
            await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
        with pytest.raises(JournalUnavailable, match="closed"):
            await journal.check(CallId(CALL), 0)

    @given(plans=st.lists(histories.steps(), min_size=2, max_size=3))
    @settings(deadline=None, max_examples=25, suppress_health_check=INHERITED)
    async def test_writers_keep_versions_gapless_and_tables_right(
        self, journal: Journal, other: Journal, plans: list[list[histories.Step]]
    ) -> None:
        run = next(self.number)
        calls = [f"{run}-{call}" for call in range(3)]
        journals = itertools.cycle((journal, other))
        writers = [histories.write(next(journals), writer, calls, plan) for writer, plan in enumerate(plans)]
        await asyncio.gather(*writers)
        await histories.check(journal, calls, plans)
