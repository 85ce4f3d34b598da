"""What every journal must do with streams of decisions: the same as with those of calls, but for tables and ends."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

import pytest

from events.decisions import NODES
from events.journal import Conflict, CorruptEntry, Journal, JournalUnavailable, TailLostError
from events.names import CallId, NodeName, StreamName
from events.node_events import (
    NODE_EVENT_TYPES,
    AdminState,
    NodeAdded,
    NodeChanged,
    NodeEvent,
    NodeLeaving,
    NodeRemoved,
    NodeReset,
    NodeStateSet,
)
from events.records import Recorded
from tests.events.samples import NOW, live, record

OTHER = StreamName("something else: {1}")

DECISIONS: tuple[NodeEvent, ...] = (
    NodeAdded(
        node=NodeName("relay-3"),
        asked_by="ann at ops1 (rtp-relay)",
        reason="more room",
        engine="rtpengine",
        url="udp:192.0.2.3:2223",
        set="gold",
        weight=3,
        priority=1,
        timeout=2500,
        max_in_flight=50,
        tcp_streams="refuse",
    ),
    NodeAdded(node=NodeName("relay-4"), asked_by="MI", engine="rtpproxy", url="unix:/run/r.sock"),
    NodeStateSet(node=NodeName("relay-1"), asked_by="\udcff \N{SNOWMAN}", state=AdminState.DRAINING, reason="kernel"),
    NodeChanged(node=NodeName("relay-1"), asked_by="ann", weight=0, set="silver"),
    NodeChanged(node=NodeName("relay-1"), asked_by="ann", priority=2),
    NodeLeaving(node=NodeName("relay-3"), asked_by="bob", reason="worn out"),
    NodeRemoved(node=NodeName("relay-3"), asked_by="control-1", reason="no calls are left"),
    NodeReset(node=NodeName("relay-1"), asked_by="ann"),
)
"""One of each kind at least, with what has a default and without."""


def decided(version: int, at: int = NOW, event: NodeEvent | None = None) -> Recorded:
    """Return the record of a decision."""
    return Recorded(version, at, "control-1", event or DECISIONS[(version - 1) % len(DECISIONS)])


class DecisionsContract:
    """The tests. `journal` is a new one, `other` the same one as another control node has it."""

    @abstractmethod
    async def cut_decisions(self, version: int) -> None:
        """Lose all entries of the stream NODES above a version."""

    @abstractmethod
    async def spoil_decisions(self, version: int) -> None:
        """Damage an entry of the stream NODES."""

    async def test_decisions_come_back_in_order(self, journal: Journal, other: Journal) -> None:
        assert {type(event) for event in DECISIONS} == set(NODE_EVENT_TYPES)
        assert await journal.read_decisions(NODES) == []
        records = [decided(version) for version in range(1, len(DECISIONS) + 1)]
        assert await journal.append_decisions(NODES, 0, records[:2]) == 2
        for entry in records[2:]:
            assert await other.append_decisions(NODES, entry.version - 1, [entry]) == entry.version
        assert await journal.read_decisions(NODES) == records
        assert await other.read_decisions(NODES, 3) == records[3:]
        assert await other.read_decisions(NODES, 3, 2) == records[3:5]
        assert await other.read_decisions(NODES, 20) == []

    async def test_the_second_of_two_decisions_on_one_version_is_told(self, journal: Journal, other: Journal) -> None:
        assert await journal.append_decisions(NODES, 0, [decided(1)]) == 1
        with pytest.raises(Conflict) as caught:
            await other.append_decisions(NODES, 0, [decided(1, at=5), decided(2)])
        assert (type(caught.value), caught.value.expected, caught.value.actual) == (Conflict, 0, 1)
        assert await journal.read_decisions(NODES) == [decided(1)]

    async def test_many_at_once_leave_no_gap(self, journal: Journal, other: Journal) -> None:
        async def decide(journal: Journal, at: int) -> None:
            while True:
                version = len(await journal.read_decisions(NODES))
                try:
                    await journal.append_decisions(NODES, version, [decided(version + 1, at=at)])
                except Conflict:
                    continue
                return

        await asyncio.gather(*(decide((journal, other)[number % 2], number) for number in range(10)))
        entries = await journal.read_decisions(NODES)
        assert [entry.version for entry in entries] == list(range(1, 11))
        assert {entry.at for entry in entries} == set(range(10)), "each is there once"

    async def test_the_same_decision_sent_again_is_one(self, journal: Journal) -> None:
        for _ in range(3):
            assert await journal.append_decisions(NODES, 0, [decided(1), decided(2)]) == 2
        assert len(await journal.read_decisions(NODES)) == 2

    async def test_a_lost_tail_of_decisions_is_told(self, journal: Journal) -> None:
        await journal.append_decisions(NODES, 0, [decided(version) for version in (1, 2, 3)])
        await self.cut_decisions(1)
        with pytest.raises(TailLostError) as caught:
            await journal.append_decisions(NODES, 3, [decided(4)])
        assert (caught.value.expected, caught.value.actual) == (3, 1)
        assert await journal.append_decisions(NODES, 1, [decided(2), decided(3)]) == 3

    async def test_a_damaged_decision_is_found(self, journal: Journal) -> None:
        await journal.append_decisions(NODES, 0, [decided(version) for version in (1, 2, 3)])
        await self.spoil_decisions(2)
        with pytest.raises(CorruptEntry) as caught:
            await journal.read_decisions(NODES)
        assert (caught.value.version, caught.value.before) == (2, [decided(1)])

    async def test_streams_of_decisions_and_calls_know_nothing_of_each_other(self, journal: Journal) -> None:
        await journal.append_decisions(NODES, 0, [decided(1)])
        await journal.append_decisions(OTHER, 0, [decided(1, at=7)])
        call = CallId("nodes")
        assert await journal.append(call, 0, [record(1)], live(call, 0), live(call, 1, "ng1")) == 1
        assert await journal.read_decisions(NODES) == [decided(1)]
        assert await journal.read_decisions(OTHER) == [decided(1, at=7)]
        assert await journal.read(call) == [record(1)]
        assert await journal.count_calls() == {"": 1, "ng1": 1}

    async def test_a_closed_journal_takes_no_decisions(self, journal: Journal) -> None:
        await journal.close()
        with pytest.raises(JournalUnavailable, match="closed"):
            await journal.append_decisions(NODES, 0, [decided(1)])
