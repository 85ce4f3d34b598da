"""A socket of which a loop tells when there is something to read."""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable


class Watch:
    """Has `readable` called whenever a socket has something to read, be it an error, until it is closed.

    uvloop stops to watch a socket once that has an error, as a connected one has when nobody listens at its other end.
    So the loop watches an epoll(7) that watches the socket, where there is that: it has no errors of its own.
    """

    def __init__(self, sock: socket.socket, readable: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll() if hasattr(select, "epoll") else None
        self._watched: int = sock.fileno()
        if self._epoll is not None:
            self._epoll.register(sock, select.EPOLLIN)
            self._watched = self._epoll.fileno()
        self._loop.add_reader(self._watched, readable)

    def close(self) -> None:
        """End that. It is to be done before the socket is closed."""
        self._loop.remove_reader(self._watched)
        if self._epoll is not None:
            self._epoll.close()
