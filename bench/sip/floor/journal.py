"""The floor's journal: steps of calls go to Redis as the door's do, and nothing of what it answers is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlsplit

import hiredis

from bench.sip.floor.rows import rows
from events.redis.scripts import APPEND
from events.redis.wire import pack, packed

Done = Callable[[], None]

_KEPT = b"86400000"


class AnyJournal(Protocol):
    """What a step of a call is journalled by."""

    def write(self, step: int, call_id: bytes, done: Done) -> None:
        """Journal a step of a call, and call `done` when that is so."""


class NoJournal:
    """Journals nothing, at once."""

    def write(self, _step: int, _call_id: bytes, done: Done) -> None:
        """Go on."""
        done()


class Journal(asyncio.Protocol):
    """Redis over one connection: one batch is under way at a time, and what comes meanwhile makes the next one.

    Nobody waits for replicas, whatever the door would do.
    """

    def __init__(self) -> None:
        self._rows = rows()
        self._reader = hiredis.Reader()
        self._waiting: list[bytes] = []
        self._next: list[Done] = []
        self._sent: list[Done] = []
        self._is_at_rest = True
        self._head = b"*5\r\n" + b"".join(map(packed, (b"EVALSHA", APPEND.sha, b"0", _KEPT)))
        self._transport: asyncio.WriteTransport

    @classmethod
    async def connect(cls, url: str) -> Journal:
        """Connect to the Redis at a URL as the bench's configurations have it, and give it the script."""
        loop, place, journal = asyncio.get_running_loop(), urlsplit(url), cls()
        if place.scheme == "unix":
            await loop.create_unix_connection(lambda: journal, place.path)
        else:
            await loop.create_connection(lambda: journal, place.hostname or "", place.port or 0)
        await journal.load()
        return journal

    def load(self) -> asyncio.Future[None]:
        """Have Redis know the script."""
        loaded = asyncio.get_running_loop().create_future()
        self._is_at_rest = False
        self._sent = [lambda: loaded.set_result(None)]
        self._transport.write(pack((b"SCRIPT", b"LOAD", APPEND.text)))
        return loaded

    def connection_made(self, transport: Any) -> None:
        """Keep the connection."""
        self._transport = transport

    def write(self, step: int, call_id: bytes, done: Done) -> None:
        """Journal a step of a call, and call `done` when Redis has answered."""
        self._waiting.append(self._rows[step](call_id))
        self._next.append(done)
        if self._is_at_rest:
            self._is_at_rest = False
            self._send()

    def _send(self) -> None:
        batch = b"\xdc%b%b" % (len(self._waiting).to_bytes(2), b"".join(self._waiting))
        self._waiting, self._sent, self._next = [], self._next, []
        self._transport.write(b"%b$%d\r\n%b\r\n" % (self._head, len(batch), batch))

    def data_received(self, data: bytes) -> None:
        """Go on with all that one answer is for."""
        self._reader.feed(data)
        if self._reader.gets() is False:
            return
        for done in self._sent:
            done()
        if self._waiting:
            self._send()
        else:
            self._is_at_rest = True
