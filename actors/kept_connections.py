"""Connections to a UNIX stream socket that stay open, each with one command outstanding at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

Taker: TypeAlias = Callable[[bytes, bytes], None]
"""Takes a reply: the cookie, and the reply without it."""

Complaint: TypeAlias = Callable[[OSError], None]
"""Takes what the network says: nobody listens at the node's address, or nothing can be sent from here."""

MAX_REPLY = 65536
"""The longest reply, in bytes: a node that goes on without a line end is not heard out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How many connections there may be, and how long things may take, in seconds.

    wait: a command that no connection was free for in so long is not sent any more. patience: a connection on which a
    reply takes so long is closed; nobody could tell that reply from the next one. Both together are to be less than
    the time in which an intended offer can still take effect (`replay.projection.Deadlines.operation`).
    """

    connections: int = 8
    wait: float = 2.5
    patience: float = 7.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A command that no connection has carried yet, and until when it may go, on the loop's clock."""

    cookie: bytes
    command: bytes
    until: float


class KeptConnections:
    """A few connections to one node, opened as they are needed and again when they are lost.

    A command that was on a connection when that was lost is not sent again: the node may have run it. It gets no
    reply, and nor do those that waited too long.
    """

    def __init__(self, path: str, take: Taker, complain: Complaint, settings: PoolSettings | None = None) -> None:
        self._path, self._take, self._complain = path, take, complain
        self._settings = settings or PoolSettings()
        self._waiting: deque[_Waiting] = deque()
        self._open: set[_Connection] = set()
        self._idle: list[_Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False

    def send(self, cookie: bytes, command: bytes) -> None:
        """Send a command on the next connection that is free. It has to bring its own end."""
        until = asyncio.get_running_loop().time() + self._settings.wait
        self._waiting.append(_Waiting(cookie, command, until))
        self._pump()

    def close(self) -> None:
        """Close all connections. What still waits is forgotten."""
        self._closed = True
        self._waiting.clear()
        for task in self._opening:
            task.cancel()
        for connection in self._open:
            connection.close()

    def opened(self, connection: _Connection) -> None:
        """Add a connection that was made."""
        self._open.add(connection)
        if self._closed:
            connection.close()
        else:
            self.freed(connection)

    def freed(self, connection: _Connection) -> None:
        """Send the next command over a connection whose reply has come."""
        self._idle.append(connection)
        self._pump()

    def replied(self, connection: _Connection, cookie: bytes, reply: bytes) -> None:
        """Hand a reply over. The connection is free before, for what that may bring about."""
        self.freed(connection)
        self._take(cookie, reply)

    def lost(self, connection: _Connection, *, busy: bool) -> None:
        """Drop a connection; if it carried a command, check at once whether the node is still there."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if not self._closed:
            self._pump(at_least=1 if busy else 0)

    def _pump(self, at_least: int = 0) -> None:
        """Put commands on idle connections, and open new ones, `at_least` so many, for those that are left."""
        now = asyncio.get_running_loop().time()
        while self._waiting and (self._idle or self._waiting[0].until <= now):
            waiting = self._waiting.popleft()
            if waiting.until > now:
                self._idle.pop().send(waiting.cookie, waiting.command, self._settings.patience)
        wanted = max(len(self._waiting), at_least) - len(self._opening)
        room = self._settings.connections - len(self._open) - len(self._opening)
        for _ in range(min(wanted, room)):
            task = asyncio.get_running_loop().create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: _Connection(self), self._path)
        except OSError as error:
            self._opening.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if not self._open:
                self._waiting.clear()
                self._complain(error)


class _Connection(asyncio.Protocol):
    """One connection: what it carries, and what has come of the reply."""

    def __init__(self, pool: KeptConnections) -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._cookie: bytes | None = None
        self._reply = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the pool."""
        self._transport = cast("asyncio.Transport", transport)
        self._pool.opened(self)

    def send(self, cookie: bytes, command: bytes, patience: float) -> None:
        """Send a command; without a reply within `patience` seconds the connection is closed."""
        if self._transport is not None:
            self._cookie, self._reply = cookie, b""
            self._timer = asyncio.get_running_loop().call_later(patience, self._transport.abort)
            self._transport.write(command)

    def data_received(self, data: bytes) -> None:
        """Hand the reply over when its line is whole. What nobody asked for belongs to nobody: that ends it."""
        self._reply += data
        line, newline, rest = self._reply.partition(b"\n")
        if rest or self._cookie is None or len(line) > MAX_REPLY:
            self.close()
        elif newline:
            cookie, self._cookie = self._cookie, None
            self._stop_timer()
            self._pool.replied(self, cookie, line.removesuffix(b"\r"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost, it is
        """Leave the pool."""
        self._stop_timer()
        self._pool.lost(self, busy=self._cookie is not None)

    def close(self) -> None:
        """Close it, whatever is under way."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
