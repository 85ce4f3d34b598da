"""The UDP socket to a node."""

from __future__ import annotations

import errno
import os
import socket

from actors.kept_connections import Complaint, Taker
from actors.sockets.reading import Control, take_some
from actors.sockets.watch import Watch

RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes of a burst of replies that may wait in the kernel; it gives less where net.core.rmem_max is lower."""


class DatagramTransport:
    """UDP: a socket that is connected to the node, and read in batches."""

    repeats = True

    def __init__(self, sock: socket.socket, take: Taker, complain: Complaint) -> None:
        self._sock, self._take, self._complain = sock, take, complain
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        here, there = sock.getsockname(), sock.getpeername()
        self.ends: tuple[tuple[str, int], tuple[str, int]] = (here[0], here[1]), (there[0], there[1])
        """The IP address and port of this end, and of the node's."""
        self._watch = Watch(sock, self._readable)
        self._closed = False

    def send(self, cookie: bytes, command: bytes) -> None:
        """Send one datagram."""
        if self._closed:
            return
        try:
            self._sock.send(cookie + b" " + command)
        except BlockingIOError:  # what waits to be sent is this machine's, so it is not said of the node
            self._complain(OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS)))
        except OSError as error:
            self._complain(error)

    def close(self) -> None:
        """Close the socket."""
        if not self._closed:
            self._closed = True
            self._watch.close()
            self._sock.close()

    def _readable(self) -> None:
        try:
            take_some(self._sock, self.received)
        except OSError as error:
            if not self._closed:
                self._complain(error)

    def received(self, datagram: bytes, _control: Control, _address: object) -> None:
        """Hand a reply over; one without a cookie is nobody's, and nobody waits for one after the end."""
        cookie, space, reply = datagram.partition(b" ")
        if space and not self._closed:
            self._take(cookie, reply)
