"""What is read of the journal's streams: entries with what they refer to, and the snapshots that spare reading them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from events import snapshot_codec
from events.bodies import Bodies, KnownBodies
from events.call_keys import CallKeys, KnownCallKeys, MissingKey
from events.codec import Codec
from events.journal import FULL, CorruptEntry
from events.names import CallId, StreamName
from events.records import Recorded
from events.redis.appends import NO_STREAM
from events.redis.encoding import MissingBodies, add_bodies, recorded, summarized, version_of
from events.redis.keys import Keys, Partition, to_bytes
from events.redis.query import Queries
from events.redis.scripts import KEEP, LOAD
from events.snapshot import Snapshot

_ALL = 2**53
"""More entries than a stream has."""


class JournalReader:
    """Reads streams by queries.

    bodies, call_keys: what is known of the calls' session descriptions and data keys, the same as the writer's; what is
    read is added to it.
    """

    def __init__(
        self,
        query: Queries,
        keys: Keys,
        *,
        codec: Codec,
        decision_codec: Codec,
        bodies: KnownBodies,
        call_keys: KnownCallKeys | None,
    ) -> None:
        self._query, self._keys = query, keys
        self._codec, self._decision_codec = codec, decision_codec
        self._lenient = Codec(codec.keys, lenient=True)
        self._bodies, self._call_keys = bodies, call_keys
        self._readings: set[asyncio.Task[list[Recorded]]] = set()

    def read(self, call_id: CallId, after: int, count: int) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`; see `events.journal.Journal.read`."""
        return self._keep_reading(self._read(call_id, after, count))

    def read_decisions(self, stream: StreamName, after: int, count: int) -> asyncio.Future[list[Recorded]]:
        """Return the entries above `after`; see `events.journal.Journal.read_decisions`."""
        return self._keep_reading(self._read_decisions(CallId(stream), after, count))

    async def remains(self, call_id: CallId) -> list[Recorded]:
        """Return the entries of a call, without what cannot be opened; see `events.journal.Journal.remains`."""
        try:
            entries = await self._range(call_id, 0, b"+")
            keys = None if self._call_keys is None else await self._kept_keys(call_id, self._call_keys)
            return recorded(self._lenient, call_id, 0, entries, Bodies(), sealer=keys)
        except CorruptEntry as error:
            return list(error.before)

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
        """Keep a snapshot for `load`; see `events.journal.Journal.keep`."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        known = self._call_keys.read(call_id) if self._call_keys is not None else None
        sealer = known if known is not None and known.is_kept else self._codec.keys
        packed = snapshot_codec.encode(call_id, snapshot, sealer)
        keys = (partition.stream(call), partition.snapshot(call))
        return self._query(partition.slot, (b"EVALSHA", KEEP.sha, 2, *keys, snapshot.version, packed), lambda _: None)

    async def finish(self) -> None:
        """Wait for the readings under way: each asks for what it refers to after it has its entries."""
        if self._readings:
            await asyncio.wait(self._readings)

    def _keep_reading(self, work: Coroutine[Any, Any, list[Recorded]]) -> asyncio.Future[list[Recorded]]:
        """Return a task, which goes on if nobody waits for it any more."""
        reading = asyncio.get_running_loop().create_task(work)
        self._readings.add(reading)
        reading.add_done_callback(self._readings.discard)
        return reading

    async def _read(self, call_id: CallId, after: int, count: int) -> list[Recorded]:
        return await self._recorded(call_id, after, await self._range(call_id, after, b"+", *_counted(count)))

    async def _read_decisions(self, name: CallId, after: int, count: int) -> list[Recorded]:
        entries = await self._range_of(self._keys.decisions, name, after, b"+", *_counted(count))
        if entries and version_of(entries[0][0]) > after + 1:
            return await self._summed_up(name, after, entries, count or _ALL)
        return recorded(self._decision_codec, name, after, entries, Bodies())

    async def _summed_up(self, name: CallId, after: int, entries: list[Any], count: int) -> list[Recorded]:
        """Return the summary of what is missing before entries, and what follows it."""
        key, at = to_bytes(name), self._keys.decisions
        keys = (at.stream(key), at.snapshot(key))
        command = (b"EVALSHA", LOAD.sha, len(keys), *keys, count, 0)
        version, row, follow, _ = await self._query(at.slot, command)
        if version <= after:  # nothing was summed up: they are lost
            return recorded(self._decision_codec, name, after, entries, Bodies())
        last = version_of(follow[-1][0]) if follow else version
        summary = summarized(self._decision_codec, name, version, row, last)
        return [summary, *recorded(self._decision_codec, name, version, follow, Bodies())][:count]

    def _range(self, call_id: CallId, after: int, end: bytes, *more: bytes | int) -> asyncio.Future[list[Any]]:
        """Return the entries above `after` up to an id, as Redis has them."""
        return self._range_of(self._keys.partition(to_bytes(call_id)), call_id, after, end, *more)

    def _range_of(
        self, partition: Partition, name: CallId, after: int, end: bytes, *more: bytes | int
    ) -> asyncio.Future[list[Any]]:
        command = (b"XRANGE", partition.stream(to_bytes(name)), b"%d-0" % (after + 1), end, *more)
        return self._query(partition.slot, command, wrong_type=CorruptEntry(name, after + 1, FULL, NO_STREAM))

    async def _kept_keys(self, call_id: CallId, known: KnownCallKeys) -> CallKeys:
        """Return all keys that the journal has of a call, for one reading."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        return known.read(call_id, _pairs(await self._query(partition.slot, (b"HGETALL", partition.keys(call)))))

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
        self._bodies.note(call_id, bodies)
        return records


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the pairs of a list that has keys and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _counted(count: int) -> tuple[bytes | int, ...]:
    """Return how XRANGE is told to give so many entries at most; 0 for all."""
    return (b"COUNT", count) if count else ()
