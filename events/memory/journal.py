"""A journal in memory: what `MemoryJournal` does itself is to append to calls and read them."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

from events import snapshot_codec
from events.codec import Codec
from events.ended import EndedPage
from events.journal import BRIEFLY, LONGEST, PAGE, Conflict, CorruptEntry, Forgotten, JournalUnavailable
from events.memory.clock import Clock, wall_clock
from events.memory.decisions import Decisions
from events.memory.statuses import Statuses
from events.memory.stream import Stream, at_once
from events.memory.tables import Tables
from events.names import CallId, StreamName
from events.outbox import MemoryOutbox
from events.records import (
    EVERY_CALL,
    CallFilter,
    CallPage,
    ChangePage,
    Index,
    LiveCall,
    Recorded,
    Stored,
    StrayPage,
    StreamPage,
)
from events.retention import USUAL, Retention
from events.snapshot import Snapshot

CHANGES = 10_000
"""So many appends are remembered for those who follow all calls."""


class MemoryJournal:
    """Keeps the promises of `events.journal.Journal` while the process lives. `clock` gives ms since the epoch.

    Whatever is asked is done at once: the futures that come back are done.
    """

    reads_confirm = True
    spoilt: Sequence[str] = ()

    def __init__(self, clock: Clock = wall_clock, *, codec: Codec | None = None, retention: Retention = USUAL) -> None:
        self._clock = clock
        self._codec = codec or Codec()
        self._lenient = Codec(self._codec.keys, lenient=True)
        self._retention = retention
        self._streams: dict[CallId, Stream] = {}
        self._tables = Tables(self._streams, clock)
        self._decisions = Decisions(clock, retention)
        self._statuses = Statuses(clock)
        self._outboxes: dict[str, MemoryOutbox] = {}
        self._changes: deque[tuple[CallId, int]] = deque(maxlen=CHANGES)
        self._appended = 0
        self._closed = False

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
        """Append to a call's stream."""

        def append() -> int:
            self._check_open()
            added = [self._codec.encode(call_id, record) for record in records]
            stream = self._stream(call_id) or Stream()
            if stream.append(call_id, expected_version, added, known):
                self._changes.append((call_id, expected_version))
                self._appended += 1
                self._note(call_id, stream, before, after)
            return expected_version + len(added)

        return at_once(append)

    def append_decisions(
        self,
        stream: StreamName,
        expected_version: int,
        records: Sequence[Recorded],
        *,
        known: Recorded | None = None,
        due: int | None = None,
        ends: bool = False,
    ) -> asyncio.Future[int]:
        """Append to a stream of decisions."""

        def append() -> int:
            self._check_open()
            return self._decisions.append(stream, expected_version, records, known=known, due=due, ends=ends)

        return at_once(append)

    def check(self, call_id: CallId, version: int, *, known: Recorded | None = None) -> asyncio.Future[int]:
        """Compare a call's version with one."""
        return at_once(partial(self._check, call_id, version, known))

    def _check(self, call_id: CallId, version: int, known: Recorded | None) -> int:
        self._check_open()
        (self._stream(call_id) or Stream()).check(call_id, version, known)
        return version

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")

    def amend(self, call_id: CallId, row: LiveCall | None, before: Index, after: Index) -> asyncio.Future[int]:
        """Change the tables alone."""
        return at_once(partial(self._amend, call_id, row, before, after))

    def _amend(self, call_id: CallId, row: LiveCall | None, before: Index, after: Index) -> int:
        self._check_open()
        stream = self._stream(call_id) or Stream()
        if stream.index.live != row:
            raise Conflict(call_id, 0, 0)
        self._note(call_id, stream, before, after)
        return 0

    def restore(
        self, call_id: CallId, before: Stored, after: Index, *, known: Recorded | None = None
    ) -> asyncio.Future[int]:
        """Change the tables alone, at a version."""
        return at_once(partial(self._restore, call_id, before, after, known))

    def _restore(self, call_id: CallId, before: Stored, after: Index, known: Recorded | None) -> int:
        version = self._check(call_id, before.version, known)
        stream = self._stream(call_id) or Stream()
        expires = stream.expires
        self._note(call_id, stream, before.index, after)
        stream.expires = expires if before.expires and after.live is None else stream.expires
        return version

    def _note(self, call_id: CallId, stream: Stream, before: Index, after: Index) -> None:
        """Note what the tables are to say of a call."""
        stream.index = after
        if after.due != before.due:
            stream.due = after.due
        stream.expires = float("inf") if after.live else self._clock() + self._retention.of(after)
        if after.live is None:
            stream.snapshot = None
        self._streams[call_id] = stream

    async def streams(self, cursor: str = "", count: int = PAGE) -> StreamPage:
        """Return calls that have a stream; the cursor counts those that were looked at."""
        first = int(cursor or 0)
        calls = [call for call in itertools.islice(list(self._streams), first, first + count) if self._stream(call)]
        last = first + count
        return StreamPage(calls, str(last) if last < len(self._streams) else "")

    async def stored(self, call_id: CallId) -> Stored:
        """Return what the tables say of a call."""
        stream = self._stream(call_id) or Stream()
        index = replace(stream.index, due=stream.due, brief=False)
        lent = stream.index.live.lent_ids if stream.index.live else frozenset[str]()
        return Stored(len(stream.entries), index, stream.expires != float("inf"), lent)

    async def changes(self, cursor: str = "") -> ChangePage:
        """Return which calls were appended to since a cursor, which counts the appends."""
        forgotten = self._appended - len(self._changes)
        after = int(cursor or self._appended)
        changed = list(itertools.islice(self._changes, max(0, after - forgotten), None))
        calls: dict[CallId, int] = {}
        for call_id, version in changed:
            calls.setdefault(call_id, version)
        return ChangePage(calls, str(self._appended), whole=bool(cursor) and after >= forgotten)

    async def strays(self, cursor: str = "", *, remove: bool = False) -> StrayPage:  # noqa: ARG002
        """Return that there are none: what the tables say is kept with the stream."""
        return StrayPage()

    def read(self, call_id: CallId, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`."""
        return at_once(partial((self._stream(call_id) or Stream()).read, self._codec, call_id, after, count))

    async def remains(self, call_id: CallId) -> list[Recorded]:
        """Return the entries of a call, without what cannot be opened."""
        try:
            return (self._stream(call_id) or Stream()).read(self._lenient, call_id, 0, 0)
        except CorruptEntry as error:
            return list(error.before)

    async def load(self, call_id: CallId, count: int, margin: int) -> tuple[Snapshot | None, list[Recorded]]:
        """Return a call's snapshot, if there is one that can be read, and the entries around it."""
        stream = self._stream(call_id)
        kept = stream.snapshot if stream else None
        snapshot = kept and snapshot_codec.decode(call_id, *kept, self._codec.keys)
        return snapshot, await self.read(call_id, max(0, snapshot.version - margin) if snapshot else 0, count)

    def keep(self, call_id: CallId, snapshot: Snapshot) -> asyncio.Future[None]:
        """Keep a snapshot of a call that goes on."""
        return at_once(partial(self._keep, call_id, snapshot))

    def _keep(self, call_id: CallId, snapshot: Snapshot) -> None:
        stream = self._stream(call_id)
        if stream and stream.index.live and len(stream.entries) >= snapshot.version:
            stream.snapshot = snapshot.version, snapshot_codec.encode(call_id, snapshot, self._codec.keys)

    def read_decisions(self, stream: StreamName, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after` of a stream of decisions."""
        return at_once(partial(self._decisions.read, stream, after, count))

    async def claim_decisions(self, now: int, lease: int, limit: int) -> list[StreamName]:
        """Claim streams of decisions that are due."""
        return self._decisions.claim(now, lease, limit)

    async def due_decisions(self) -> list[StreamName]:
        """Return the streams of decisions that are due at some time, the next one first."""
        return self._decisions.due()

    async def row(self, call_id: CallId) -> LiveCall | None:
        """Return the row of a live call."""
        return self._tables.row(call_id)

    async def lends(self, name: CallId) -> bool:
        """Return whether another call's session goes by this name."""
        return self._tables.lends(name)

    async def page(self, wanted: CallFilter, cursor: str = "", count: int = PAGE) -> CallPage:
        """Return live calls that are wanted."""
        return self._tables.page(wanted, cursor, count)

    async def live_calls(self, wanted: CallFilter = EVERY_CALL) -> AsyncIterator[LiveCall]:
        """Return the live calls that are wanted."""
        for call in self._tables.live_calls(wanted):
            yield call

    async def count_calls(self) -> dict[str, int]:
        """Return the number of live calls by node, and of all under the empty name."""
        return self._tables.count_calls()

    async def ended_calls(self, since: int, until: int, count: int = PAGE) -> EndedPage:
        """Return ended calls of this time, the newest first."""
        return self._tables.ended_calls(since, until, count)

    async def claim_due(self, now: int, lease: int, limit: int, after: int | None = None) -> list[CallId]:
        """Claim calls that are due."""
        return self._tables.claim_due(now, lease, limit, after)

    async def count_due(self, now: int) -> int:
        """Return how many calls are due at `now`."""
        return self._tables.count_due(now)

    def postpone(self, call_id: CallId, due: int) -> asyncio.Future[None]:
        """Make a call that is due at some time due at `due`."""
        return at_once(partial(self._tables.postpone, call_id, due))

    async def forget(self, call_id: CallId) -> Forgotten:
        """Remove an ended call."""
        stream = self._stream(call_id)
        if stream is None:
            return Forgotten.UNKNOWN
        if stream.index.live is not None:
            return Forgotten.LIVE
        stays, ended = round(BRIEFLY * 1000), stream.index.ended
        if stream.expires - self._clock() <= stays if ended is None else ended.ended > self._clock() - stays:
            return Forgotten.RECENT
        del self._streams[call_id]
        return Forgotten.DONE

    async def lease(self, name: str, holder: str, ttl: float, longest: float = LONGEST) -> bool:
        """Give what is named to a holder for `ttl` seconds, unless another one has it."""
        return self._statuses.lease(name, holder, ttl, longest)

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Keep a control node's status for `ttl` seconds."""
        self._statuses.publish(name, status, ttl)

    async def published(self) -> dict[str, bytes]:
        """Return the statuses that have not run out."""
        return self._statuses.published()

    def outbox(self, name: str) -> MemoryOutbox:
        """Return the outbox of a name."""
        return self._outboxes.setdefault(name, MemoryOutbox())

    async def time(self) -> float:
        """Return the clock's time."""
        return self._clock()

    async def close(self) -> None:
        """Accept no more appends."""
        self._closed = True

    def _stream(self, call_id: CallId) -> Stream | None:
        """Return a call's stream, unless its retention time is over."""
        stream = self._streams.get(call_id)
        if stream is not None and stream.expires <= self._clock():
            del self._streams[call_id]
            return None
        return stream
