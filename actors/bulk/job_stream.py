"""The stream of a bulk move in the hands of the control node that carries it out: who writes to it, holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from events.bulk_events import BulkMoveTaken
from events.event import Event
from events.journal import Conflict, Journal, JournalUnavailable
from events.names import StreamName
from events.records import Recorded
from replay.bulk_move import BulkMove, fold_bulk

LEASE = 10_000
"""Ms after which the job of a control node that writes nothing is another one's."""

AGAIN = 0.5
"""Seconds after which a journal that is away is asked again."""


class TakenOver(Exception):
    """Another control node carries the job out."""


class JobStream:
    """Reads and writes. `job` is the fold of what was read and written; now: ms since the epoch.

    wrote_at: when something was written last, by the loop's clock, which nobody sets.
    """

    def __init__(self, journal: Journal, stream: StreamName, name: str, now: Callable[[], int]) -> None:
        self._journal, self._stream, self._name, self._now = journal, stream, name, now
        self.job = BulkMove()
        self.wrote_at = 0.0

    async def load(self) -> None:
        """Read the stream. Raises JournalError."""
        self.job = fold_bulk(await self._journal.read_decisions(self._stream))

    async def take(self, calls: int) -> None:
        """Take the job. Raises TakenOver if another control node was faster, and CorruptEntry."""
        await self.write(BulkMoveTaken(calls=calls), holder=self.job.holder)

    async def write(self, event: Event, *, ends: bool = False, holder: str | None = None) -> None:
        """Append an event, however long the journal is away, unless another control node took the job over.

        Somebody may have cancelled it meanwhile: what was done stays true. holder: who holds it, by default this
        control node. Raises TakenOver, and CorruptEntry.
        """
        wanted = self._name if holder is None else holder
        while True:
            record = Recorded(self.job.version + 1, self._now(), self._name, event)
            try:
                await self._append(record, ends=ends)
            except Conflict:
                await self._read_anew()
                if self.job.holder != wanted or self.job.is_over or not self.job.version:
                    raise TakenOver from None
            else:
                self.job.apply(record)
                self.wrote_at = asyncio.get_running_loop().time()
                return

    async def _append(self, record: Recorded, *, ends: bool) -> None:
        """Append, again and again while the journal is away: the same record is written once."""
        while True:
            due, version, known = None if ends else self._now() + LEASE, record.version - 1, self.job.newest
            try:
                await self._journal.append_decisions(self._stream, version, [record], known=known, due=due, ends=ends)
            except JournalUnavailable:
                await asyncio.sleep(AGAIN)
            else:
                return

    async def _read_anew(self) -> None:
        while True:
            try:
                await self.load()
            except JournalUnavailable:
                await asyncio.sleep(AGAIN)
            else:
                return
