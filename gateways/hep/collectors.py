"""The ways to collectors, over UDP and TCP: opened, and opened again when they are lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from abc import abstractmethod
from typing import cast

import structlog

from gateways.sockets import ListenAddress

log = structlog.get_logger(bounded=True)

FIRST_RETRY, LAST_RETRY = 1.0, 30.0
"""Seconds until a way is tried again that could not be opened: at first, and at most."""

CONNECT_TIMEOUT = 5.0
MAX_UNREAD = 4 * 1024 * 1024
"""Bytes that a collector may leave unread, before more is dropped."""

_SEND_BUFFER = 1024 * 1024
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000),  # a peer that is silent for 30 s is gone (tcp(7))
)


class _Way:
    """A way that is kept open. It begins to be opened when it is made."""

    def __init__(self, address: ListenAddress) -> None:
        self._address = address
        self.here = ""
        self._task = asyncio.get_running_loop().create_task(self._keep_open())

    def close(self) -> None:
        """Close it after what was written, as far as the collector takes it at once."""
        self._task.cancel()
        self._shut()

    async def _keep_open(self) -> None:
        delay = FIRST_RETRY
        while True:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    await self._open()
                delay = FIRST_RETRY
                log.info("hep collector connected", to=str(self._address))
                await self._lost()
                why = "the connection was closed"
            except OSError as error:  # a timeout is one of these errors
                why = str(error) or "no answer in time"
            log.warning("hep collector not connected", to=str(self._address), why=why, again_in=delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LAST_RETRY)

    @abstractmethod
    async def _open(self) -> None:
        """Open the way, and say in `here` where it begins. Raises OSError."""

    @abstractmethod
    async def _lost(self) -> None:
        """Wait until the way is lost."""

    @abstractmethod
    def _shut(self) -> None:
        """Close the socket."""


class UdpCollector(_Way):
    """A collector that takes datagrams. Whether it is there does not show, but for what the network may say."""

    def __init__(self, address: ListenAddress) -> None:
        self._sock: socket.socket | None = None
        super().__init__(address)

    def send(self, packet: bytes) -> bool:
        """Send a packet; return False for one that the system does not take, or if nobody listens there."""
        if self._sock is None:
            return False
        try:
            self._sock.send(packet)
        except OSError:  # a full buffer, or what ICMP told of a packet before
            return False
        return True

    async def _open(self) -> None:
        place = await _place_of(self._address, socket.SOCK_DGRAM)
        sock = socket.socket(place[0], socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            sock.connect(place[1])
        except BaseException:
            sock.close()
            raise
        self._sock, self.here = sock, sock.getsockname()[0]

    async def _lost(self) -> None:
        await asyncio.get_running_loop().create_future()

    def _shut(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class TcpCollector(_Way):
    """A collector that takes a stream of packets."""

    def __init__(self, address: ListenAddress) -> None:
        self._connection: _Connection | None = None
        super().__init__(address)

    def send(self, packet: bytes) -> bool:
        """Send a packet; return False without a connection, or while too much is unread."""
        return self._connection is not None and self._connection.send(packet)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, self._address.host, self._address.port)
        self._connection, self.here = connection, connection.here

    async def _lost(self) -> None:
        assert self._connection is not None
        await self._connection.lost.wait()
        self._connection = None

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Connection(asyncio.Protocol):
    """A connection to a collector, which says nothing on it that is read."""

    _transport: asyncio.Transport
    here = ""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.here = transport.get_extra_info("sockname")[0]
        sock = transport.get_extra_info("socket")
        for level, option, number in _KEEP_ALIVE:
            with contextlib.suppress(OSError):
                sock.setsockopt(level, option, number)

    def send(self, packet: bytes) -> bool:
        if self._transport.is_closing() or self._transport.get_write_buffer_size() > MAX_UNREAD:
            return False
        self._transport.write(packet)
        return True

    def close(self) -> None:
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost, it is
        self.lost.set()


async def _place_of(address: ListenAddress, kind: socket.SocketKind) -> tuple[socket.AddressFamily, tuple[object, ...]]:
    """Return the family and socket address of a host's first address. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=kind)
    return found[0][0], found[0][4]


def collector_at(address: ListenAddress) -> UdpCollector | TcpCollector:
    """Return the way to a collector, to be called in an event loop."""
    return UdpCollector(address) if address.transport == "udp" else TcpCollector(address)
