"""What the servers of a journal say of themselves, and whether they take writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from redis.crc import key_slot
from redis.exceptions import ResponseError

from events.errors import error_text
from events.journal import JournalUnavailable
from events.redis.connection import FAILURES, RedisConnection
from events.redis.durability import Durability
from events.redis.keys import Keys, Partition, to_text
from events.redis.opening import FORMAT
from events.redis.refusals import Refusal, refusal_of
from events.redis.topology import Topology, find_topology
from events.redis.write_trial import WriteTrial, try_write

EXPECTED: Final = FORMAT.decode()
"""What a journal that this program can use says of itself."""

_SETTINGS = ("appendonly", "appendfsync", "save", "maxmemory-policy", "min-replicas-to-write")
_PINGS: Final = 5

_KINDS: Final = (
    (b"live", b"hash"),
    (b"nodes", b"set"),
    (b"due", b"zset"),
    (b"ended", b"hash"),
    (b"ended-at", b"zset"),
    (b"ended-until", b"zset"),
    (b"changes", b"stream"),
)
"""What Redis calls the tables of a partition (events/redis/keys.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A server. info: what INFO says; settings: of CONFIG GET, None where that is not allowed.

    ahead: its clock compared with ours, and round_trip: of the quickest PING; both in ms. journal: what the journal
    says of itself, "" where there is none, or this server does not have it. unread: why that cannot be read.
    trial: what became of a write. spoilt: the keys of tables that hold something else.
    """

    place: str
    info: Mapping[str, str]
    settings: Mapping[str, str] | None
    ahead: float
    round_trip: float
    journal: str
    unread: Refusal | None
    trial: WriteTrial
    spoilt: Sequence[str]


async def inspect(url: str, prefix: str, durability: Durability) -> list[Inspected]:
    """Return what each server of a journal says, and whether it takes a write with this durability.

    Raises JournalUnavailable, whose cause is the error of redis-py, and ValueError for a url that is none.
    """
    keys = Keys(prefix)
    try:
        topology = await find_topology(url)
        try:
            home = topology.place(key_slot(keys.journal))
            at: dict[str, list[Partition]] = {}
            for partition in (*keys.partitions, keys.decisions):
                at.setdefault(topology.place(partition.slot), []).append(partition)
            return [
                await _inspect(topology, place, keys.journal if place == home else b"", at[place], durability)
                for place in sorted(at)
            ]
        finally:
            await topology.close()
    except FAILURES as error:
        raise JournalUnavailable(error_text(error)) from error


async def _inspect(
    topology: Topology, place: str, journal: bytes, partitions: Sequence[Partition], durability: Durability
) -> Inspected:
    connection = RedisConnection(topology, place)
    try:
        info, *settings = await connection.exchange(
            [(b"INFO",), *((b"CONFIG", b"GET", name.encode()) for name in _SETTINGS)]
        )
        found = (await connection.exchange([(b"GET", journal)]))[0] if journal else None
        ahead, round_trip = await _clock(connection)
        spoilt = await _spoilt(connection, partitions)
        trial = await try_write(connection, partitions[0], durability)
    finally:
        await connection.drop()
    return Inspected(
        place=place,
        info=_info(info),
        settings=_settings(settings),
        ahead=ahead,
        round_trip=round_trip,
        journal=found.decode("utf-8", "replace") if isinstance(found, bytes) else "",
        unread=refusal_of(found),
        trial=trial,
        spoilt=spoilt,
    )


async def _spoilt(connection: RedisConnection, partitions: Sequence[Partition]) -> list[str]:
    """Return the keys of tables that hold something else; of what may not be asked nothing is said."""
    tables = [(partition.base + name, kind) for partition in partitions for name, kind in _KINDS]
    found = await connection.exchange([(b"TYPE", key) for key, _ in tables])
    return [
        to_text(key)
        for (key, kind), reply in zip(tables, found, strict=True)
        if isinstance(reply, bytes) and reply not in (kind, b"none")
    ]


async def _clock(connection: RedisConnection) -> tuple[float, float]:
    """Return how far the clock is ahead of ours, and the round trip, by the quickest of some tries; in ms."""
    quickest, ahead = float("inf"), 0.0
    for _ in range(_PINGS):
        begun = time.time()
        reply: Any = (await connection.exchange([(b"TIME",)]))[0]
        ended = time.time()
        if isinstance(reply, ResponseError):
            return 0.0, 1000 * (ended - begun)
        if ended - begun < quickest:
            quickest = ended - begun
            ahead = int(reply[0]) + int(reply[1]) / 1e6 - (begun + ended) / 2
        await asyncio.sleep(0)
    return 1000 * ahead, 1000 * quickest


def _info(reply: Any) -> Mapping[str, str]:
    if isinstance(reply, ResponseError):
        return {}
    pairs = (line.partition(":") for line in reply.decode("utf-8", "replace").splitlines() if not line.startswith("#"))
    return {name: value for name, _, value in pairs if value}


def _settings(replies: list[Any]) -> Mapping[str, str] | None:
    if any(isinstance(reply, ResponseError) for reply in replies):
        return None
    return {reply[0].decode(): reply[1].decode("utf-8", "replace") for reply in replies if reply}
