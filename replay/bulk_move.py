"""A bulk move: the fold of the events of its stream, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from events.bulk_events import (
    BulkMoveAsked,
    BulkMoveCancelled,
    BulkMoveEnded,
    BulkMoveTaken,
    CallsFound,
    CallsSettled,
    SearchBegun,
)
from events.bulk_parts import CallOutcome
from events.names import CallId
from events.records import Recorded


@dataclass(slots=True)
class BulkMove:
    """A job. Times are ms since the epoch.

    version: of its stream, 0 for a job that nobody asked for. newest: its last entry. seen: when that was written, by:
    by which control node. holder: the control node that carries it out, "" before one does. expected: how many calls
    there are to be moved, as far as that is known. part, cursor: where the search for calls goes on; found_any:
    whether it has found one since it began at the first part. under_way: the calls that were found and are not
    settled, by the number of their part. counts: the settled calls by what became of them. failures: the reasons of
    those that stayed. moved_of: how many have moved of each part. cancelled, ended: why, None if it is not.
    """

    version: int = 0
    newest: Recorded | None = None
    asked: BulkMoveAsked = field(default_factory=lambda: BulkMoveAsked(asked_by="", parts=(), in_flight=0))
    asked_at: int = 0
    seen: int = 0
    by: str = ""
    holder: str = ""
    expected: int = 0
    part: int = 0
    cursor: str = ""
    found_any: bool = False
    under_way: dict[CallId, int] = field(default_factory=dict)
    counts: Counter[CallOutcome] = field(default_factory=Counter)
    failures: dict[CallId, str] = field(default_factory=dict)
    waiting: dict[CallId, None] = field(default_factory=dict)
    moved_of: Counter[int] = field(default_factory=Counter)
    cancelled: str | None = None
    ended: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be done for it any more."""
        return self.ended is not None

    @property
    def is_searched(self) -> bool:
        """Whether the calls of all parts have been found."""
        return self.part >= len(self.asked.parts)

    @property
    def settled(self) -> int:
        """How many calls had their turn."""
        return self.counts.total()

    @property
    def to_do(self) -> int:
        """How many calls are still to have their turn, as far as that is known; those under way are not among them."""
        return 0 if self.is_over else max(0, self.expected - self.settled - len(self.under_way))

    def apply(self, record: Recorded) -> None:
        """Bring the job on by an entry of its stream."""
        self.newest, self.version, self.seen, self.by = record, record.version, record.at, record.by
        match record.event:
            case BulkMoveAsked():
                self.asked, self.asked_at = record.event, record.at
            case BulkMoveTaken():
                self.holder = record.by
                self.expected = self.settled + len(self.under_way) + record.event.calls
            case CallsFound():
                self._found(record.event)
            case CallsSettled():
                self._settled(record.event)
            case SearchBegun():
                self.part, self.cursor, self.found_any = 0, "", False
            case BulkMoveCancelled():
                by, why = record.event.asked_by, record.event.reason
                self.cancelled = f"cancelled by {by}" + (f": {why}" if why else "")
            case BulkMoveEnded():
                self.ended = record.event.reason

    def _found(self, event: CallsFound) -> None:
        self.under_way |= dict.fromkeys(event.calls, event.part)
        self.found_any |= bool(event.calls)
        self.expected = max(self.expected, self.settled + len(self.under_way))
        self.part, self.cursor = event.next_part, event.cursor

    def _settled(self, event: CallsSettled) -> None:
        for call in event.calls:
            part = self.under_way.pop(call.call_id, None)
            if part is None:
                continue
            self.counts[call.outcome] += 1
            if call.outcome is CallOutcome.MOVED:
                self.moved_of[part] += 1
            elif call.outcome is CallOutcome.FAILED:
                self.failures[call.call_id] = call.reason
            elif call.outcome is CallOutcome.WAITS:
                self.waiting[call.call_id] = None


def fold_bulk(records: Iterable[Recorded], state: BulkMove | None = None) -> BulkMove:
    """Return a job after these entries, which follow those of `state`; that is changed."""
    job = BulkMove() if state is None else state
    for record in records:
        job.apply(record)
    return job
