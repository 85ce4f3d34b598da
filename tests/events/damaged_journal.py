"""A journal in memory that can be damaged, as a Redis is that loses its tail or the bytes of an entry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from events.codec import Encoded
from events.decisions import NODES
from events.journal import FULL, CorruptEntry
from events.memory import MemoryJournal
from events.names import CallId
from events.records import Index, Recorded


class DamagedJournal(MemoryJournal):
    """A MemoryJournal with what only tests do to it."""

    _exhausted: frozenset[str] = frozenset()

    def exhaust(self, call_id: CallId) -> None:
        """Let a call's stream take no more entries, as one does whose last id is the largest possible."""
        self._exhausted |= {call_id}

    def append(
        self,
        call_id: CallId,
        expected_version: int,
        records: Sequence[Recorded],
        before: Index,
        after: Index,
        *,
        known: Recorded | None = None,
    ) -> asyncio.Future[int]:
        if call_id not in self._exhausted:
            return super().append(call_id, expected_version, records, before, after, known=known)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        done.set_exception(CorruptEntry(call_id, expected_version + 1, FULL, "the stream takes no more"))
        return done

    def spoil(self, call_id: CallId, version: int, payload: bytes) -> None:
        """Put other bytes into an entry."""
        entries = self._streams[call_id].entries
        entries[version - 1] = replace(entries[version - 1], payload=payload)

    def add(self, call_id: CallId, entry: Encoded) -> None:
        """Add an entry to a call's stream, as it is."""
        self._streams[call_id].entries.append(entry)

    def forget_snapshot(self, call_id: CallId) -> None:
        """Lose a call's snapshot."""
        self._streams[call_id].snapshot = None

    def cut(self, call_id: CallId, version: int) -> None:
        """Lose a stream's entries above `version`."""
        if call_id in self._streams:
            del self._streams[call_id].entries[version:]

    def cut_decisions(self, version: int) -> None:
        """Lose the decisions about nodes above `version`."""
        del self._decisions.streams[NODES].entries[version:]

    def spoil_decisions(self, version: int, payload: bytes) -> None:
        """Put other bytes into an entry of the decisions about nodes."""
        entries = self._decisions.streams[NODES].entries
        entries[version - 1] = replace(entries[version - 1], payload=payload)
