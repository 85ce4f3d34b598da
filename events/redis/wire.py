"""The bytes of a connection to a Redis server: commands leave in one piece, and their replies come as one list.

redis-py makes the connection (TLS, passwords, databases); once that is done, its transport is taken over here. Its own
streams take a tenth of a SIP call's CPU where calls come one by one, and most of that is coroutines around one read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, DefaultParser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse

Command: TypeAlias = tuple[bytes | int, ...]

Outcome: TypeAlias = list[Any] | Exception
"""Of an exchange: the replies, errors among them as `ResponseError` values, or what failed all of it.

That is TimeoutError at the deadline, and an error of redis-py's if the connection is lost, the server cannot answer
anything yet, or answers what is no reply.
"""

Done: TypeAlias = Callable[[Outcome], None]
"""Takes the outcome of an exchange. It may begin the next one at once."""

# hiredis takes tuples of any length; its annotation says of one element.
pack: Callable[[Command], bytes] = cast("Any", hiredis.pack_command)
"""Return the bytes of a command."""


class RedisWire:
    """One exchange at a time. What fails it leaves the connection unfit for others: who uses it closes it then.

    It is the protocol of a transport. It derives from none of asyncio's, so that it can be compiled.
    """

    def __init__(self, transport: asyncio.WriteTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._reader = hiredis.Reader(protocolError=InvalidResponse, replyError=cast("Any", DefaultParser.parse_error))
        self._replies: list[Any] = []
        self._missing = 0
        self._done: Done | None = None
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._lost: Exception | None = None

    @classmethod
    def take_over(cls, connection: AbstractConnection) -> RedisWire:
        """Return the wire of a connection that is connected, and has no reply outstanding."""
        writer = connection._writer  # noqa: SLF001 - redis-py has no other way to its transport
        assert writer is not None
        wire = cls(writer.transport, asyncio.get_running_loop())
        writer.transport.set_protocol(cast("asyncio.Protocol", wire))
        return wire

    def exchange(self, commands: Sequence[Command], deadline: float) -> asyncio.Future[list[Any]]:
        """Send commands and return their replies, for those who wait; see `send`."""
        answer: asyncio.Future[list[Any]] = self._loop.create_future()
        self.send(list(map(pack, commands)), deadline, partial(_tell, answer))
        return answer

    def send(self, commands: Sequence[bytes], deadline: float, done: Done) -> None:
        """Send packed commands; their outcome is told as soon as it is there, by the deadline (the loop's time).

        On a connection that is lost already it is told before this returns.
        """
        if self._lost is not None:
            done(self._lost)
            return
        self._transport.write(b"".join(commands))
        self._replies, self._missing, self._done = [], len(commands), done
        self._watch(deadline)

    def close(self) -> None:
        """Stop watching the time."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    # -- what the transport says --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Do nothing: the connection was there before."""

    def pause_writing(self) -> None:
        """Do nothing: one exchange at a time is bound enough."""

    def resume_writing(self) -> None:
        """Do nothing, as above."""

    def eof_received(self) -> bool:
        """Have the connection closed: a server that sends no more answers nothing."""
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        """Fail what is under way, and all that is sent later."""
        self._lost = RedisConnectionError(f"connection lost: {exc or 'closed by the server'}")
        self._conclude(self._lost)

    def data_received(self, data: bytes) -> None:
        """Take replies."""
        try:
            self._reader.feed(data)
            while self._missing and (reply := self._reader.gets()) is not False:
                self._missing -= 1
                self._replies.append(reply)
        except InvalidResponse as error:
            self._conclude(error)
            return
        if not self._missing:
            unable = next((reply for reply in self._replies if isinstance(reply, RedisConnectionError)), None)
            self._conclude(self._replies if unable is None else unable)

    def _conclude(self, outcome: Outcome) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(outcome)

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
        if self._done is None:
            return
        if self._loop.time() < self._deadline:
            self._alarm = self._loop.call_at(self._deadline, self._look)
        else:
            self._conclude(TimeoutError("no reply in time"))


def packed(part: bytes) -> bytes:
    """Return the bytes of a part of a command. What begins a command says how many follow: `*5`, and an end of line."""
    return b"$%d\r\n%b\r\n" % (len(part), part)


def _tell(answer: asyncio.Future[list[Any]], outcome: Outcome) -> None:
    """Tell an outcome to whoever waits for it, if somebody still does."""
    if answer.done():
        return
    if isinstance(outcome, list):
        answer.set_result(outcome)
    else:
        answer.set_exception(outcome)
