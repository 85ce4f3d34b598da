"""The sockets to nodes. A transport carries commands with their cookies, and hands replies to its taker.

On UDP cookie and command travel as one datagram, `cookie SP command` (rtpengine's ng and rtpproxy alike). On a stream
socket there are no cookies: a reply belongs to the command that was last sent on its connection. Which way a command
goes there is its kind's to say, by how it ends:

- Without a line end (rtpproxy): it gets a newline and a connection of its own, which the node closes.
- With one (MediaProxy): it is framed already. It is sent as it is, over a connection that stays open and carries one
  command at a time.

Either way the reply is one line.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Protocol, cast

from actors.kept_connections import Complaint, KeptConnections, Taker

__all__ = ["Complaint", "DatagramTransport", "NodeTransport", "StreamTransport", "Taker", "open_transport"]

RECEIVE_BUFFER = 4 * 1024 * 1024


class NodeTransport(Protocol):
    """A way to a node."""

    repeats: bool
    """Whether a command may be sent again under its cookie: the node then runs it once all the same."""

    def send(self, cookie: bytes, command: bytes) -> None:
        """Send a command. What goes wrong shows by no reply coming, or as a complaint, which may come from in here."""

    def close(self) -> None:
        """Close the socket."""


class DatagramTransport(asyncio.DatagramProtocol):
    """UDP."""

    repeats = True

    def __init__(self, take: Taker, complain: Complaint) -> None:
        self._take, self._complain = take, complain
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """The IP address and port of this end, and of the node's; without a socket, those of no host."""
        names = ("sockname", "peername")
        found = [None if self._transport is None else self._transport.get_extra_info(name) for name in names]
        here, there = (name[:2] if name else ("", 0) for name in found)
        return here, there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a receive buffer that holds a burst of replies."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        """Hand a reply over; one without a cookie is nobody's."""
        cookie, space, reply = data.partition(b" ")
        if space:
            self._take(cookie, reply)

    def error_received(self, exc: Exception) -> None:
        """Hand on that nobody listens there, or that nothing can be sent."""
        self._complain(exc if isinstance(exc, OSError) else OSError(str(exc)))

    def send(self, cookie: bytes, command: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None:
            self._transport.sendto(cookie + b" " + command)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


class StreamTransport:
    """A UNIX stream socket: a connection a command, or for framed commands connections that stay open."""

    repeats = False

    def __init__(self, path: str, take: Taker, complain: Complaint) -> None:
        self._path, self._take, self._complain = path, take, complain
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept = KeptConnections(path, take, complain)

    def send(self, cookie: bytes, command: bytes) -> None:
        """Send a framed command over a kept connection, any other on one that is opened for it."""
        if command.endswith(b"\n"):
            self._kept.send(cookie, command)
            return
        task = asyncio.get_running_loop().create_task(self._talk(cookie, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Close all connections."""
        self._kept.close()
        for task in self._tasks:
            task.cancel()

    async def _talk(self, cookie: bytes, command: bytes) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
            try:
                writer.write(command + b"\n")
                reply = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
        except OSError as error:
            self._complain(error)
            return
        if reply:
            self._take(cookie, reply)


async def open_transport(url: str, take: Taker, complain: Complaint) -> NodeTransport:
    """Open the way to the node at `url` (udp:HOST:PORT, unix:PATH).

    Raises ValueError for another scheme, OSError if the host name has no address.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "unix":
        return StreamTransport(rest.removeprefix("//"), take, complain)
    if scheme != "udp":
        raise ValueError(f"{url!r}: a node's url is udp:HOST:PORT or unix:PATH")
    host, _, port = rest.removeprefix("//").rpartition(":")
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(
        lambda: DatagramTransport(take, complain), remote_addr=(host.strip("[]"), int(port))
    )
    return protocol
