"""What every journal must do where what is asked follows an entry that is not there any more, but another one.

Redis lost entries that a control node knew, and another control node has written as many others since.
"""

from __future__ import annotations

import asyncio
import itertools
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.answer import Answer
from events.decisions import NODES
from events.journal import Conflict, Journal, TailLostError
from events.names import CallId
from events.node_events import NodesSummarized
from events.records import NOTHING, Index, Recorded, Stored
from events.registry import CommandRefused, Event
from tests.events.decisions_contract import decided
from tests.events.samples import EVENTS, NOW, live, record

CALL = CallId("c1@example.com")
NAMES = ["control-2", "", "a", "x" * 31, "x" * 32, "y" * 300, "z" * 70_000, "ü\N{SNOWMAN}", "a\udcff\udc80", "n\0t"]
TIMES = [0, 1, 127, 128, 2**32, NOW, 2**53, -1, -33, -(2**40)]

END = CommandRefused(command="delete", reason="over")

INHERITED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]

Plan = tuple[str, int, int]
"""What is done (append, both, end, check, read, lose), by which writer, and how many entries it is about."""


def theirs(version: int, at: int = NOW, by: str = "control-2") -> Recorded:
    """Return what another control node writes."""
    return Recorded(version, at, by, CommandRefused(command="answer", reason=f"step {version}"))


def index_of(records: Sequence[Recorded]) -> Index:
    """Return what the tables say of a call after these entries: the one that ends it says so."""
    if not records or records[-1].event == END:
        return NOTHING
    last = records[-1]
    index = live(CALL, last.version, "ng1")
    assert index.live is not None
    return replace(index, live=replace(index.live, changed=last.at, by=last.by))


async def write(journal: Journal, call: CallId, records: Sequence[Recorded]) -> None:
    """Append to a call, each record by itself."""
    for number, one in enumerate(records):
        before, after = index_of(records[:number]), index_of(records[: number + 1])
        await journal.append(call, one.version - 1, [one], before, after)


