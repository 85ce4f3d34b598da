"""The journal in Redis: one server, a master that Sentinel guards, or a Redis Cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial

from events.call_keys import KnownCallKeys
from events.codec import Codec
from events.decisions import DECISION_TYPES
from events.ended import EndedPage
from events.errors import error_text
from events.journal import LONGEST, PAGE, Forgotten, JournalUnavailable
from events.names import CallId, StreamName
from events.records import (
    EVERY_CALL,
    CallFilter,
    CallPage,
    ChangePage,
    LiveCall,
    Recorded,
    Stored,
    StrayPage,
    StreamPage,
)
from events.redis.appends import Append, AppendPipeline
from events.redis.changes import Changes
from events.redis.connection import FAILURES
from events.redis.durability import Durability
from events.redis.keys import Keys
from events.redis.opening import agree
from events.redis.outbox import RedisOutbox
from events.redis.pipeline import Pipelines
from events.redis.query import ConfirmedPipeline, Queries, QueryPipeline
from events.redis.reader import JournalReader
from events.redis.statuses import Statuses
from events.redis.strays import Strays
from events.redis.tables import Tables
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
        seals_by_call: bool = False,
    ) -> None:
        self._topology, self._retention = topology, retention
        self.reads_confirm = confirm is None
        scattered = topology.scattered()
        query = self._query = Queries(Pipelines(topology, partial(QueryPipeline, limit=limit)), patience)
        self._write = Queries(Pipelines(topology, partial(ConfirmedPipeline, limit=limit, confirm=confirm)), patience)
        self._appends: Pipelines[Append] = Pipelines(
            topology, partial(AppendPipeline, limit=limit, kept=retention.longest, scattered=scattered, confirm=confirm)
        )
        call_keys = KnownCallKeys(codec.keys, seals=seals_by_call) if codec.keys is not None else None
        decision_codec = Codec(types=DECISION_TYPES)
        self._writer = JournalWriter(
            keys,
            self._appends,
            codec=codec,
            decision_codec=decision_codec,
            retention=retention,
            patience=patience,
            call_keys=call_keys,
        )
        # They are the writer's own: a method in between would be a frame of the interpreter for each append.
        self.append, self.check, self.amend = self._writer.append, self._writer.check, self._writer.amend
        self.restore, self.append_decisions = self._writer.restore, self._writer.append_decisions
        self._reader = JournalReader(
            query, keys, codec=codec, decision_codec=decision_codec, bodies=self._writer.bodies, call_keys=call_keys
        )
        self._changes = Changes(query, keys, scattered=scattered)
        self._strays = Strays(query, keys, topology.place, kept=retention.longest)
        self._tables = Tables(query, keys, topology.place, scattered=scattered)
        self._statuses = Statuses(query, self._write, keys)
        self._outbox = partial(RedisOutbox, query, keys)

    @property
    def spoilt(self) -> Sequence[str]:
        """The keys of due tables that were no tables when calls were last claimed."""
        return self._tables.spoilt

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
            raise JournalUnavailable(f"Redis cannot be reached: {error_text(error)}") from error
        return cls(
            topology,
            keys,
            codec=codec or Codec(),
            retention=retention,
            confirm=confirm,
            patience=patience,
            limit=limit,
            seals_by_call=call_keys,
        )

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
        return self._reader.read(call_id, after, count)

    def read_decisions(self, stream: StreamName, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`; see `events.journal.Journal.read_decisions`."""
        return self._reader.read_decisions(stream, after, count)

    async def remains(self, call_id: CallId) -> list[Recorded]:
        """Return the entries of a call, without what cannot be opened; see `events.journal.Journal.remains`."""
        return await self._reader.remains(call_id)

    async def load(self, call_id: CallId, count: int, margin: int) -> tuple[Snapshot | None, list[Recorded]]:
        """Read a call's snapshot and the entries around it; see `events.journal.Journal.load`."""
        return await self._reader.load(call_id, count, margin)

    def keep(self, call_id: CallId, snapshot: Snapshot) -> asyncio.Future[None]:
        """Keep a snapshot; see `events.journal.Journal.keep`."""
        return self._reader.keep(call_id, snapshot)

    async def row(self, call_id: CallId) -> LiveCall | None:
        """Return the row of a call in the table of live calls."""
        return await self._tables.row(call_id)

    async def claim_decisions(self, now: int, lease: int, limit: int) -> list[StreamName]:
        """Claim up to `limit` streams of decisions that are due at `now`, until `now + lease`."""
        return await self._tables.claim_decisions(now, lease, limit)

    async def due_decisions(self) -> list[StreamName]:
        """Return the streams of decisions that are due at some time, the next one first."""
        return await self._tables.due_decisions()

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
        return await self._tables.forget(call_id, self._write)

    async def claim_due(self, now: int, lease: int, limit: int, after: int | None = None) -> list[CallId]:
        """Claim up to `limit` calls that are due at `now`, until `now + lease`."""
        return await self._tables.claim_due(now, lease, limit, after)

    async def count_due(self, now: int) -> int:
        """Return how many calls are due at `now`."""
        return await self._tables.count_due(now)

    def postpone(self, call_id: CallId, due: int) -> asyncio.Future[None]:
        """Make a call that is in the due table due at `due`."""
        return self._tables.postpone(call_id, due)

    async def lease(self, name: str, holder: str, ttl: float, longest: float = LONGEST) -> bool:
        """Give what is named to a holder for `ttl` seconds, unless another one has it."""
        return await self._statuses.lease(name, holder, ttl, longest)

    def outbox(self, name: str) -> RedisOutbox:
        """Return the outbox of a name."""
        return self._outbox(name)

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
        await self._reader.finish()
        await self._query.close()
        await self._write.close()
        await self._topology.close()
