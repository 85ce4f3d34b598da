"""Entries of tables that no stream and no row accounts for: found and taken out, in small slices.

Where these are taken out, outboxes that would never go get a time to go at, since all keys are looked through anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from events.names import CallId
from events.outbox import MOST
from events.records import Stray, StrayPage, Table
from events.redis.keys import Keys, Partition, to_text
from events.redis.query import Queries
from events.redis.scripts import POST, STRAYS
from events.redis.wire import Command

SLICE = 50
"""About so many entries are looked at in one step of the server: some 0.1 ms."""

PAUSE = 0.001
"""Seconds between two of these."""

UNCLAIMED = 30 * 24 * 3600 * 1000
"""For so many ms an outbox is kept that has no time to go at: if it is anybody's, he gives it one of his own."""

MARGIN = 120_000
"""For so many ms before its time is over, the row of an ended call may be without its stream."""

_TABLES: Mapping[bytes, Table] = MappingProxyType(
    {b"due": Table.DUE, b"ended": Table.ENDED, b"ended-at": Table.ENDED, b"ended-until": Table.ENDED}
)


class Strays:
    """Looks for them. kept: for how many ms ended calls are kept that have no time to go at.

    The cursor is first the number of a partition, whose tables are looked through, and then that of a server and Redis'
    own cursor in its keys, which finds the sets of calls.
    """

    def __init__(self, query: Queries, keys: Keys, place: Callable[[int], str], *, kept: int) -> None:
        self._query, self._keys, self._place, self._kept = query, keys, place, kept

    async def page(self, cursor: str, *, remove: bool) -> StrayPage:
        """Look through a part of the tables."""
        stage, _, rest = (cursor or "tables:0").partition(":")
        if stage == "tables" and rest.isdecimal() and int(rest) < len(self._keys.partitions):
            return await self._tables_of(int(rest), remove=remove)
        server, _, inner = rest.partition(":")
        if stage == "sets" and server.isdecimal() and inner.isdecimal():
            return await self._some_sets(int(server), int(inner), remove=remove)
        raise ValueError(f"{cursor!r} is no cursor")

    async def _tables_of(self, number: int, *, remove: bool) -> StrayPage:
        partition = self._keys.partitions[number]
        found: dict[Stray, None] = {}
        looked = 0
        for what, table in _TABLES.items():
            calls, seen = await self._look(partition, partition.base + what, what, b"", remove=remove)
            found |= dict.fromkeys(Stray(call_id, table) for call_id in calls)
            looked += seen
        following = number + 1
        cursor = f"tables:{following}" if following < len(self._keys.partitions) else "sets:0:0"
        return StrayPage(tuple(found), looked, cursor)

    async def _some_sets(self, number: int, inner: int, *, remove: bool) -> StrayPage:
        servers = list({self._place(one.slot): one.slot for one in reversed(self._keys.partitions)}.values())
        if number >= len(servers):
            return StrayPage()
        command: Command = (b"SCAN", inner, b"MATCH", self._keys.sets_and_outboxes, b"COUNT", SLICE)
        following, keys = await self._query(servers[number], command)
        found: list[Stray] = []
        looked = 0
        for key in dict.fromkeys(keys):
            place = self._keys.set_of(key)
            if place is not None:
                partition, name = place
                calls, seen = await self._look(partition, key, b"on", name, remove=remove)
                found += [_member(call_id, to_text(name)) for call_id in calls]
                looked += seen
            elif remove and key.startswith(self._keys.outboxes):
                await self._query(self._keys.decisions.slot, (b"EVALSHA", POST.sha, 1, key, MOST, UNCLAIMED))
        number, inner = (number, int(following)) if following != b"0" else (number + 1, 0)
        return StrayPage(tuple(found), looked, f"sets:{number}:{inner}" if number < len(servers) else "")

    async def _look(
        self, partition: Partition, key: bytes, what: bytes, name: bytes, *, remove: bool
    ) -> tuple[Sequence[CallId], int]:
        """Look through a table; return the strays, and how many entries it has."""
        found: dict[bytes, None] = {}
        inner, looked = b"0", 0
        while True:
            arguments = (partition.base, what, name, inner, SLICE, int(remove), self._kept, MARGIN)
            command: Command = (b"EVALSHA", STRAYS.sha, 2, key, partition.live, *arguments)
            inner, seen, *calls = await self._query(partition.slot, command)
            found |= dict.fromkeys(calls)
            looked += seen
            if inner == b"0":
                return [CallId(to_text(call)) for call in found], looked
            await asyncio.sleep(PAUSE)


def _member(call_id: CallId, name: str) -> Stray:
    if name.startswith("\0"):
        return Stray(call_id, Table.LENT, name[1:])
    return Stray(call_id, Table.ON, name)
