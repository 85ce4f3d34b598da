"""The UDP socket to a node."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from actors.kept_connections import Complaint, Taker

RECEIVE_BUFFER = 4 * 1024 * 1024


class DatagramTransport:
    """UDP: an asyncio.DatagramProtocol that derives from nothing, so that it can be compiled."""

    repeats = True

    def __init__(self, take: Taker, complain: Complaint) -> None:
        self._take, self._complain = take, complain
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def ends(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """The IP address and port of this end, and of the node's; without a socket, those of no host."""
        names = ("sockname", "peername")
        found = [None if self._transport is None else self._transport.get_extra_info(name) for name in names]
        here, there = [name[:2] if name else ("", 0) for name in found]
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

    def connection_lost(self, exc: Exception | None) -> None:
        """Do nothing: it was closed here."""

    def pause_writing(self) -> None:
        """Do nothing: a node's commands in flight are bounded."""

    def resume_writing(self) -> None:
        """Do nothing, as above."""

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
