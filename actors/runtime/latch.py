"""Something that happens once, and can be waited for by threads and by tasks of any event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from asyncio import _get_running_loop
from collections.abc import Generator
from typing import Any, TypeAlias

_Waiter: TypeAlias = "threading.Event | asyncio.Future[None]"

# One lock for all latches: it is held for a few steps only, and most latches are never waited for. It is re-entrant
# because the garbage collector may run a finalizer that comes here again.
_lock = threading.RLock()


class WouldBlockLoop(RuntimeError):
    """A blocking call was made on a thread that runs an event loop, and would stop everything on that loop.

    `latch` is what has to happen before the call can be made without blocking, where that is known.
    """

    def __init__(self, latch: Latch | None = None) -> None:
        super().__init__("this would block the event loop of this thread: await the future instead (block=False)")
        self.latch = latch


class Latch:
    """Closed until `set` is called, then open for good. Has the methods of `threading.Event` that Pykka uses.

    is_open: what `is_set` returns, for those who look often; only `set` changes it.
    """

    __slots__ = ("_waiters", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._waiters: list[_Waiter] | None = None

    def is_set(self) -> bool:
        """Return whether it has happened."""
        return self.is_open

    def set(self) -> None:
        """Release all waiters, present and future. May be called from any thread, and again."""
        # The order matters: who adds a waiter looks at `is_open` after that, so one of the two always sees the other.
        self.is_open = True
        if self._waiters is None:
            return
        with _lock:
            waiters, self._waiters = self._waiters or [], None
        for waiter in waiters:
            _wake(waiter)

    def wait(self, timeout: float | None = None) -> bool:
        """Block until it has happened, at most `timeout` seconds, and tell whether it has.

        Raises `WouldBlockLoop` if it would have to block a thread that runs an event loop.
        """
        if self.is_open or (timeout is not None and timeout <= 0):
            return self.is_open
        if _get_running_loop() is not None:
            raise WouldBlockLoop(self)
        event = threading.Event()
        self._add(event)
        try:
            return event.wait(timeout)
        finally:
            self._remove(event)

    def __await__(self) -> Generator[Any, None, None]:
        if self.is_open:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._add(waiter)
        try:
            yield from waiter
        finally:
            self._remove(waiter)

    def _add(self, waiter: _Waiter) -> None:
        with _lock:
            if self._waiters is None:
                self._waiters = []
            self._waiters.append(waiter)
        if self.is_open:
            _wake(waiter)

    def _remove(self, waiter: _Waiter) -> None:
        if self._waiters is None:  # as it is whenever the waiter got what it waited for
            return
        with _lock:
            if self._waiters is not None and waiter in self._waiters:
                self._waiters.remove(waiter)


def _wake(waiter: _Waiter) -> None:
    if isinstance(waiter, threading.Event):
        waiter.set()
    elif waiter.get_loop() is _get_running_loop():
        _finish(waiter)
    else:
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits there any more
            waiter.get_loop().call_soon_threadsafe(_finish, waiter)


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
