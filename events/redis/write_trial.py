"""Whether a server of a journal takes a write now, and confirms it: a key is written that runs out by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from events.journal import JournalMismatch, JournalRefused
from events.redis.connection import RedisConnection
from events.redis.durability import Durability, confirmation, confirmed
from events.redis.keys import Partition
from events.redis.refusals import Refusal, refusal_of
from events.redis.scripts import LEASE

_KEPT: Final = 10_000
"""Milliseconds that the key is there."""

_WRITER: Final = b"doctor"


@dataclass(frozen=True, slots=True)
class WriteTrial:
    """What became of a write. refusal: why it was not taken; confirmed: whether it is as durable as was asked for."""

    refusal: Refusal | None = None
    confirmed: bool = True


TAKEN: Final = WriteTrial()
"""Of a write that went well."""


async def try_write(connection: RedisConnection, partition: Partition, durability: Durability) -> WriteTrial:
    """Write as control nodes do, by a command and by a script. Raises one of `events.redis.connection.FAILURES`.

    A durability that the server cannot keep at all, or does not speak of, is not looked at.
    """
    try:
        confirm = await confirmation(durability, connection)
    except (JournalMismatch, JournalRefused):
        confirm = None
    key = partition.base + _WRITER
    written, scripted, *rest = await connection.exchange(
        [
            (b"SET", key, _WRITER, b"PX", _KEPT),
            (b"EVALSHA", LEASE.sha, 1, key, _WRITER, _KEPT, _KEPT),
            *([] if confirm is None else [confirm]),
        ]
    )
    refusal = refusal_of(written) or refusal_of(scripted)
    return WriteTrial(refusal, refusal is not None or not rest or confirmed(rest[0]))
