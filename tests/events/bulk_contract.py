"""What every journal must do with streams of decisions that want attention: bulk moves are carried out by these."""

from __future__ import annotations

import asyncio

from events.bulk_events import (
    BULK_EVENT_TYPES,
    BulkMoveAsked,
    BulkMoveCancelled,
    BulkMoveEnded,
    BulkMoveTaken,
    CallsFound,
    CallsSettled,
    SearchBegun,
    SettledCall,
)
from events.bulk_parts import BulkPart, CallOutcome
from events.decisions import bulk_stream, job_of
from events.event import Event
from events.journal import Journal
from events.names import CallId, NodeName
from events.records import Recorded

NOW = 1_753_000_000_000
LEASE = 10_000
ONE, OTHER = bulk_stream("one"), bulk_stream("other: {1}")

BULK_EVENTS: tuple[Event, ...] = (
    BulkMoveAsked(
        asked_by="ann at ops1 (rtp-relay)",
        reason="new kernel",
        parts=(
            BulkPart(node=NodeName("ng1"), elsewhere=True),
            BulkPart(engine="rtpproxy", set="a", new_engine="rtpengine", new_set="b", new_node=NodeName("ng2"), most=7),
        ),
        in_flight=50,
        rate=20,
        deadline=NOW + 60_000,
        until_empty=True,
    ),
    BulkMoveTaken(calls=120),
    CallsFound(part=0, calls=(CallId("a"), CallId("\udcff@b")), next_part=0, cursor="3:17"),
    CallsFound(part=1, calls=(), next_part=2),
    CallsSettled(
        calls=(
            SettledCall(CallId("a"), CallOutcome.MOVED),
            SettledCall(CallId("\udcff@b"), CallOutcome.FAILED, "488 Not Acceptable Here"),
        )
    ),
    CallsSettled(),
    SearchBegun(),
    BulkMoveCancelled(asked_by="bob", reason="too many failures"),
    BulkMoveEnded(reason="cancelled by bob"),
)
"""One of each kind at least, with what has a default and without."""


def record(version: int) -> Recorded:
    """Return an entry of a job."""
    return Recorded(version, NOW, "control-1", BULK_EVENTS[version - 1])


class DueDecisionsContract:
    """The tests. `journal` is a new one, `other` the same one as another control node has it."""

    async def test_a_job_comes_back_as_it_was_written(self, journal: Journal, other: Journal) -> None:
        assert {type(event) for event in BULK_EVENTS} == set(BULK_EVENT_TYPES)
        records = [record(version) for version in range(1, len(BULK_EVENTS) + 1)]
        assert await journal.append_decisions(ONE, 0, records, due=NOW) == len(records)
        assert await other.read_decisions(ONE) == records
        assert job_of(OTHER) == "other: {1}"

    async def test_what_is_due_is_claimed_once(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(ONE, 0, [record(1)], due=NOW)
        await journal.append_decisions(OTHER, 0, [record(1)], due=NOW + 5)
        assert await journal.claim_decisions(NOW - 1, LEASE, 10) == []
        claims = await asyncio.gather(*(each.claim_decisions(NOW, LEASE, 10) for each in (journal, other)))
        assert sorted(claims) == [[], [ONE]]
        assert await other.claim_decisions(NOW + 5, LEASE, 10) == [OTHER]
        assert await other.due_decisions() == [ONE, OTHER]
        assert await other.claim_decisions(NOW + LEASE, LEASE, 10) == [ONE], "it died with who had it"

    async def test_an_entry_says_when_it_is_due_next(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(ONE, 0, [record(1)], due=NOW)
        await journal.append_decisions(ONE, 1, [record(2)], due=NOW + LEASE)
        assert await other.claim_decisions(NOW, LEASE, 10) == []
        await journal.append_decisions(ONE, 2, [record(3)])
        assert await other.claim_decisions(NOW + LEASE - 1, LEASE, 10) == [], "what says nothing leaves it"
        assert await other.claim_decisions(NOW + LEASE, LEASE, 10) == [ONE]

    async def test_what_never_said_when_it_is_due_is_never(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(ONE, 0, [record(1)])
        assert await other.due_decisions() == []
        assert await other.claim_decisions(NOW + LEASE, LEASE, 10) == []

    async def test_what_has_ended_is_never_due_and_can_be_read(self, journal: Journal, other: Journal) -> None:
        await journal.append_decisions(ONE, 0, [record(1)], due=NOW)
        await journal.append_decisions(ONE, 1, [record(2)], ends=True)
        assert await other.due_decisions() == []
        assert await other.claim_decisions(NOW + LEASE, LEASE, 10) == []
        assert len(await other.read_decisions(ONE)) == 2
