"""One worker's way to another: messages over a stream socket between two processes of one service.

What is sent during a turn of the event loop leaves in one piece. Nothing here waits: what the other worker does not
read in time is told to whoever sends, who then does the work itself.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

import msgpack  # type: ignore[import-untyped]
import structlog

log = structlog.get_logger(bounded=True)

Message: TypeAlias = tuple[Any, ...]
"""A number that tells its kind, then what MessagePack carries: numbers, text, bytes, lists."""

MAX_UNSENT = 4 * 1024 * 1024
"""Bytes that may wait for the other worker to read; a reply over TCP may be as long."""

_MAX_MESSAGE = 8 * 1024 * 1024
_PIECE = 65_536
_PIECES_A_CALL = 256


class Link:
    """A link to one worker, until either end closes it. `take` gets each message, `lost` is called once at its end."""

    def __init__(self, sock: socket.socket, take: Callable[[list[Any]], None], lost: Callable[[], None]) -> None:
        self._sock, self._take, self._lost = sock, take, lost
        self._loop = asyncio.get_running_loop()
        self._unpacker = msgpack.Unpacker(
            raw=False, unicode_errors="surrogateescape", max_buffer_size=_MAX_MESSAGE, use_list=True
        )
        self._pack: Callable[[Message], bytes] = msgpack.Packer(unicode_errors="surrogateescape").pack
        self._unsent: deque[bytes | memoryview] = deque()
        self._size = 0
        self._scheduled = self._blocked = self._closed = False
        sock.setblocking(False)
        self._loop.add_reader(sock, self._readable)

    def send(self, message: Message) -> bool:
        """Send a message; return False if the other worker has so much to read that this one was not taken."""
        if self._closed or self._size > MAX_UNSENT:
            return False
        data = self._pack(message)
        self._unsent.append(data)
        self._size += len(data)
        if not self._scheduled and not self._blocked:
            self._scheduled = True
            self._loop.call_soon(self._flush)
        return True

    def close(self) -> None:
        """Close it, after what the kernel takes at once. Nothing is told of that."""
        if not self._closed:
            self._flush()
        self._end()

    def _flush(self) -> None:
        self._scheduled = False
        while self._unsent and not self._closed:
            pieces = [self._unsent[at] for at in range(min(len(self._unsent), _PIECES_A_CALL))]
            try:
                sent = self._sock.sendmsg(pieces)
            except (BlockingIOError, InterruptedError):
                self._block()
                return
            except OSError as error:
                self._fail(str(error))
                return
            self._drop(sent)
        if self._blocked and not self._closed:
            self._blocked = False
            self._loop.remove_writer(self._sock)

    def _block(self) -> None:
        if not self._blocked:
            self._blocked = True
            self._loop.add_writer(self._sock, self._flush)

    def _drop(self, sent: int) -> None:
        """Forget so many bytes, which have left."""
        self._size -= sent
        while sent:
            first = self._unsent.popleft()
            if sent < len(first):
                self._unsent.appendleft(memoryview(first)[sent:])
                return
            sent -= len(first)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fail(str(error))
            return
        if not data:
            self._fail("the other worker has ended")
            return
        try:
            self._unpacker.feed(data)
            for message in self._unpacker:
                self._hand_over(message)
        except Exception as fault:
            log.exception("link between workers unreadable")
            self._fail(repr(fault))

    def _hand_over(self, message: list[Any]) -> None:
        """One message that fails is no reason to lose the others."""
        try:
            self._take(message)
        except Exception:
            log.exception("message of another worker failed", kind=message[0] if message else None)

    def _fail(self, why: str) -> None:
        if self._closed:
            return
        log.info("link between workers closed", why=why)
        self._end()
        self._lost()

    def _end(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        if self._blocked:
            self._loop.remove_writer(self._sock)
        self._sock.close()
        self._unsent.clear()
