"""What is written to the journal: appends, checks, and changes of its tables, each a row of the append script."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from events.bodies import Bodies, KnownBodies
from events.call_keys import CallKeys, KnownCallKeys
from events.codec import Codec
from events.event import Summary
from events.names import CallId, StreamName
from events.records import Index, LiveCall, Recorded, Stored
from events.redis.answer import PendingAnswer
from events.redis.appends import Append
from events.redis.encoding import (
    NO_CHANGES,
    UNREADABLE,
    changes,
    decision_changes,
    live_row,
    origin,
    restoring,
    summary_row,
)
from events.redis.keys import Keys, Partition, to_bytes
from events.redis.pipeline import Pipelines
from events.retention import Retention

_WRITER = 8
"""Bytes of the mark by which a writer knows its own entries, when it repeats what was not answered."""

_TABLES_ONLY, _SUMMARY = -1, -2
"""The expected versions of what changes tables alone, and of what sums entries up (append.lua)."""


class JournalWriter:
    """Puts what is to be written on its way to Redis; each method returns the answer to come.

    bodies, call_keys: what is known of the calls' session descriptions and data keys; readers add to it.
    """

    def __init__(
        self,
        keys: Keys,
        appends: Pipelines[Append],
        *,
        codec: Codec,
        decision_codec: Codec,
        retention: Retention,
        patience: float,
        call_keys: KnownCallKeys | None,
    ) -> None:
        self.bodies, self.call_keys = KnownBodies(), call_keys
        self._keys, self._appends = keys, appends
        self._codec, self._decision_codec = codec, decision_codec
        self._retention, self._patience = retention, patience
        self._loop = asyncio.get_running_loop()
        self._mark = os.urandom(_WRITER)

    def append(
        self,
        call_id: CallId,
        expected_version: int,
        records: Sequence[Recorded],
        before: Index,
        after: Index,
        *,
        known: Recorded | None = None,
    ) -> PendingAnswer:
        """Append with all others of this tick; see `events.journal.Journal.append`."""
        bodies: Bodies | None = None
        keys: CallKeys | None = None
        entries: list[bytes] = []
        marks: list[int] = []
        held: list[bytes | int] = []
        for record in records:
            if bodies is None and self._codec.seals(record.event):
                bodies = self.bodies.of(call_id)
                if self.call_keys is not None:
                    keys = self.call_keys.of(call_id, begins=not expected_version)
            entry = self._codec.encode(call_id, record, bodies, keys)
            entries += (entry.name, entry.payload)
            marks.append(entry.mark)
            for holder in entry.holders:
                if holder.version <= expected_version:
                    held += (holder.version, holder.digest)
        changed = changes(expected_version, before, after, self._retention)
        what = [self._marked(marks), entries, *changed, *origin(known), held]
        sent = keys.unsent if keys is not None else None
        if self.call_keys is not None:
            what.append(sent or ())
        appended = self._submit(call_id, expected_version, expected_version + len(records), what)
        if after.live is None and before.live is not None:
            self._forget(call_id)  # the call is over: nothing is left that would be written of again
        elif bodies is not None:
            appended.add_done_callback(partial(self._note, call_id, bodies, keys, sent))
        return appended

    def _marked(self, marks: Sequence[int]) -> bytes:
        return self._mark + hash(tuple(marks)).to_bytes(8, "big", signed=True)

    def _note(
        self,
        call_id: CallId,
        bodies: Bodies,
        keys: CallKeys | None,
        sent: tuple[bytes, bytes] | None,
        appended: PendingAnswer,
    ) -> None:
        """Remember what the journal holds of a call, when it holds it."""
        if appended.exception() is not None:
            self._forget(call_id)
            return
        self.bodies.note(call_id, bodies)
        if keys is not None and keys.unsent is sent:
            keys.unsent = None

    def _forget(self, call_id: CallId) -> None:
        self.bodies.forget(call_id)
        if self.call_keys is not None:
            self.call_keys.forget(call_id)

    def check(self, call_id: CallId, version: int, *, known: Recorded | None = None) -> PendingAnswer:
        """Compare, with the appends of this tick; see `events.journal.Journal.check`."""
        return self._submit(call_id, version, version, [b"", [], *NO_CHANGES, *origin(known)])

    def amend(self, call_id: CallId, row: LiveCall | None, before: Index, after: Index) -> PendingAnswer:
        """Change the tables alone; see `events.journal.Journal.amend`. A row that cannot be read may be any."""
        expected: bytes | bool = live_row(row) if row is not None else b""
        if row is not None and row.status == UNREADABLE:
            expected = False
        changed = changes(0, before, after, self._retention)
        return self._submit(call_id, _TABLES_ONLY, 0, [expected, (), *changed, *origin(None), *self._no_key()])

    def restore(self, call_id: CallId, before: Stored, after: Index, *, known: Recorded | None = None) -> PendingAnswer:
        """Change the tables alone, at a version; see `events.journal.Journal.restore`."""
        restored = restoring(before, after, self._retention)
        return self._submit(
            call_id, before.version, before.version, [b"", (), *restored, *origin(known), *self._no_key()]
        )

    def _no_key(self) -> Sequence[Any]:
        """Return what a change of tables alone says of entries that it refers to, and of data keys: none are kept."""
        return () if self.call_keys is None else ((), ())

    def append_decisions(
        self,
        stream: StreamName,
        expected_version: int,
        records: Sequence[Recorded],
        *,
        known: Recorded | None = None,
        due: int | None = None,
        ends: bool = False,
    ) -> PendingAnswer:
        """Append by the same script as all other appends; see `events.journal.Journal.append_decisions`."""
        encoded = [self._decision_codec.encode(CallId(stream), record) for record in records]
        if isinstance(records[0].event, Summary):
            versions, summary = (records[0].version, expected_version), summary_row(encoded[0])
            row = [to_bytes(stream), _SUMMARY, versions, summary, *NO_CHANGES, *origin(known)]
            chain = f"summary of decisions: {stream}"  # no append has to wait for it, nor fails because it does
            return self._send(self._keys.decisions, chain, expected_version, expected_version, row)
        mark = self._marked([entry.mark for entry in encoded])
        entries = [part for entry in encoded for part in (entry.name, entry.payload)]
        changed = decision_changes(due, self._retention.usually if ends else 0)
        version = expected_version + len(records)
        chain, row = (
            f"decisions: {stream}",
            [to_bytes(stream), expected_version, mark, entries, *changed, *origin(known)],
        )
        return self._send(self._keys.decisions, chain, expected_version, version, row)

    def _submit(self, call_id: CallId, expected: int, version: int, what: Sequence[Any]) -> PendingAnswer:
        call = to_bytes(call_id)
        return self._send(self._keys.partition(call), call_id, expected, version, [call, expected, *what])

    def _send(self, partition: Partition, chain: str, expected: int, version: int, row: Sequence[Any]) -> PendingAnswer:
        answer = PendingAnswer(self._loop)
        append = Append(
            partition=partition,
            answer=answer,
            deadline=self._loop.time() + self._patience,
            chain=chain,
            expected=expected,
            version=version,
            row=[partition.base, *row],
        )
        self._appends.submit(append)
        return answer
