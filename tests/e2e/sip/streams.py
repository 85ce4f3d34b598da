"""TCP connections on which anything may be sent."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from tests.peers.datagram import Address

_PATIENCE = 20.0


class Streams:
    """TCP connections to a door at `door`, for `async with`."""

    def __init__(self, door: Address) -> None:
        self._door = door
        self._stack = AsyncExitStack()

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open one more."""
        reader, writer = await asyncio.open_connection(*self._door)
        self._stack.push_async_callback(_close, writer)
        return reader, writer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def closed(reader: asyncio.StreamReader) -> bytes:
    """Wait until the door closes a connection, and give what it has sent before."""
    async with asyncio.timeout(_PATIENCE):
        try:
            return await reader.read()
        except ConnectionError:
            return b""
