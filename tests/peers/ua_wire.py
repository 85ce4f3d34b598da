"""The sockets of a user agent: one port, UDP and TCP or TLS."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from tests.peers.ports import HOST

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages come from and go to. transport: "udp", "tcp" or "tls"; host: an IP address without brackets."""

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{bracketed(self.host)}:{self.port}"


def bracketed(host: str) -> str:
    """Return a host as URIs have it."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True, slots=True)
class Tls:
    """What is presented to those who connect, and whom it trusts where it connects itself."""

    server: ssl.SSLContext
    client: ssl.SSLContext


Receive = Callable[[bytes, Place], None]


class Wire:
    """Sends to places and hands on what comes. Connections are kept and used in both directions.

    With `tls` those that others open are TLS ones, without it they are TCP ones.
    """

    def __init__(
        self, receive: Receive, complain: Callable[[str], None], host: str = HOST, tls: Tls | None = None
    ) -> None:
        self.host, self.port = host, 0
        self._tls = tls
        self._receive = receive
        self._complain = complain
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._streams: dict[Place, _Stream] = {}
        self._connecting: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Take a port that is free for both, UDP and TCP."""
        loop = asyncio.get_running_loop()
        for _ in range(_ATTEMPTS):
            self._datagrams, _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self._receive), local_addr=(self.host, 0)
            )
            self.port = self._datagrams.get_extra_info("sockname")[1]
            try:
                self._server = await loop.create_server(
                    lambda: self._stream("tls" if self._tls else "tcp"),
                    self.host,
                    self.port,
                    ssl=self._tls.server if self._tls else None,
                )
            except OSError:
                self._datagrams.close()
            else:
                return
        message = f"no port of {self.host} is free for UDP and TCP"
        raise OSError(message)

    async def close(self) -> None:
        """Close everything."""
        assert self._datagrams is not None
        assert self._server is not None
        self._datagrams.close()
        self._server.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for stream in list(self._streams.values()):
            stream.abort()
        await self._server.wait_closed()

    def send(self, data: bytes, place: Place) -> None:
        """Send a message; over TCP or TLS on the connection with that place, a new one if there is none."""
        if place.transport == "udp":
            assert self._datagrams is not None
            self._datagrams.sendto(data, (place.host, place.port))
            return
        stream = self._streams.get(place)
        if stream is None:
            stream = self._streams[place] = self._stream(place.transport)
            task = asyncio.create_task(self._connect(stream, place))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        stream.send(data)

    def connected(self, place: Place) -> bool:
        """Return whether there is a connection with a place."""
        return place in self._streams

    def _stream(self, transport: str) -> _Stream:
        return _Stream(transport, self._receive, self._streams)

    async def _connect(self, stream: _Stream, place: Place) -> None:
        loop = asyncio.get_running_loop()
        try:
            secure = self._tls.client if self._tls and place.transport == "tls" else None
            await loop.create_connection(lambda: stream, place.host, place.port, ssl=secure)
        except OSError as error:
            del self._streams[place]
            self._complain(f"{place} cannot be reached: {error}")


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP side."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        self._receive(data, Place("udp", str(addr[0]), int(addr[1])))

    def error_received(self, exc: Exception) -> None:
        """Take no notice: what is not answered is sent again."""


class _Stream(asyncio.Protocol):
    """A TCP or TLS connection, cut into messages by their Content-Length (RFC 3261 18.3)."""

    def __init__(self, kind: str, receive: Receive, streams: dict[Place, _Stream]) -> None:
        self._kind = kind
        self._receive = receive
        self._streams = streams
        self._place: Place | None = None
        self._transport: asyncio.Transport | None = None
        self._waiting = b""
        self._came = b""

    def send(self, data: bytes) -> None:
        if self._transport is None:
            self._waiting += data
        else:
            self._transport.write(data)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        host, port = transport.get_extra_info("peername")[:2]
        self._place = Place(self._kind, host, port)
        self._streams[self._place] = self
        self._transport = transport
        transport.write(self._waiting)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        if self._place is not None and self._streams.get(self._place) is self:
            del self._streams[self._place]

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (message := self._next()) and self._place is not None:
            self._receive(message, self._place)

    def _next(self) -> bytes:
        self._came = self._came.lstrip(b"\r\n")
        head, gap, _ = self._came.partition(b"\r\n\r\n")
        if not gap:
            return b""
        length = _LENGTH.search(head)
        end = len(head) + len(gap) + int(length[1] if length else 0)
        if len(self._came) < end:
            return b""
        message, self._came = self._came[:end], self._came[end:]
        return message
