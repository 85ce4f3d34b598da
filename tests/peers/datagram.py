"""One UDP socket of a test."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from tests.peers.ports import HOST

Address = tuple[str, int]


class DatagramSocket(asyncio.DatagramProtocol):
    """A UDP socket of `host` on a port of the system's choice; what arrives is queued with its sender."""

    def __init__(self, host: str = HOST) -> None:
        self._host = host
        self.received: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def transport(self) -> asyncio.DatagramTransport:
        """The open socket."""
        assert self._transport is not None, "used outside of `async with`"
        return self._transport

    @property
    def address(self) -> Address:
        """The local address."""
        host, port = self.transport.get_extra_info("sockname")[:2]
        return str(host), int(port)

    def send(self, data: bytes, target: Address) -> None:
        """Send one datagram."""
        self.transport.sendto(data, target)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Queue what arrived."""
        self.received.put_nowait((data, (str(addr[0]), addr[1])))

    def error_received(self, exc: Exception) -> None:
        """Take no notice: a peer that is down shows by its silence."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self._host, 0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.transport.close()
