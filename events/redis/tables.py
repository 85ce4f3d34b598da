"""The tables of all partitions: live calls, their numbers, ended calls, and what is due."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from events.ended import EndedCall, EndedPage
from events.journal import BRIEFLY, PAGE, Forgotten, JournalRefused
from events.names import CallId, StreamName
from events.records import CallFilter, CallPage, LiveCall, Stored, StreamPage
from events.redis.encoding import ended_call, lent, live_call, stored
from events.redis.keys import Keys, Partition, to_bytes, to_text
from events.redis.query import Queries
from events.redis.scripts import CLAIM, COUNT, ENDED, FORGET, LIST, STORED
from events.redis.wire import Command

_SHARE = 8
"""So many ended calls are read of each partition at least."""

_IN_A_ROW, _REST = 4, 0.003
"""After so many partitions that were read for ended calls nothing is for so many seconds."""

_ASKED_AT_ONCE = 64
"""So many partitions are asked for live calls at a time, at most."""

_NO_TABLE: Final = JournalRefused("a due table holds something else")
"""What is said of each such key, and goes no further."""


class Tables:
    """Reads and claims. `scattered`: partitions are at several servers, so that no script reaches all of them."""

    def __init__(self, query: Queries, keys: Keys, place: Callable[[int], str], *, scattered: bool) -> None:
        self._query = query
        self._keys = keys
        self._place = place
        self._scattered = scattered
        self.spoilt: Sequence[str] = ()
        """The due tables that were no tables when calls were last claimed."""

    async def page(self, wanted: CallFilter, cursor: str, count: int) -> CallPage:
        """Return live calls that are wanted, from a cursor on: the partition's number and Redis' own cursor there.

        Where partitions have few of them, more and more are asked together, which takes one round trip.
        """
        number, inner = _places(cursor)
        rows: dict[bytes, bytes] = {}
        together = 1
        while number < len(self._keys.partitions) and len(rows) < count:
            asked = enumerate(self._keys.partitions[number : number + together])
            replies = [self._some(one, wanted, 0 if place else inner, count) for place, one in asked]
            for next_inner, *found in await asyncio.gather(*replies):
                rows.update(zip(found[::2], found[1::2], strict=True))
                inner = int(next_inner)
                if inner:
                    break  # this one has more
                number += 1
            together = min(2 * together, _ASKED_AT_ONCE)
        calls = [live_call(CallId(to_text(call)), row) for call, row in rows.items()]
        return CallPage(calls, f"{number}:{inner}" if number < len(self._keys.partitions) else "")

    async def live_calls(self, wanted: CallFilter) -> AsyncIterator[LiveCall]:
        """Return each live call once, page by page; what changes meanwhile may be in it or not."""
        cursor, partition = "", 0
        seen: set[str] = set()
        while True:
            page = await self.page(wanted, cursor, PAGE)
            for call in page.calls:
                if call.call_id not in seen:
                    yield call
            if not page.cursor:
                return
            cursor = page.cursor
            before, (partition, _) = partition, _places(cursor)
            seen = {call.call_id for call in page.calls} | (seen if partition == before else set())

    def _some(self, partition: Partition, wanted: CallFilter, cursor: int, count: int) -> asyncio.Future[list[bytes]]:
        keys = [partition.live, *([partition.on(to_bytes(wanted.node))] if wanted.node else ())]
        arguments = (cursor, count, to_bytes(wanted.set), to_bytes(wanted.status))
        return self._query(partition.slot, (b"EVALSHA", LIST.sha, len(keys), *keys, *arguments))

    async def streams(self, cursor: str, count: int) -> StreamPage:
        """Return calls that have a stream, from a cursor on: the server's number and Redis' own cursor there."""
        servers = list({self._place(one.slot): one.slot for one in reversed(self._keys.partitions)}.values())
        number, inner = _places(cursor)
        if number >= len(servers):
            return StreamPage(())
        command: Command = (b"SCAN", inner, b"MATCH", self._keys.streams, b"COUNT", count)
        next_inner, found = await self._query(servers[number], command)
        number, inner = (number, int(next_inner)) if next_inner != b"0" else (number + 1, 0)
        calls = [CallId(to_text(call)) for call in dict.fromkeys(map(self._keys.call_of, found)) if call is not None]
        return StreamPage(calls, f"{number}:{inner}" if number < len(servers) else "")

    async def stored(self, call_id: CallId) -> Stored:
        """Return what a call's partition has of it."""
        call = to_bytes(call_id)
        of = self._keys.partition(call)
        keys = (of.stream(call), of.live, of.due, of.ended, of.ended_at)
        reply = await self._query(of.slot, (b"EVALSHA", STORED.sha, len(keys), *keys, of.base, call))
        return stored(call_id, reply)

    async def lends(self, name: CallId) -> bool:
        """Return whether a call of any partition has a session that goes by this name on its node."""
        asked = to_bytes(lent(name))
        groups = self._groups(self._keys.partitions)
        replies = await asyncio.gather(
            *(self._query(group[0].slot, (b"EXISTS", *(one.on(asked) for one in group))) for group in groups)
        )
        return any(replies)

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

    async def ended_calls(self, since: int, until: int, count: int, kept: int) -> EndedPage:
        """Return about `count` ended calls of this time, the newest first.

        Each partition is asked for a few. Where one has more, what the others have of before is left for the next page.
        kept: for how many ms a call is kept that has no time to go at.
        """
        share = max(_SHARE, 2 * count // len(self._keys.partitions))
        while True:
            parts = await self._newest(since, until, share, kept)
            full = max((part[-1].ended for part in parts if len(part) >= share), default=since - 1)
            found = [call for part in parts for call in part if call.ended > full]
            found.sort(key=lambda call: call.ended, reverse=True)
            if len(found) > count:
                last = found[count - 1].ended
                return EndedPage(tuple(call for call in found if call.ended >= last), last)
            if found or full < since:
                return EndedPage(tuple(found), full + 1 if full >= since else 0)
            share *= 4  # more than a share ended in one ms

    async def _newest(self, since: int, until: int, share: int, kept: int) -> list[list[EndedCall]]:
        """Return the newest ended calls of each partition: slowly, so that nobody else waits for the server."""
        parts: list[list[EndedCall]] = []
        for number, one in enumerate(self._keys.partitions, 1):
            if not number % _IN_A_ROW:
                await asyncio.sleep(_REST)
            keys = (one.ended, one.ended_at, one.ended_until)
            command: Command = (b"EVALSHA", ENDED.sha, len(keys), *keys, since, until, share, kept)
            parts.append(_ended(await self._query(one.slot, command)))
        return parts

    async def row(self, call_id: CallId) -> LiveCall | None:
        """Return the row of a call in the table of live calls."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        row: bytes | None = await self._query(partition.slot, (b"HGET", partition.live, call))
        return None if row is None else live_call(call_id, row)

    async def forget(self, call_id: CallId, write: Queries) -> Forgotten:
        """Remove an ended call from its stream, its snapshot and its partition's tables, by a way that confirms it."""
        call = to_bytes(call_id)
        at = self._keys.partition(call)
        of = (at.stream(call), at.snapshot(call), at.keys(call))
        keys = (*of, at.live, at.ended, at.ended_at, at.ended_until, at.due, at.again)
        command: Command = (b"EVALSHA", FORGET.sha, len(keys), *keys, call, round(BRIEFLY * 1000))
        return Forgotten(to_text(await write(at.slot, command)))

    async def claim_due(self, now: int, lease: int, limit: int, after: int | None = None) -> list[CallId]:
        """Claim due calls, starting at a random partition each time, so that a full one does not starve the others."""
        partitions = self._keys.partitions
        first = random.randrange(len(partitions))
        turned = [*partitions[first:], *partitions[:first]]
        if not self._scattered:
            calls, spoilt = await self._claim(turned, now, lease, limit, after)
            self.spoilt = _texts(spoilt)
            return [CallId(call) for call in _texts(calls)]
        taken: list[CallId] = []
        while True:
            shares = await self._shares(turned, now, limit - len(taken), after)
            replies = await asyncio.gather(*(self._claim([one], now, lease, share, after) for one, share in shares))
            found = [CallId(call) for calls, _ in replies for call in _texts(calls)]
            taken += found
            if len(found) == sum(share for _, share in shares):
                return taken
            # Another claimer was faster somewhere: look again for what may be due elsewhere.

    async def count_due(self, now: int) -> int:
        """Return how many calls are due."""
        return sum(count or 0 for count in await self._due(self._keys.partitions, now))

    def postpone(self, call_id: CallId, due: int) -> asyncio.Future[None]:
        """Make a call that is in the due table due at `due`."""
        call = to_bytes(call_id)
        partition = self._keys.partition(call)
        return self._query(partition.slot, (b"ZADD", partition.due, b"XX", due, call), lambda _: None)

    async def claim_decisions(self, now: int, lease: int, limit: int) -> list[StreamName]:
        """Claim streams of decisions that are due."""
        claimed, spoilt = await self._claim([self._keys.decisions], now, lease, limit)
        if spoilt:
            raise JournalRefused(f"{to_text(spoilt[0])} holds something else")
        return [StreamName(name) for name in _texts(claimed)]

    async def due_decisions(self) -> list[StreamName]:
        """Return the streams of decisions that are due at some time, the next one first."""
        decisions = self._keys.decisions
        names = await self._query(decisions.slot, (b"ZRANGE", decisions.due, 0, -1))
        return [StreamName(to_text(name)) for name in names]

    async def _shares(
        self, partitions: Sequence[Partition], now: int, limit: int, after: int | None
    ) -> list[tuple[Partition, int]]:
        """Return the partitions where something is due, and how many to claim from each."""
        counts = await self._due(partitions, now, after)
        asked = list(zip(partitions, counts, strict=True))
        self.spoilt = [to_text(partition.due) for partition, count in asked if count is None]
        shares: list[tuple[Partition, int]] = []
        for partition, count in asked:
            if count and limit:
                shares.append((partition, min(count, limit)))
                limit -= shares[-1][1]
        return shares

    async def _due(self, partitions: Sequence[Partition], now: int, after: int | None = None) -> list[int | None]:
        """Return how many calls of each partition are due; None where its due table is something else."""
        least = _later_than(after)
        counts = (self._query(one.slot, (b"ZCOUNT", one.due, least, now), wrong_type=_NO_TABLE) for one in partitions)
        found: list[int | BaseException] = await asyncio.gather(*counts, return_exceptions=True)
        return [_counted(count) for count in found]

    def _claim(
        self, group: Sequence[Partition], now: int, lease: int, limit: int, after: int | None = None
    ) -> asyncio.Future[tuple[list[bytes], list[bytes]]]:
        keys = [partition.due for partition in group]
        arguments = (now, now + lease, limit, _later_than(after))
        return self._query(group[0].slot, (b"EVALSHA", CLAIM.sha, len(keys), *keys, *arguments))

    def _groups(self, partitions: Sequence[Partition]) -> list[Sequence[Partition]]:
        return [[partition] for partition in partitions] if self._scattered else [partitions]


def _counted(count: int | BaseException) -> int | None:
    """Return a count, None for that of something else than a table. Raises any other failure."""
    if count is _NO_TABLE:
        return None
    if isinstance(count, BaseException):
        raise count
    return count


def _texts(names: Sequence[bytes]) -> list[str]:
    return [to_text(name) for name in names]


def _later_than(after: int | None) -> bytes:
    return b"-inf" if after is None else b"(%d" % after


def _ended(rows: Sequence[bytes]) -> list[EndedCall]:
    triples = zip(rows[::3], rows[1::3], rows[2::3], strict=True)
    return [ended_call(CallId(to_text(call)), int(float(at)), row) for call, at, row in triples]


def _places(cursor: str) -> tuple[int, int]:
    """Return what a cursor is made of: a partition's number, and Redis' cursor in its table."""
    number, _, inner = (cursor or "0:0").partition(":")
    if not (number.isdecimal() and inner.isdecimal()):
        raise ValueError(f"{cursor!r} is no cursor")
    return int(number), int(inner)