class KnownContract:
    """The tests. `journal` is a new one, `other` the same one as another control node has it."""

    @abstractmethod
    async def cut(self, call: str, version: int) -> None:
        """Lose all entries of a call above a version."""

    @abstractmethod
    async def spoil(self, call: str, version: int) -> None:
        """Damage an entry of a call."""

    @abstractmethod
    async def cut_decisions(self, version: int) -> None:
        """Lose all entries of the stream NODES above a version."""

    async def lose(self, journal: Journal, call: CallId, left: Sequence[Recorded]) -> None:
        """Lose all entries but these, and what the tables said of the others."""
        await self.cut(call, len(left))
        stored = await journal.stored(call)
        if stored.index.live is not None or left:
            await journal.restore(call, stored, index_of(left))

    async def replaced(self, journal: Journal, another: Journal) -> tuple[Recorded, Stored]:
        """Have as many entries written as were lost; return the newest one that was, and what is there now."""
        lost = [record(version) for version in (1, 2, 3)]
        await write(journal, CALL, lost)
        await self.lose(journal, CALL, lost[:1])
        there = [lost[0], theirs(2), theirs(3)]
        for number in (1, 2):
            before, after = index_of(there[:number]), index_of(there[: number + 1])
            await another.append(CALL, number, [there[number]], before, after, known=there[number - 1])
        return lost[-1], await another.stored(CALL)

    async def test_nothing_follows_an_entry_that_another_one_stands_for(self, journal: Journal, other: Journal) -> None:
        known, there = await self.replaced(journal, other)
        entries = await other.read(CALL)
        asked: list[Answer] = [
            journal.append(CALL, 3, [record(4)], live(CALL, 3), live(CALL, 4, "ng2", due=NOW), known=known),
            journal.append(CALL, 3, [record(4)], live(CALL, 3), NOTHING, known=known),
            journal.check(CALL, 3, known=known),
            journal.restore(CALL, there, live(CALL, 3, "ng2"), known=known),
        ]
        for one in asked:
            with pytest.raises(Conflict, match="not the one that was known") as caught:
                await one
            assert (caught.value.expected, caught.value.actual) == (3, 3)
        assert not isinstance(caught.value, TailLostError)
        assert await journal.read(CALL) == entries
        assert await journal.stored(CALL) == there

    async def test_what_follows_the_entry_that_is_there_is_done(self, journal: Journal, other: Journal) -> None:
        _, there = await self.replaced(journal, other)
        known = (await journal.read(CALL))[-1]
        assert await journal.check(CALL, 3, known=known) == 3
        assert await journal.restore(CALL, there, there.index, known=known) == 3
        assert await journal.append(CALL, 3, [record(4)], there.index, live(CALL, 4), known=known) == 4
        assert await other.check(CALL, 4, known=record(4)) == 4

    @pytest.mark.parametrize("is_live", [True, False])
    async def test_the_same_holds_whatever_the_tables_say(self, journal: Journal, *, is_live: bool) -> None:
        """The call has ended, or its row is another one than control nodes of today write."""
        index = live(CALL, 7, "ng1") if is_live else NOTHING
        await journal.append(CALL, 0, [record(1)], NOTHING, index)
        for wrong in (record(1, at=NOW + 1), replace(record(1), by="control-2")):
            with pytest.raises(Conflict):
                await journal.check(CALL, 1, known=wrong)
            with pytest.raises(Conflict):
                await journal.append(CALL, 1, [record(2)], index, index, known=wrong)
        assert await journal.check(CALL, 1, known=record(1)) == 1
        assert await journal.append(CALL, 1, [record(2)], index, index, known=record(1)) == 2

    @pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
    async def test_an_entry_of_any_kind_is_known(self, journal: Journal, event: Event) -> None:
        await journal.append(CALL, 0, [record(1, event)], NOTHING, NOTHING)
        for wrong in (record(1, event, at=NOW + 1), replace(record(1, event), by="control-2")):
            with pytest.raises(Conflict):
                await journal.check(CALL, 1, known=wrong)
        assert await journal.check(CALL, 1, known=record(1, event)) == 1

    @pytest.mark.parametrize("is_live", [True, False])
    async def test_any_name_and_any_time_are_known(self, journal: Journal, *, is_live: bool) -> None:
        origins = [*itertools.product([NOW], NAMES), *itertools.product(TIMES, NAMES[:1])]
        for version, (at, by) in enumerate(origins, 1):
            one = theirs(version, at, by)
            after = index_of([one]) if is_live else NOTHING
            await journal.append(CALL, version - 1, [one], NOTHING, after)
            assert await journal.check(CALL, version, known=one) == version
            for wrong in (theirs(version, at, by + "x"), theirs(version, at ^ 1024, by)):
                with pytest.raises(Conflict):
                    await journal.check(CALL, version, known=wrong)

    async def test_what_cannot_be_compared_is_not_refused(self, journal: Journal) -> None:
        await write(journal, CALL, [record(1), record(2)])
        await self.spoil(CALL, 2)
        known = replace(record(2), by="control-2")
        assert await journal.check(CALL, 2, known=known) == 2
        assert await journal.append(CALL, 2, [record(3)], live(CALL, 2), live(CALL, 3), known=known) == 3

    async def test_an_append_sent_again_is_known_by_itself(self, journal: Journal) -> None:
        known, again = record(1), [record(2), record(3)]
        await write(journal, CALL, [known])
        for _ in range(2):
            assert await journal.append(CALL, 1, again, live(CALL, 1), live(CALL, 3), known=known) == 3
        await journal.append(CALL, 3, [record(4)], live(CALL, 3), live(CALL, 4), known=again[-1])
        assert await journal.append(CALL, 1, again, live(CALL, 1), live(CALL, 3), known=known) == 3
        assert len(await journal.read(CALL)) == 4

    async def test_what_is_sent_behind_an_append_follows_it(self, journal: Journal) -> None:
        await write(journal, CALL, [record(1)])
        for first, outcome in ((theirs(1), Conflict), (record(1), int)):
            records = [first, *map(record, range(2, 6))]
            asked: list[Answer] = []
            for known, new in itertools.pairwise(records):
                before, after = live(CALL, known.version), live(CALL, new.version)
                asked.append(journal.append(CALL, known.version, [new], before, after, known=known))
                asked.append(journal.check(CALL, new.version, known=new))
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(one, outcome) for one in outcomes)
        assert len(await journal.read(CALL)) == 5

    async def test_a_call_in_conflict_so_does_not_hinder_the_others(self, journal: Journal, other: Journal) -> None:
        known, _ = await self.replaced(journal, other)
        wrong = journal.append(CALL, 3, [record(4)], live(CALL, 3), live(CALL, 4), known=known)
        right = journal.append(CallId("d"), 0, [record(1)], NOTHING, live(CallId("d"), 1))
        assert await right == 1
        with pytest.raises(Conflict):
            await wrong

    async def test_a_decision_follows_no_other_one(self, journal: Journal, other: Journal) -> None:
        known = [decided(1), decided(2), decided(3)]
        await journal.append_decisions(NODES, 0, known)
        await self.cut_decisions(1)
        await other.append_decisions(NODES, 1, [decided(2, at=5), decided(3, at=6)], known=known[0])
        there = await other.read_decisions(NODES)
        summary = Recorded(2, NOW, "control-1", NodesSummarized(nodes=()))
        for records in ([decided(4)], [summary]):
            with pytest.raises(Conflict):
                await journal.append_decisions(NODES, 3, records, known=known[-1])
            assert await journal.read_decisions(NODES) == there
        assert await journal.append_decisions(NODES, 3, [summary], known=there[-1]) == 3
        with pytest.raises(Conflict):
            await journal.append_decisions(NODES, 3, [decided(4)], known=known[-1])
        assert await journal.append_decisions(NODES, 3, [decided(4)], known=there[-1]) == 4

    @given(
        plans=st.lists(
            st.tuples(
                st.sampled_from(["append", "append", "both", "end", "check", "read", "lose"]),
                st.integers(0, 1),
                st.integers(1, 3),
            ),
            max_size=30,
        )
    )
    @settings(deadline=None, max_examples=60, suppress_health_check=INHERITED)
    async def test_nothing_is_done_on_a_history_that_is_not_there(
        self, journal: Journal, other: Journal, plans: list[Plan]
    ) -> None:
        """Two writers, and a Redis that loses its newest entries at any time: only who knows what is there writes."""
        await _Histories(self, (journal, other), CallId(f"history-{next(_numbers)}")).carry_out(plans)


