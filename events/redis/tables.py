"""The tables of all partitions: live calls, their numbers, what is due, and the control nodes' statuses."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from redis.crc import key_slot

from events.journal import LiveCall
from events.redis.connection import Command
from events.redis.encoding import live_call
from events.redis.keys import Keys, Partition, to_bytes, to_text
from events.redis.scripts import CLAIM, COUNT

_PAGE = 500

Submit = Callable[[int, Command], "asyncio.Future[Any]"]
"""Send a command to the server that has a slot."""


class Tables:
    """Reads and claims. `scattered`: partitions are at several servers, so that no script reaches all of them."""

    def __init__(self, query: Submit, keys: Keys, *, scattered: bool) -> None:
        self._query = query
        self._keys = keys
        self._scattered = scattered

    async def live_calls(self, node: str | None) -> AsyncIterator[LiveCall]:
        """Return each live call once, page by page; what changes meanwhile may be in it or not."""
        for partition in self._keys.partitions:
            seen: set[bytes] = set()
            cursor = b"0"
            while True:
                cursor, rows = await (
                    self._page(partition, cursor) if node is None else self._on(partition, node, cursor)
                )
                for call, row in rows:
                    if row is not None and call not in seen:
                        seen.add(call)
                        yield live_call(to_text(call), row)
                if cursor == b"0":
                    break

    async def _page(self, partition: Partition, cursor: bytes) -> tuple[bytes, list[tuple[bytes, bytes | None]]]:
        command = (b"HSCAN", partition.live, cursor, b"COUNT", _PAGE)
        cursor, flat = await self._query(partition.slot, command)
        return cursor, list(zip(flat[::2], flat[1::2], strict=True))

    async def _on(
        self, partition: Partition, node: str, cursor: bytes
    ) -> tuple[bytes, list[tuple[bytes, bytes | None]]]:
        command = (b"SSCAN", partition.on(to_bytes(node)), cursor, b"COUNT", _PAGE)
        cursor, calls = await self._query(partition.slot, command)
        rows = await self._query(partition.slot, (b"HMGET", partition.live, *calls)) if calls else []
        return cursor, list(zip(calls, rows, strict=True))

    async def count_calls(self) -> dict[str, int]:
        """Return the number of live calls by node, and of all under the empty name."""
        counts: Counter[str] = Counter({"": 0})
        replies = await asyncio.gather(*(self._count(group) for group in self._groups(self._keys.partitions)))
        for total, *rest in replies:
            counts[""] += total
            for node, number in zip(rest[::2], rest[1::2], strict=True):
                counts[to_text(node)] += number
        return {node: number for node, number in counts.items() if number or not node}

    def _count(self, group: Sequence[Partition]) -> asyncio.Future[list[Any]]:
        keys = [partition.live for partition in group]
        bases = [partition.base for partition in group]
        return self._query(group[0].slot, (b"EVALSHA", COUNT.sha, len(keys), *keys, *bases))

    async def claim_due(self, now: int, lease: int, limit: int) -> list[str]:
        """Claim due calls, starting at a random partition each time, so that a full one does not starve the others."""
        partitions = self._keys.partitions
        first = random.randrange(len(partitions))
        turned = [*partitions[first:], *partitions[:first]]
        if not self._scattered:
            return list(map(to_text, await self._claim(turned, now, lease, limit)))
        taken: list[str] = []
        while True:
            shares = await self._shares(turned, now, limit - len(taken))
            replies = await asyncio.gather(*(self._claim([one], now, lease, share) for one, share in shares))
            taken += [to_text(call) for calls in replies for call in calls]
            if sum(map(len, replies)) == sum(share for _, share in shares):
                return taken
            # Another claimer was faster somewhere: look again for what may be due elsewhere.

    async def _shares(self, partitions: Sequence[Partition], now: int, limit: int) -> list[tuple[Partition, int]]:
        """Return the partitions where something is due, and how many to claim from each."""
        counts = await asyncio.gather(
            *(self._query(partition.slot, (b"ZCOUNT", partition.due, b"-inf", now)) for partition in partitions)
        )
        shares: list[tuple[Partition, int]] = []
        for partition, count in zip(partitions, counts, strict=True):
            if count and limit:
                shares.append((partition, min(count, limit)))
                limit -= shares[-1][1]
        return shares

    def _claim(self, group: Sequence[Partition], now: int, lease: int, limit: int) -> asyncio.Future[list[bytes]]:
        keys = [partition.due for partition in group]
        return self._query(group[0].slot, (b"EVALSHA", CLAIM.sha, len(keys), *keys, now, now + lease, limit))

    def _groups(self, partitions: Sequence[Partition]) -> list[Sequence[Partition]]:
        return [[partition] for partition in partitions] if self._scattered else [partitions]


class Statuses:
    """What control nodes say of themselves, each in a key that runs out, and a set of their names to find them by."""

    def __init__(self, query: Submit, keys: Keys) -> None:
        self._query = query
        self._names = keys.control + b"names"
        self._status = keys.control + b"status:"
        self._slot = key_slot(keys.control)

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Keep a status for `ttl` seconds."""
        named = to_bytes(name)
        await self._query(self._slot, (b"SADD", self._names, named))
        await self._query(self._slot, (b"SET", self._status + named, status, b"PX", max(1, round(ttl * 1000))))

    async def published(self) -> dict[str, bytes]:
        """Return the statuses that have not run out."""
        names = await self._query(self._slot, (b"SMEMBERS", self._names))
        if not names:
            return {}
        statuses = await self._query(self._slot, (b"MGET", *(self._status + name for name in names)))
        return {to_text(name): status for name, status in zip(names, statuses, strict=True) if status is not None}

    async def time(self) -> float:
        """Return the time of the server that keeps them, ms since the epoch."""
        seconds, microseconds = await self._query(self._slot, (b"TIME",))
        return int(seconds) * 1000 + int(microseconds) / 1000
