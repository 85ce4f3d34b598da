"""A TCP proxy that cuts connections where a test wants it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Literal, Self

from tests.peers.ports import HOST

Stage = Literal["before", "amid", "after"]
"""Where the next script call is cut: not forwarded, half of it forwarded, or carried out and its reply withheld."""


class Proxy:
    """Stands before a server's `port`; `cuts` are done one by one, then everything passes."""

    def __init__(self, port: int) -> None:
        self.cuts: list[Stage] = []
        self.connections = 0
        self._port = port
        self._withhold = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        """The address of the proxy, as that of a Redis."""
        return f"redis://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    def turn_to(self, port: int) -> None:
        """Stand before another server from now on; what is connected is cut."""
        self._port = port
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            server_reader, server_writer = await asyncio.open_connection(HOST, self._port)
        except OSError:
            writer.close()
            return
        self._writers += (writer, server_writer)
        for task in (
            asyncio.create_task(self._requests(reader, server_writer, writer)),
            asyncio.create_task(self._replies(server_reader, writer, server_writer)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _requests(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        while data := await _read(reader):
            cut = self.cuts.pop(0) if self.cuts and b"EVALSHA" in data else None
            if cut == "before":
                break
            server.write(data[: len(data) // 2] if cut == "amid" else data)
            if cut == "amid":
                break
            self._withhold |= cut == "after"
        server.close()
        client.close()

    async def _replies(
        self, reader: asyncio.StreamReader, client: asyncio.StreamWriter, server: asyncio.StreamWriter
    ) -> None:
        while data := await _read(reader):
            if self._withhold:
                self._withhold = False
                break
            client.write(data)
        client.close()
        server.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(1 << 20)
    except OSError:
        return b""
