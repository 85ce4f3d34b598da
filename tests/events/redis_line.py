"""Redis servers of which a test is the mind: they load scripts by themselves, and reply what they are told to."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection

from events.redis.wire import RedisWire

Commands = list[list[bytes]]


class Server:
    """A server. batches: what came in one piece each; refuses: how many of the next connections are not made."""

    def __init__(self) -> None:
        self.batches: list[Commands] = []
        self.lines: list[Line] = []
        self.refuses = 0

    @property
    def line(self) -> Line:
        """The newest connection."""
        return self.lines[-1]

    def reply(self, data: bytes) -> None:
        """Reply on the newest connection."""
        self.line.wire.data_received(data)

    async def sent(self, number: int = 1) -> list[Commands]:
        """Wait until so many batches have come; return them, and forget them."""
        async with asyncio.timeout(5):
            while len(self.batches) < number:  # noqa: ASYNC110 - turns of the loop are counted
                await asyncio.sleep(0)
        batches, self.batches = self.batches, []
        return batches


class Line(asyncio.Transport):
    """The transport of a connection."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.wire = cast("RedisWire", None)
        self.is_closed = False
        self._server = server
        self._reader = hiredis.Reader()

    def set_protocol(self, protocol: Any) -> None:
        self.wire = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._reader.feed(bytes(data))
        commands: Any = list(iter(self._reader.gets, False))
        if commands[0][0] == b"SCRIPT":
            asyncio.get_running_loop().call_soon(self.wire.data_received, b"+OK\r\n" * len(commands))
        else:
            self._server.batches.append(commands)

    def lose(self) -> None:
        """Lose the connection, from the server's side."""
        self.wire.connection_lost(None)


class Topology:
    """Servers by their places; `moving` says where slots are after the next refresh."""

    def __init__(self, **servers: Server) -> None:
        self.servers = servers
        self.slots: dict[int, str] = {}
        self.moving: dict[int, str] = {}

    def place(self, slot: int) -> str:
        return self.slots.get(slot, next(iter(self.servers)))

    def scattered(self) -> bool:
        return len(self.servers) > 1

    async def connection(self, place: str) -> AbstractConnection:
        return cast("AbstractConnection", _Connection(self.servers[place]))

    async def refresh(self) -> None:
        self.slots |= self.moving

    async def close(self) -> None:
        pass


class _Connection:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._line = Line(server)
        self._writer = SimpleNamespace(transport=self._line)

    async def connect(self) -> None:
        await asyncio.sleep(0)
        if self._server.refuses:
            self._server.refuses -= 1
            raise ConnectionError("refused")
        self._server.lines.append(self._line)

    async def disconnect(self, *, nowait: bool) -> None:
        assert nowait
        self._line.is_closed = True
