"""Which calls were appended to: the lists of changes of all partitions, which are written while somebody reads them."""

from __future__ import annotations

import asyncio
from typing import Any

from events.names import CallId
from events.records import ChangePage
from events.redis.keys import Keys, to_text
from events.redis.query import Queries
from events.redis.scripts import CHANGES
from events.redis.wire import Command

KEPT = 60_000
"""For so many ms a list is kept when nobody reads on."""

MOST = 200
"""So many changes of a partition are read at once."""

_TOGETHER = 16
"""So many partitions are read before the server has time for others."""


class Changes:
    """Reads the lists. The cursor has the id of the last change that was read of each partition.

    `scattered`: partitions are at several servers, so that no script reaches all of them.
    """

    def __init__(self, query: Queries, keys: Keys, *, scattered: bool) -> None:
        self._query, self._keys, self._scattered = query, keys, scattered

    async def page(self, cursor: str) -> ChangePage:
        """Read on."""
        partitions = self._keys.partitions
        marks = [mark.encode() for mark in cursor.split(",")] if cursor else [b""] * len(partitions)
        if len(marks) != len(partitions):
            raise ValueError(f"{cursor!r} is no cursor")
        replies: list[Any] = []
        for first in range(0, len(partitions), _TOGETHER):
            replies += await self._some(range(first, first + _TOGETHER), marks)
        calls: dict[CallId, int] = {}
        for _, _, *changes in replies:
            for call, version in zip(changes[::2], changes[1::2], strict=True):
                calls.setdefault(CallId(to_text(call)), int(version))
        return ChangePage(
            calls,
            ",".join(mark.decode() for mark, *_ in replies),
            whole=not any(missing for _, missing, *_ in replies),
            more=any(len(reply) > 2 * MOST for reply in replies),
        )

    async def _some(self, numbers: range, marks: list[bytes]) -> list[Any]:
        groups = [[number] for number in numbers] if self._scattered else [list(numbers)]
        asked = []
        for group in groups:
            lists = [self._keys.partitions[number] for number in group]
            keys = [one.changes for one in lists]
            command: Command = (b"EVALSHA", CHANGES.sha, len(keys), *keys, KEPT, MOST, *(marks[one] for one in group))
            asked.append(self._query(lists[0].slot, command))
        return [one for reply in await asyncio.gather(*asked) for one in reply]
