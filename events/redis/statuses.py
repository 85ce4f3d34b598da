"""What control nodes say of themselves, each in a key that runs out, and a set of their names to find them by."""

from __future__ import annotations

from redis.crc import key_slot

from events.redis.keys import Keys, to_bytes, to_text
from events.redis.tables import Ask


class Statuses:
    """The control nodes' statuses."""

    def __init__(self, ask: Ask, keys: Keys) -> None:
        self._ask = ask
        self._names = keys.control + b"names"
        self._status = keys.control + b"status:"
        self._slot = key_slot(keys.control)

    async def time(self) -> float:
        """Return the time of the server that keeps them, ms since the epoch."""
        seconds, microseconds = await self._ask(self._slot, (b"TIME",))
        return int(seconds) * 1000 + int(microseconds) / 1000

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Keep a status for `ttl` seconds."""
        named = to_bytes(name)
        await self._ask(self._slot, (b"SADD", self._names, named))
        await self._ask(self._slot, (b"SET", self._status + named, status, b"PX", max(1, round(ttl * 1000))))

    async def published(self) -> dict[str, bytes]:
        """Return the statuses that have not run out."""
        names = await self._ask(self._slot, (b"SMEMBERS", self._names))
        if not names:
            return {}
        statuses = await self._ask(self._slot, (b"MGET", *(self._status + name for name in names)))
        return {to_text(name): status for name, status in zip(names, statuses, strict=True) if status is not None}
