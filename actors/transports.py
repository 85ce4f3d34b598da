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
import errno
import socket
from typing import Protocol

from actors.datagram_transport import DatagramTransport
from actors.kept_connections import Complaint, KeptConnections, Taker

__all__ = ["Complaint", "DatagramTransport", "NodeTransport", "StreamTransport", "Taker", "open_transport"]


class NodeTransport(Protocol):
    """A way to a node."""

    repeats: bool
    """Whether a command may be sent again under its cookie: the node then runs it once all the same."""

    def send(self, cookie: bytes, command: bytes) -> None:
        """Send a command. What goes wrong shows by no reply coming, or as a complaint, which may come from in here."""

    def close(self) -> None:
        """Close the socket."""


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
    return DatagramTransport(await _connected_socket(host.strip("[]"), int(port)), take, complain)


async def _connected_socket(host: str, port: int) -> socket.socket:
    """Return a UDP socket that is connected to the first of a host's addresses to which there is a way.

    Those of IPv4 come first: SIP servers take no others of a `udp:` relay, so that one which they name `localhost`
    listens there. Raises OSError if there is no way.
    """
    trouble = OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    for family, kind, protocol, _name, address in sorted(found, key=lambda each: each[0] != socket.AF_INET):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.connect(address)
        except OSError as error:
            sock.close()
            trouble = error
        else:
            return sock
    raise trouble
