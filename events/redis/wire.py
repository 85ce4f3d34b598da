"""The bytes of a connection to a Redis server: commands leave in one piece, and their replies come as one list.

redis-py makes the connection (TLS, passwords, databases); once that is done, its transport is taken over here. Its own
streams take a tenth of a SIP call's CPU where calls come one by one, and most of that is coroutines around one read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, DefaultParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse

Command: TypeAlias = tuple[bytes | int, ...]

# hiredis takes tuples of any length; its annotation says of one element.
_packed: Callable[[Command], bytes] = cast("Any", hiredis.pack_command)


class RedisWire(asyncio.Protocol):
    """One exchange at a time. What fails it leaves the connection unfit for others: who uses it closes it then."""

    def __init__(self, transport: asyncio.WriteTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=cast("Any", DefaultParser.parse_error))
        self._replies: list[Any] = []
        self._missing = 0
        self._answer: asyncio.Future[list[Any]] | None = None
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._lost: Exception | None = None

    @classmethod
    def take_over(cls, connection: AbstractConnection) -> RedisWire:
        """Return the wire of a connection that is connected, and has no reply outstanding."""
        writer = connection._writer  # noqa: SLF001 - redis-py has no other way to its transport
        assert writer is not None
        wire = cls(writer.transport, asyncio.get_running_loop())
        writer.transport.set_protocol(wire)
        return wire

    def exchange(self, commands: Sequence[Command], deadline: float) -> asyncio.Future[list[Any]]:
        """Send commands and return their replies, errors among them as `ResponseError` values.

        Fails with TimeoutError at the deadline (the loop's time, in seconds), and with a ConnectionError of redis-py's
        if the connection is lost, or the server cannot answer anything yet.
        """
        self._replies, self._missing = [], len(commands)
        self._answer = answer = self._loop.create_future()
        if self._lost is not None:
            self._fail(self._lost)
            return answer
        self._watch(deadline)
        self._transport.write(b"".join(map(_packed, commands)))
        return answer

    def close(self) -> None:
        """Stop watching the time."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    # -- what comes --

    def data_received(self, data: bytes) -> None:
        """Take replies."""
        try:
            self._reader.feed(data)
            while self._missing and (reply := self._reader.gets()) is not False:
                self._missing -= 1
                self._replies.append(reply)
        except InvalidResponse as error:
            self._fail(error)
            return
        if not self._missing:
            self._conclude()

    def _conclude(self) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        unable = next((reply for reply in self._replies if isinstance(reply, RedisConnectionError)), None)
        if unable is None:
            answer.set_result(self._replies)
        else:
            answer.set_exception(unable)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way, and all that is sent later."""
        self._lost = RedisConnectionError(f"connection lost: {exc or 'closed by the server'}")
        self._fail(self._lost)

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)

    # -- the time --

    def _watch(self, deadline: float) -> None:
        """See to it that the time is looked at by the deadline: most exchanges find an alarm set by earlier ones."""
        self._deadline = deadline
        if self._alarm is not None and self._alarm.when() > deadline:
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None:
            self._alarm = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._alarm = None
        if self._answer is None:
            return
        if self._loop.time() < self._deadline:
            self._alarm = self._loop.call_at(self._deadline, self._look)
        else:
            self._fail(TimeoutError("no reply in time"))
