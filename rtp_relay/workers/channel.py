"""The way between the supervisor and a worker: a pair of sockets, over which open sockets can go, too.

Both ends are the same program, of the same user, and nobody else has them: so messages are pickled objects.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import socket
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(bounded=True)

R = TypeVar("R")
S = TypeVar("S")

_LONGEST = 1024 * 1024
_MAX_SOCKETS = 1


def pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel(Generic[S, R]):
    """One end, which sends S and receives R. `take` gets each message with the socket that came with it."""

    def __init__(
        self, sock: socket.socket, take: Callable[[R, socket.socket | None], None], ended: Callable[[], None]
    ) -> None:
        self._sock, self._take, self._ended = sock, take, ended
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._open = True
        self._loop.add_reader(sock, self._readable)

    def send(self, message: S, sockets: Sequence[socket.socket] = ()) -> bool:
        """Send a message; return False if the other end does not read or is gone. The sockets stay open here."""
        if not self._open:
            return False
        try:
            socket.send_fds(self._sock, [pickle.dumps(message)], [each.fileno() for each in sockets])
        except OSError as error:
            log.warning("message not sent between supervisor and worker", kind=type(message).__name__, why=str(error))
            return False
        return True

    def close(self) -> None:
        """Close this end; `ended` is not called."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _readable(self) -> None:
        try:
            data, files, _flags, _address = socket.recv_fds(self._sock, _LONGEST, _MAX_SOCKETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, files = b"", []
        if not data:
            self.close()
            self._ended()
            return
        came = [socket.socket(fileno=file) for file in files]
        try:
            self._take(pickle.loads(data), came[0] if came else None)
        except Exception:
            log.exception("message between supervisor and worker failed")
            for each in came:
                with contextlib.suppress(OSError):
                    each.close()
