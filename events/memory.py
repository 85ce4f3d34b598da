"""A journal in memory: for tests, and for one process that may forget."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

from events import snapshot_codec
from events.codec import Codec, Encoded, UnreadableEntry
from events.decisions import DECISION_TYPES
from events.ended import EndedPage
from events.journal import BRIEFLY, PAGE, Conflict, CorruptEntry, Forgotten, JournalUnavailable, TailLostError
from events.names import CallId, StreamName
from events.outbox import MemoryOutbox
from events.records import (
    EVERY_CALL,
    NOTHING,
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


def wall_clock() -> int:
    """Return the time, ms since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class _Stream:
    entries: list[Encoded] = field(default_factory=list)
    appends: dict[int, list[int]] = field(default_factory=dict)
    index: Index = NOTHING
    due: int | None = None
    expires: float = float("inf")
    snapshot: tuple[int, bytes] | None = None


class MemoryJournal:
    """Keeps the promises of `events.journal.Journal` while the process lives. `clock` gives ms since the epoch."""

    def __init__(
        self, clock: Callable[[], int] = wall_clock, *, codec: Codec | None = None, retention: Retention = USUAL
    ) -> None:
        self._clock = clock
        self._codec = codec or Codec()
        self._retention = retention
        self._streams: dict[CallId, _Stream] = {}
        self._decision_codec = Codec(types=DECISION_TYPES)
        self._lenient = Codec(self._codec.keys, lenient=True)
        self._decisions: dict[StreamName, _Stream] = {}
        self._statuses: dict[str, tuple[bytes, float]] = {}
        self._outboxes: dict[str, MemoryOutbox] = {}
        self._leases: dict[str, tuple[str, float]] = {}
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
    ) -> asyncio.Future[int]:
        """Append at once, or fail; the future that comes back is done."""
        added = [self._codec.encode(call_id, record) for record in records]
        stream = self._stream(call_id) or _Stream()

        def write() -> None:
            self._changes.append((call_id, expected_version))
            self._appended += 1
            self._write(stream, added)
            self._keep(call_id, stream, before, after)

        return self._append(call_id, stream, expected_version, added, write)

    def append_decisions(
        self,
        stream: StreamName,
        expected_version: int,
        records: Sequence[Recorded],
        *,
        due: int | None = None,
        ends: bool = False,
    ) -> asyncio.Future[int]:
        """Append at once, or fail; the future that comes back is done."""
        name = CallId(stream)
        added = [self._decision_codec.encode(name, record) for record in records]
        kept = self._decided(stream)

        def write() -> None:
            self._write(kept, added)
            if ends:
                kept.due, kept.expires = None, self._clock() + self._retention.usually
            elif due is not None:
                kept.due = due

        return self._append(name, kept, expected_version, added, write)

    def _decided(self, name: StreamName) -> _Stream:
        """Return a stream of decisions, a new one if there is none or its retention time is over."""
        kept = self._decisions.get(name)
        if kept is None or kept.expires <= self._clock():
            kept = self._decisions[name] = _Stream()
        return kept

    def _append(
        self, name: CallId, stream: _Stream, expected_version: int, added: list[Encoded], write: Callable[[], None]
    ) -> asyncio.Future[int]:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        version = expected_version + len(added)
        written = len(stream.entries) >= version and stream.appends.get(expected_version) == [e.mark for e in added]
        if self._closed:
            done.set_exception(JournalUnavailable("the journal is closed"))
        elif len(stream.entries) < expected_version:
            done.set_exception(TailLostError(name, expected_version, len(stream.entries)))
        elif len(stream.entries) > expected_version and not written:
            done.set_exception(Conflict(name, expected_version, len(stream.entries)))
        else:
            if not written:
                write()
            done.set_result(version)
        return done

    def check(self, call_id: CallId, version: int) -> asyncio.Future[int]:
        """Compare at once; the future that comes back is done."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        stream = self._stream(call_id)
        actual = len(stream.entries) if stream else 0
        if self._closed:
            done.set_exception(JournalUnavailable("the journal is closed"))
        elif actual == version:
            done.set_result(version)
        else:
            done.set_exception((TailLostError if actual < version else Conflict)(call_id, version, actual))
        return done

    def amend(self, call_id: CallId, row: LiveCall | None, before: Index, after: Index) -> asyncio.Future[int]:
        """Change the tables at once, or fail; the future that comes back is done."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        stream = self._stream(call_id) or _Stream()
        if self._closed:
            done.set_exception(JournalUnavailable("the journal is closed"))
        elif stream.index.live != row:
            done.set_exception(Conflict(call_id, 0, 0))
        else:
            self._keep(call_id, stream, before, after)
            done.set_result(0)
        return done

    async def streams(self, cursor: str = "", count: int = PAGE) -> StreamPage:
        """Return calls that have a stream; the cursor counts those that were looked at."""
        first = int(cursor or 0)
        calls = [call for call in itertools.islice(list(self._streams), first, first + count) if self._stream(call)]
        last = first + count
        return StreamPage(calls, str(last) if last < len(self._streams) else "")

    async def stored(self, call_id: CallId) -> Stored:
        """Return what the tables say of a call."""
        stream = self._stream(call_id) or _Stream()
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

    def restore(self, call_id: CallId, before: Stored, after: Index) -> asyncio.Future[int]:
        """Change the tables at once, or fail; the future that comes back is done."""
        done = self.check(call_id, before.version)
        if done.exception() is None:
            stream = self._stream(call_id) or _Stream()
            expires = stream.expires
            self._keep(call_id, stream, before.index, after)
            stream.expires = expires if before.expires and after.live is None else stream.expires
        return done

    @staticmethod
    def _write(stream: _Stream, added: list[Encoded]) -> None:
        stream.appends[len(stream.entries)] = [entry.mark for entry in added]
        stream.entries += added

    def _keep(self, call_id: CallId, stream: _Stream, before: Index, after: Index) -> None:
        stream.index = after
        if after.due != before.due:
            stream.due = after.due
        stream.expires = float("inf") if after.live else self._clock() + self._retention.of(after)
        if after.live is None:
            stream.snapshot = None
        self._streams[call_id] = stream

    def read(self, call_id: CallId, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`; the future that comes back is done."""
        return self._read(self._codec, call_id, self._stream(call_id), after, count)

    async def remains(self, call_id: CallId) -> list[Recorded]:
        """Return the entries of a call, without what cannot be opened."""
        try:
            return await self._read(self._lenient, call_id, self._stream(call_id), 0, 0)
        except CorruptEntry as error:
            return list(error.before)

    def read_decisions(self, stream: StreamName, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`; the future that comes back is done."""
        return self._read(self._decision_codec, CallId(stream), self._decided(stream), after, count)

    async def claim_decisions(self, now: int, lease: int, limit: int) -> list[StreamName]:
        """Return up to `limit` streams that are due, the longest due first, and put them off by the lease."""
        taken = [name for name in await self.due_decisions() if (self._decisions[name].due or 0) <= now][:limit]
        for name in taken:
            self._decisions[name].due = now + lease
        return taken

    async def due_decisions(self) -> list[StreamName]:
        """Return the streams that are due at some time, the next one first."""
        due = [(stream.due, name) for name, stream in self._decisions.items() if stream.due is not None]
        return [name for _, name in sorted(due)]

    def _read(
        self, codec: Codec, name: CallId, stream: _Stream | None, after: int, count: int
    ) -> asyncio.Future[list[Recorded]]:
        done: asyncio.Future[list[Recorded]] = asyncio.get_running_loop().create_future()
        entries = stream.entries if stream else []
        if count:
            entries = entries[: after + count]
        try:
            done.set_result(_decoded(codec, name, entries, after))
        except CorruptEntry as error:
            done.set_exception(error)
        return done

    async def load(self, call_id: CallId, count: int, margin: int) -> tuple[Snapshot | None, list[Recorded]]:
        """Return a call's snapshot, if there is one that can be read, and the entries around it."""
        stream = self._stream(call_id)
        kept = stream.snapshot if stream else None
        snapshot = kept and snapshot_codec.decode(call_id, *kept, self._codec.keys)
        return snapshot, await self.read(call_id, max(0, snapshot.version - margin) if snapshot else 0, count)

    def keep(self, call_id: CallId, snapshot: Snapshot) -> asyncio.Future[None]:
        """Keep a snapshot of a call that goes on; the future that comes back is done."""
        stream = self._stream(call_id)
        if stream and stream.index.live and len(stream.entries) >= snapshot.version:
            stream.snapshot = snapshot.version, snapshot_codec.encode(call_id, snapshot, self._codec.keys)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def row(self, call_id: CallId) -> LiveCall | None:
        """Return the row of a live call."""
        stream = self._streams.get(call_id)
        return stream.index.live if stream else None

    async def lends(self, name: CallId) -> bool:
        """Return whether another call's session goes by this name."""
        rows = (stream.index.live for stream in self._streams.values())
        return any(name in row.lent_ids for row in rows if row is not None)

    async def page(self, wanted: CallFilter, cursor: str = "", count: int = PAGE) -> CallPage:
        """Return live calls that are wanted; the cursor counts the streams that were looked at."""
        first = int(cursor or 0)
        last = first + count
        some = list(itertools.islice(self._streams.values(), first, last))
        rows = [
            stream.index.live
            for stream in some
            if stream.index.live and wanted.node in ("", *stream.index.nodes) and wanted.takes(stream.index.live)
        ]
        return CallPage(rows, str(last) if len(some) == count else "")

    async def live_calls(self, wanted: CallFilter = EVERY_CALL) -> AsyncIterator[LiveCall]:
        """Return the live calls that are wanted."""
        for stream in list(self._streams.values()):
            row = stream.index.live
            if row and wanted.node in ("", *stream.index.nodes) and wanted.takes(row):
                yield row

    async def count_calls(self) -> dict[str, int]:
        """Return the number of live calls by node, and of all under the empty name."""
        counts: Counter[str] = Counter({"": 0})
        for stream in self._streams.values():
            counts.update(stream.index.nodes)
            counts[""] += stream.index.live is not None
        return dict(counts)

    async def ended_calls(self, since: int, until: int, count: int = PAGE) -> EndedPage:
        """Return ended calls of this time, the newest first; those of one ms are in one page."""
        now = self._clock()
        kept = [stream.index.ended for stream in self._streams.values() if stream.expires > now]
        found = sorted(
            (call for call in kept if call is not None and since <= call.ended < until),
            key=lambda call: call.ended,
            reverse=True,
        )
        if len(found) <= count:
            return EndedPage(tuple(found))
        last = found[count - 1].ended
        return EndedPage(tuple(call for call in found if call.ended >= last), last)

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

    async def claim_due(self, now: int, lease: int, limit: int) -> list[CallId]:
        """Return up to `limit` calls that are due, the longest due first, and put them off by the lease."""
        due = [(stream.due, call_id) for call_id, stream in self._streams.items() if stream.due is not None]
        taken = [call_id for at, call_id in sorted(due)[:limit] if at <= now]
        for call_id in taken:
            self._streams[call_id].due = now + lease
        return taken

    async def count_due(self, now: int) -> int:
        """Return how many calls are due at `now`."""
        return sum(stream.due is not None and stream.due <= now for stream in self._streams.values())

    def postpone(self, call_id: CallId, due: int) -> asyncio.Future[None]:
        """Make a call that is due at some time due at `due`; the future that comes back is done."""
        stream = self._streams.get(call_id)
        if stream is not None and stream.due is not None:
            stream.due = due
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def lease(self, name: str, holder: str, ttl: float) -> bool:
        """Give what is named to a holder for `ttl` seconds, unless another one has it."""
        now = self._clock()
        by, until = self._leases.get(name, (holder, now))
        if by != holder and until > now:
            return False
        self._leases[name] = (holder, now + ttl * 1000)
        return True

    def outbox(self, name: str) -> MemoryOutbox:
        """Return the outbox of a name."""
        return self._outboxes.setdefault(name, MemoryOutbox())

    async def time(self) -> float:
        """Return the clock's time."""
        return self._clock()

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Keep a control node's status for `ttl` seconds."""
        self._statuses[name] = (status, self._clock() + ttl * 1000)

    async def published(self) -> dict[str, bytes]:
        """Return the statuses that have not run out."""
        now = self._clock()
        return {name: status for name, (status, until) in self._statuses.items() if until > now}

    async def close(self) -> None:
        """Accept no more appends."""
        self._closed = True

    def _stream(self, call_id: CallId) -> _Stream | None:
        stream = self._streams.get(call_id)
        if stream is not None and stream.expires <= self._clock():
            del self._streams[call_id]
            return None
        return stream


def _decoded(codec: Codec, name: CallId, entries: list[Encoded], after: int) -> list[Recorded]:
    records: list[Recorded] = []
    for version, entry in enumerate(entries[after:], after + 1):
        try:
            records.append(codec.decode(name, entry.name, entry.payload, version))
        except UnreadableEntry as error:
            raise CorruptEntry(name, version, len(entries), str(error), records) from error
    return records
