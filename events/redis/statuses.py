"""What control nodes say of themselves, and which of them has a lease."""

from __future__ import annotations

import asyncio
import contextlib

from redis.crc import key_slot

from events.journal import LONGEST, JournalError, Unconfirmed
from events.redis.keys import Keys, to_bytes, to_text
from events.redis.query import Queries
from events.redis.scripts import LEASE


class Statuses:
    """What control nodes say of themselves, each in a key that runs out, and a set of their names to find them by.

    Beside it, what each of them is at that only one is to do. Who looks writes nothing, so that it can where Redis
    takes no writes: names that a control node has found without a status go when it publishes next.
    """

    def __init__(self, query: Queries, write: Queries, keys: Keys) -> None:
        self._query, self._write = query, write
        self._names = keys.control + b"names"
        self._status = keys.control + b"status:"
        self._lease = keys.control + b"lease:"
        self._slot = key_slot(keys.control)
        self._gone: set[bytes] = set()

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Keep a status for `ttl` seconds. Raises Unconfirmed where the server cannot keep the durability just now."""
        named = to_bytes(name)
        unconfirmed: Unconfirmed | None = None
        try:
            await self._write(self._slot, (b"SET", self._status + named, status, b"PX", max(1, round(ttl * 1000))))
        except Unconfirmed as error:  # it is there all the same
            unconfirmed = error
        # Not before it, since whoever finds a name without a status forgets it.
        await self._query(self._slot, (b"SADD", self._names, named))
        if unconfirmed is not None:
            raise unconfirmed
        await self._forget_gone()

    async def published(self) -> dict[str, bytes]:
        """Return the statuses that have not run out; those of before the clock was set back would last for too long."""
        names = await self._query(self._slot, (b"SMEMBERS", self._names))
        if not names:
            return {}
        keys = [self._status + name for name in names]
        asked = (self._query(self._slot, (b"PTTL", key)) for key in keys)
        statuses, *left = await asyncio.gather(self._query(self._slot, (b"MGET", *keys)), *asked)
        told = list(zip(names, statuses, left, strict=True))
        self._gone = {name for name, status, _ in told if status is None}
        return {to_text(name): status for name, status, ms in told if status is not None and ms <= LONGEST * 1000}

    async def _forget_gone(self) -> None:
        """Forget control nodes that said nothing when this one looked, and say nothing now."""
        gone, self._gone = self._gone, set()
        if not gone:
            return
        with contextlib.suppress(JournalError):  # what has been published is, and names can wait
            statuses = await self._query(self._slot, (b"MGET", *(self._status + name for name in gone)))
            silent = [name for name, status in zip(gone, statuses, strict=True) if status is None]
            if silent:
                await self._query(self._slot, (b"SREM", self._names, *silent))

    async def lease(self, name: str, holder: str, ttl: float, longest: float) -> bool:
        """Give what is named to a holder for `ttl` seconds, unless another one has it."""
        times = (max(1, round(ttl * 1000)), round(longest * 1000))
        arguments = (self._lease + to_bytes(name), to_bytes(holder), *times)
        return bool(await self._query(self._slot, (b"EVALSHA", LEASE.sha, 1, *arguments)))

    async def time(self) -> float:
        """Return the time of the server that keeps them, ms since the epoch."""
        seconds, microseconds = await self._query(self._slot, (b"TIME",))
        return int(seconds) * 1000 + int(microseconds) / 1000
