"""An outbox in Redis: a stream whose entries have the letter as their only field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.crc import key_slot

from events.outbox import MOST, Letter
from events.redis.keys import Keys, to_bytes
from events.redis.query import Queries
from events.redis.scripts import POST

_LONGEST = 10**15  # ms: what Redis takes


class RedisOutbox:
    """The outbox of a name."""

    def __init__(self, query: Queries, keys: Keys, name: str, most: int = MOST) -> None:
        self._query = query
        self._key = keys.outboxes + to_bytes(name)
        self._slot = key_slot(self._key)
        self._most = most

    async def put(self, contents: Sequence[bytes], keep: float) -> None:
        """Put in letters, all in one step."""
        kept = max(1, round(min(keep * 1000, _LONGEST)))
        await self._query(self._slot, (b"EVALSHA", POST.sha, 1, self._key, self._most, kept, *contents))

    async def letters(self, after: str, count: int) -> list[Letter]:
        """Return the oldest letters after one."""
        begin = b"(" + after.encode() if after else b"-"
        return _read(await self._query(self._slot, (b"XRANGE", self._key, begin, b"+", b"COUNT", count)))

    async def remove(self, letter: Letter) -> None:
        """Take a letter out."""
        await self._query(self._slot, (b"XDEL", self._key, letter.id.encode()))


def _read(entries: Sequence[tuple[bytes, Sequence[Any]]]) -> list[Letter]:
    return [Letter(place.decode(), fields[1]) for place, fields in entries]
