"""One UDP socket of a test."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from tests.peers.ports import HOST

Address = tuple[str, int]


class _Question(asyncio.DatagramProtocol):
    """Waits for one datagram from one peer."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:  # noqa: ARG002
        """Take the first that comes."""
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:  # noqa: ARG002
        """Give up: nobody listens there."""
        if not self.answer.done():
            self.answer.set_result(b"")


async def answer_to(data: bytes, target: Address, within: float = 0.5) -> bytes:
    """Return what answers a datagram; nothing, and at once, where nobody listens (the system says so)."""
    loop = asyncio.get_running_loop()
    # Of a connected socket alone the system tells that a datagram was refused.
    transport, question = await loop.create_datagram_endpoint(_Question, remote_addr=target)
    try:
        transport.sendto(data)
        async with asyncio.timeout(within):
            return await question.answer
    except TimeoutError:
        return b""
    finally:
        transport.close()


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
