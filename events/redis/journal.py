"""The journal in Redis: one server, a master that Sentinel guards, or a Redis Cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from events import snapshot_codec
from events.bodies import Bodies
from events.call_keys import CallKeys, KnownCallKeys, MissingKey
from events.codec import Codec
from events.decisions import DECISION_TYPES
from events.ended import EndedPage
from events.journal import FULL, PAGE, CorruptEntry, Forgotten, JournalError, JournalUnavailable
from events.names import CallId, StreamName
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
from events.redis.appends import NO_STREAM, Append, AppendPipeline
from events.redis.changes import Changes
from events.redis.connection import FAILURES
from events.redis.durability import Durability
from events.redis.encoding import (
    MissingBodies,
    add_bodies,
    live_call,
    recorded,
)
from events.redis.keys import Keys, Partition, to_bytes
from events.redis.opening import agree
from events.redis.outbox import RedisOutbox
from events.redis.pipeline import Pipelines
from events.redis.query import ConfirmedPipeline, Query, QueryPipeline
from events.redis.scripts import KEEP, LOAD
from events.redis.strays import Strays
from events.redis.tables import Statuses, Tables
from events.redis.topology import Topology, find_topology
from events.redis.wire import Command
from events.redis.writer import JournalWriter
from events.retention import USUAL, Retention
from events.snapshot import Snapshot


class RedisJournal:
    """Keeps the promises of `events.journal.Journal` in Redis. Make one with `RedisJournal.open`."""

    def __init__(
        self,
        topology: Topology,
        keys: Keys,
        *,
        codec: Codec,
        retention: Retention,
        confirm: Command | None,
        patience: float,
        limit: int,
        call_keys: bool = False,
    ) -> None:
        self._topology = topology
        self._keys = keys
        self._codec = codec
        self._decision_codec = Codec(types=DECISION_TYPES)
        self._lenient = Codec(codec.keys, lenient=True)
        self._patience, self._retention = patience, retention
        self._loop = asyncio.get_running_loop()
        self._call_keys = KnownCallKeys(codec.keys, seals=call_keys) if codec.keys is not None else None
        self._readings: set[asyncio.Task[list[Recorded]]] = set()
        scattered = topology.scattered()
        self._queries: Pipelines[Query] = Pipelines(
            topology, lambda *where: QueryPipeline(where[0], where[1], limit, where[2])
        )
        self._writes: Pipelines[Query] = Pipelines(
            topology,
            lambda place, connection, pipelines: ConfirmedPipeline(place, connection, limit, pipelines, confirm),
        )
        self._appends: Pipelines[Append] = Pipelines(
            topology,
            lambda place, connection, pipelines: AppendPipeline(
                place, connection, limit, pipelines, kept=retention.longest, scattered=scattered, confirm=confirm
            ),
        )
        self._writer = JournalWriter(
            keys,
            self._appends,
            codec=codec,
            decision_codec=self._decision_codec,
            retention=retention,
            patience=patience,
            call_keys=self._call_keys,
        )
        self._changes = Changes(self._query, keys, scattered=scattered)
        self._strays = Strays(self._query, keys, topology.place, kept=retention.longest)
        self._tables = Tables(self._query, keys, topology.place, scattered=scattered)
        self._statuses = Statuses(self._query, keys)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        prefix: str = "rtp-relay",
        durability: Durability = "memory",
        retention: Retention = USUAL,
        codec: Codec | None = None,
        patience: float = 5.0,
        limit: int = 20_000,
        call_keys: bool = False,
    ) -> RedisJournal:
        """Open the journal under `prefix` at a URL (`events.redis.topology` says which), or begin one there.

        `retention`: how long ended calls are kept. `patience`: seconds that a request waits for a Redis that cannot be
        reached. `limit`: how many requests wait at most. `call_keys`: where the codec has keys, whether secrets are
        sealed with keys of each call's own.

        Raises JournalMismatch for a journal or a server that will not do, JournalUnavailable when none is reached,
        ValueError for a wrong URL or prefix.
        """
        keys = Keys(prefix)
        try:
            topology = await find_topology(url)
            confirm = await agree(topology, keys, durability)
        except FAILURES as error:
            raise JournalUnavailable(f"Redis cannot be reached: {error}") from error
        return cls(
            topology,
            keys,
            codec=codec or Codec(),
            retention=retention,
            confirm=confirm,
            patience=patience,
            limit=limit,
            call_keys=call_keys,
        )

    def append(
        self, call_id: CallId, expected_version: int, records: Sequence[Recorded], before: Index, after: Index
    ) -> asyncio.Future[int]:
        """Append with all others of this tick; see `events.journal.Journal.append`."""
        return self._writer.append(call_id, expected_version, records, before, after)

    def check(self, call_id: CallId, version: int) -> asyncio.Future[int]:
        """Compare, with the appends of this tick; see `events.journal.Journal.check`."""
        return self._writer.check(call_id, version)

    def amend(self, call_id: CallId, row: LiveCall | None, before: Index, after: Index) -> asyncio.Future[int]:
        """Change the tables alone; see `events.journal.Journal.amend`. A row that cannot be read may be any."""
        return self._writer.amend(call_id, row, before, after)

    def restore(self, call_id: CallId, before: Stored, after: Index) -> asyncio.Future[int]:
        """Change the tables alone, at a version; see `events.journal.Journal.restore`."""
        return self._writer.restore(call_id, before, after)

    def append_decisions(
        self,
        stream: StreamName,
        expected_version: int,
        records: Sequence[Recorded],
        *,
        due: int | None = None,
        ends: bool = False,
    ) -> asyncio.Future[int]:
        """Append by the same script as all other appends; see `events.journal.Journal.append_decisions`."""
        return self._writer.append_decisions(stream, expected_version, records, due, ends=ends)

    async def streams(self, cursor: str = "", count: int = PAGE) -> StreamPage:
        """Return calls that have a stream, from a page's cursor on."""
        return await self._tables.streams(cursor, count)

    async def strays(self, cursor: str = "", *, remove: bool = False) -> StrayPage:
        """Look through a part of the tables for what no stream and no row accounts for."""
        return await self._strays.page(cursor, remove=remove)

    async def changes(self, cursor: str = "") -> ChangePage:
        """Return which calls were appended to since a cursor."""
        return await self._changes.page(cursor)

    async def stored(self, call_id: CallId) -> Stored:
        """Return what the tables say of a call, and its stream's version."""
        return await self._tables.stored(call_id)

    def read(self, call_id: CallId, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`; see `events.journal.Journal.read`."""
        return self._keep_reading(self._read(call_id, after, count))

    def _keep_reading(self, work: Coroutine[Any, Any, list[Recorded]]) -> asyncio.Future[list[Recorded]]:
        reading = self._loop.create_task(work)
        self._readings.add(reading)
        reading.add_done_callback(self._readings.discard)
        return reading

    async def _read(self, call_id: CallId, after: int, count: int) -> list[Recorded]:
        return await self._recorded(call_id, after, await self._range(call_id, after, b"+", *_counted(count)))

    async def remains(self, call_id: CallId) -> list[Recorded]:
        """Return the entries of a call, without what cannot be opened; see `events.journal.Journal.remains`."""
        try:
            entries = await self._range(call_id, 0, b"+")
            keys = None if self._call_keys is None else await self._kept_keys(call_id, self._call_keys)
            return recorded(self._lenient, call_id, 0, entries, Bodies(), sealer=keys)
        except CorruptEntry as error:
            return list(error.before)

    async def _kept_keys(self, call_id: CallId, known: KnownCallKeys) -> CallKeys:
        """Return all keys that the journal has of a call, for one reading."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        return known.read(call_id, _pairs(await self._query(partition.slot, (b"HGETALL", partition.keys(call)))))

    def _range(self, call_id: CallId, after: int, end: bytes, *more: bytes | int) -> asyncio.Future[list[Any]]:
        """Return the entries above `after` up to an id, as Redis has them."""
        return self._range_of(self._keys.partition(to_bytes(call_id)), call_id, after, end, *more)

    def _range_of(
        self, partition: Partition, name: CallId, after: int, end: bytes, *more: bytes | int
    ) -> asyncio.Future[list[Any]]:
        command = (b"XRANGE", partition.stream(to_bytes(name)), b"%d-0" % (after + 1), end, *more)
        return self._query(partition.slot, command, wrong_type=CorruptEntry(name, after + 1, FULL, NO_STREAM))

    def read_decisions(self, stream: StreamName, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`; see `events.journal.Journal.read_decisions`."""
        return self._keep_reading(self._read_decisions(CallId(stream), after, count))

    async def claim_decisions(self, now: int, lease: int, limit: int) -> list[StreamName]:
        """Claim up to `limit` streams of decisions that are due at `now`, until `now + lease`."""
        return await self._tables.claim_decisions(now, lease, limit)

    async def due_decisions(self) -> list[StreamName]:
        """Return the streams of decisions that are due at some time, the next one first."""
        return await self._tables.due_decisions()

    async def _read_decisions(self, name: CallId, after: int, count: int) -> list[Recorded]:
        entries = await self._range_of(self._keys.decisions, name, after, b"+", *_counted(count))
        return recorded(self._decision_codec, name, after, entries, Bodies())

    async def _recorded(
        self, call_id: CallId, after: int, entries: list[Any], keys: CallKeys | None = None
    ) -> list[Recorded]:
        """Return the records of entries; the call's keys are looked up, if they are not known."""
        if self._call_keys is None:
            return await self._decoded(call_id, after, entries, None)
        try:
            return await self._decoded(call_id, after, entries, keys or self._call_keys.read(call_id))
        except MissingKey:
            return await self._decoded(call_id, after, entries, await self._kept_keys(call_id, self._call_keys))

    async def _decoded(self, call_id: CallId, after: int, entries: list[Any], keys: CallKeys | None) -> list[Recorded]:
        """Return the records of entries; those before them that hold what they refer to are looked up."""
        bodies = Bodies()
        try:
            records = recorded(self._codec, call_id, after, entries, bodies, sealer=keys)
        except MissingBodies as missing:
            versions = sorted(set(missing.versions))
            holders = await asyncio.gather(*(self._range(call_id, one - 1, b"%d-0" % one) for one in versions))
            for version, held in zip(versions, holders, strict=True):
                add_bodies(self._codec, call_id, version, held, bodies, sealer=keys)
            records = recorded(self._codec, call_id, after, entries, bodies, sealer=keys, looked_up=versions)
        self._writer.bodies.note(call_id, bodies)
        return records

    async def load(self, call_id: CallId, count: int, margin: int) -> tuple[Snapshot | None, list[Recorded]]:
        """Read a call's snapshot and the entries around it; see `events.journal.Journal.load`."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        of = [partition.stream(call), partition.snapshot(call)]
        of += [] if self._call_keys is None else [partition.keys(call)]
        version, packed, entries, kept = await self._query(
            partition.slot,
            (b"EVALSHA", LOAD.sha, len(of), *of, count, margin),
            wrong_type=CorruptEntry(call_id, 1, FULL, NO_STREAM),
        )
        keys = None if self._call_keys is None else self._call_keys.loaded(call_id, _pairs(kept))
        if not version:
            return None, await self._recorded(call_id, 0, entries, keys)
        snapshot = snapshot_codec.decode(call_id, version, packed, keys)
        if snapshot is None:
            return None, await self._read(call_id, 0, count)
        return snapshot, await self._recorded(call_id, max(0, version - margin), entries, keys)

    def keep(self, call_id: CallId, snapshot: Snapshot) -> asyncio.Future[None]:
        """Keep a snapshot; see `events.journal.Journal.keep`."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        known = self._call_keys.read(call_id) if self._call_keys is not None else None
        sealer = known if known is not None and known.is_kept else self._codec.keys
        packed = snapshot_codec.encode(call_id, snapshot, sealer)
        keys = (partition.stream(call), partition.snapshot(call))
        return self._query(partition.slot, (b"EVALSHA", KEEP.sha, 2, *keys, snapshot.version, packed), lambda _: None)

    async def row(self, call_id: CallId) -> LiveCall | None:
        """Return the row of a call in the table of live calls."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        row: bytes | None = await self._query(partition.slot, (b"HGET", partition.live, call))
        return None if row is None else live_call(call_id, row)

    async def lends(self, name: CallId) -> bool:
        """Return whether another call's session goes by this name on its node."""
        return await self._tables.lends(name)

    async def page(self, wanted: CallFilter, cursor: str = "", count: int = PAGE) -> CallPage:
        """Return about `count` live calls that are wanted, from a page's cursor on."""
        return await self._tables.page(wanted, cursor, count)

    def live_calls(self, wanted: CallFilter = EVERY_CALL) -> AsyncIterator[LiveCall]:
        """Return the live calls that are wanted, page by page."""
        return self._tables.live_calls(wanted)

    async def count_calls(self) -> dict[str, int]:
        """Return the number of live calls by node, and of all under the empty name."""
        return await self._tables.count_calls()

    async def ended_calls(self, since: int, until: int, count: int = PAGE) -> EndedPage:
        """Return ended calls of this time, the newest first."""
        return await self._tables.ended_calls(since, until, count, self._retention.longest)

    async def forget(self, call_id: CallId) -> Forgotten:
        """Remove an ended call."""
        return await self._tables.forget(call_id, partial(self._query, pipelines=self._writes))

    async def claim_due(self, now: int, lease: int, limit: int) -> list[CallId]:
        """Claim up to `limit` calls that are due at `now`, until `now + lease`."""
        return await self._tables.claim_due(now, lease, limit)

    async def count_due(self, now: int) -> int:
        """Return how many calls are due at `now`."""
        return await self._tables.count_due(now)

    def postpone(self, call_id: CallId, due: int) -> asyncio.Future[None]:
        """Make a call that is in the due table due at `due`."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        return self._query(partition.slot, (b"ZADD", partition.due, b"XX", due, call), lambda _: None)

    async def lease(self, name: str, holder: str, ttl: float) -> bool:
        """Give what is named to a holder for `ttl` seconds, unless another one has it."""
        return await self._statuses.lease(name, holder, ttl)

    def outbox(self, name: str) -> RedisOutbox:
        """Return the outbox of a name."""
        return RedisOutbox(self._query, self._keys, name)

    async def time(self) -> float:
        """Return the time of the server that has the control nodes' statuses: the same one for all."""
        return await self._statuses.time()

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Keep a control node's status for `ttl` seconds."""
        await self._statuses.publish(name, status, ttl)

    async def published(self) -> dict[str, bytes]:
        """Return the statuses of the control nodes that have not run out."""
        return await self._statuses.published()

    async def close(self) -> None:
        """Accept no more requests, finish those under way, close the connections."""
        await self._appends.close()
        if self._readings:
            await asyncio.wait(self._readings)  # each asks for what it refers to after it has its entries
        await self._queries.close()
        await self._writes.close()
        await self._topology.close()

    def _query(
        self,
        slot: int,
        command: Command,
        parse: Callable[[Any], Any] = lambda reply: reply,
        wrong_type: JournalError | None = None,
        pipelines: Pipelines[Query] | None = None,
    ) -> asyncio.Future[Any]:
        query = Query(
            slot=slot,
            future=self._loop.create_future(),
            deadline=self._loop.time() + self._patience,
            command=command,
            parse=parse,
            wrong_type=wrong_type,
        )
        (pipelines or self._queries).submit(query)
        return query.future


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the pairs of a list that has keys and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _counted(count: int) -> tuple[bytes | int, ...]:
    """Return how XRANGE is told to give so many entries at most; 0 for all."""
    return (b"COUNT", count) if count else ()