_numbers = itertools.count()


class _Histories:
    """A call, what is there of it, and what each of two writers knows of it."""

    def __init__(self, contract: KnownContract, journals: Sequence[Journal], call: CallId) -> None:
        self._contract, self._journals, self._call = contract, journals, call
        self._there: list[Recorded] = []
        self._known: list[list[Recorded]] = [[], []]
        self._times = itertools.count(NOW)

    async def carry_out(self, plans: Sequence[Plan]) -> None:
        """Do all of it, and hold it against what has to come of it."""
        for what, writer, number in plans:
            if what == "lose":
                del self._there[max(0, len(self._there) - number) :]
                await self._contract.lose(self._journals[0], self._call, self._there)
            elif what == "read":
                self._known[writer] = await self._journals[writer].read(self._call)
            else:
                await self._ask(what, writer, number)
            assert await self._journals[0].read(self._call) == self._there

    async def _ask(self, what: str, writer: int, number: int) -> None:
        journal, known = self._journals[writer], self._known[writer]
        is_true = known == self._there
        written: list[Recorded] = []
        asked: list[Answer] = []
        if what == "check":
            asked.append(journal.check(self._call, len(known), known=known[-1] if known else None))
        for _ in range({"append": 1, "end": 1, "both": 2}.get(what, 0)):
            before = [*known, *written]
            new = self._entries(len(before), number, f"control-{writer}", ends=what == "end")
            last = before[-1] if before else None
            after = index_of([*before, *new])
            asked.append(journal.append(self._call, len(before), new, index_of(before), after, known=last))
            written += new
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert {isinstance(one, int) for one in outcomes} == {is_true}
        assert all(isinstance(one, (int, Conflict)) for one in outcomes)
        if is_true:
            self._there += written
            self._known[writer] = list(self._there)
        else:
            self._known[writer] = await journal.read(self._call)

    def _entries(self, version: int, number: int, by: str, *, ends: bool) -> list[Recorded]:
        new = [theirs(version + n, next(self._times), by) for n in range(1, number + 1)]
        return [*new[:-1], replace(new[-1], event=END)] if ends else new
