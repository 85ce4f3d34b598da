"""What every journal must do to shorten streams of decisions: a summary takes the place of the oldest entries."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

import pytest

from events.decisions import FORGOTTEN, NODES
from events.event import Summary
from events.forget_events import ForgettingsSummarized
from events.journal import Conflict, Journal, TailLostError
from events.names import NodeName
from events.node_events import NodesSummarized, NodeSummary
from events.records import Recorded
from replay.node_decisions import summary_of
from replay.nodes import fold_nodes
from tests.events.decisions_contract import DECISIONS, decided
from tests.events.forget_contract import FORGET_EVENTS
from tests.events.samples import NOW

COUNT = 12
ALL = [decided(version) for version in range(1, COUNT + 1)]


def summary(version: int, at: int = NOW) -> Recorded:
    """Return the record of what the decisions up to a version come to."""
    nodes = fold_nodes(ALL[:version]).nodes
    return Recorded(version, at, "control-1", NodesSummarized(nodes=tuple(map(summary_of, nodes.values()))))


SUMMARIES: tuple[Summary, ...] = (
    NodesSummarized(
        nodes=(
            *(summary_of(fold_nodes([decided(1, event=event)]).nodes[event.node]) for event in DECISIONS),
            *(node for node in map(summary_of, fold_nodes(ALL).nodes.values())),
            NodeSummary(node=NodeName("\udcff"), version=1, at=NOW, by=""),
        )
    ),
    NodesSummarized(),
    ForgettingsSummarized(since=NOW, times=500, calls=10_000),
)
"""One of each kind at least, with what has a default and without."""


class SummaryContract:
    """The tests. `journal` is a new one, `other` the same one as another control node has it."""

    @abstractmethod
    async def cut_decisions(self, version: int) -> None:
        """Lose all entries of the stream NODES above a version."""

    async def test_a_summary_stands_in_place_of_the_oldest_entries(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(NODES, 0, ALL)
        assert await other.append_decisions(NODES, COUNT, [summary(5)]) == COUNT
        for reader in (journal, other):
            shortened = [summary(5), *ALL[5:]]
            for after in range(5):
                assert await reader.read_decisions(NODES, after) == shortened
                assert await reader.read_decisions(NODES, after, 3) == shortened[:3]
                assert await reader.read_decisions(NODES, after, 1) == shortened[:1]
            for after in range(5, COUNT + 1):
                assert await reader.read_decisions(NODES, after) == ALL[after:]
                assert await reader.read_decisions(NODES, after, 2) == ALL[after : after + 2]
        assert fold_nodes(shortened) == fold_nodes(ALL)

    async def test_versions_run_on_behind_a_summary(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(NODES, 0, ALL)
        await journal.append_decisions(NODES, COUNT, [summary(COUNT - 1)])
        for wrong in (0, 3, COUNT - 1):
            with pytest.raises(Conflict) as caught:
                await other.append_decisions(NODES, wrong, [decided(wrong + 1, at=1)])
            assert (type(caught.value), caught.value.actual) == (Conflict, COUNT)
        assert await other.append_decisions(NODES, COUNT, [decided(COUNT + 1)]) == COUNT + 1
        with pytest.raises(Conflict):
            await journal.append_decisions(NODES, COUNT, [decided(COUNT + 1, at=1)])

    async def test_a_summary_of_what_is_not_there_changes_nothing(self, journal: Journal) -> None:
        with pytest.raises(TailLostError):
            await journal.append_decisions(NODES, COUNT, [summary(5)])
        await journal.append_decisions(NODES, 0, ALL)
        for version, upto in ((COUNT - 1, 5), (COUNT, COUNT), (COUNT, COUNT + 1)):
            with pytest.raises(Conflict):
                await journal.append_decisions(NODES, version, [Recorded(upto, NOW, "", NodesSummarized())])
        assert await journal.read_decisions(NODES) == ALL

    async def test_of_several_summaries_that_of_the_most_stays(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(NODES, 0, ALL)
        sums = [(other if version % 2 else journal, summary(version)) for version in (4, 7, 3, 7, 9, 2)]
        await asyncio.gather(*(one.append_decisions(NODES, COUNT, [record]) for one, record in sums))
        assert await journal.read_decisions(NODES) == [summary(9), *ALL[9:]]
        assert await other.append_decisions(NODES, 1, [summary(9, at=1)]) == 1, "somebody has done it"
        assert await journal.read_decisions(NODES) == [summary(9), *ALL[9:]]

    async def test_a_decision_at_the_same_moment_is_not_hindered(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(NODES, 0, ALL)
        version = COUNT
        for upto in range(1, COUNT - 1):
            both = [
                journal.append_decisions(NODES, version - upto % 3, [summary(upto)]),
                (journal, other)[upto % 2].append_decisions(NODES, version, [decided(version + 1)]),
                journal.append_decisions(NODES, version + 1, [summary(upto)]),
            ]
            done = await asyncio.gather(*both, return_exceptions=True)
            version += 1
            assert done[1] == version
            assert all(isinstance(one, (int, Conflict)) for one in done)
        entries = await other.read_decisions(NODES)
        everything = [decided(one) for one in range(1, version + 1)]
        assert entries[1:] == everything[entries[0].version :]
        assert fold_nodes(entries) == fold_nodes(everything)

    async def test_a_tail_lost_behind_a_summary_is_told(self, journal: Journal) -> None:
        await journal.append_decisions(NODES, 0, ALL)
        await journal.append_decisions(NODES, COUNT, [summary(5)])
        await self.cut_decisions(8)
        with pytest.raises(TailLostError) as caught:
            await journal.append_decisions(NODES, COUNT, [decided(COUNT + 1)])
        assert caught.value.actual == 8
        assert await journal.read_decisions(NODES) == [summary(5), *ALL[5:8]]
        assert await journal.append_decisions(NODES, 8, ALL[8:]) == COUNT

    async def test_each_stream_has_a_summary_of_its_own(self, journal: Journal) -> None:
        asked = [Recorded(version, NOW, "control-1", FORGET_EVENTS[0]) for version in (1, 2, 3)]
        sums = Recorded(2, NOW, "control-1", SUMMARIES[-1])
        await journal.append_decisions(NODES, 0, ALL)
        await journal.append_decisions(FORGOTTEN, 0, asked)
        await journal.append_decisions(FORGOTTEN, 3, [sums])
        assert await journal.read_decisions(NODES) == ALL
        assert await journal.read_decisions(FORGOTTEN) == [sums, asked[2]]
