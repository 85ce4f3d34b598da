"""The reply to an `ask`, awaitable on an event loop and blocking on any other thread."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

import pykka

from actors.runtime.latch import Latch, WouldBlockLoop

_T = TypeVar("_T")
_ExcInfo: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

# Decides between two threads that settle the same future. One for all of them: it is hardly ever contended, and
# re-entrant because the garbage collector may run a finalizer that settles another future.
_settling = threading.RLock()


class LoopFuture(pykka.Future[_T]):
    """A `pykka.Future` that any number of tasks and threads may wait for.

    A task that is cancelled while it awaits the future leaves it as it is. A get hook may run again when the future is
    awaited: it is tried each time something that it waits for has its value.
    """

    def __init__(self) -> None:
        # Not the inherited __init__: it makes an object that only the inherited get() needs, for every ask.
        self._get_hook: Callable[[float | None], _T] | None = None
        self._settled = Latch()
        self._value: Any = None
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None

    def get(self, *, timeout: float | None = None) -> Any:
        """Return the value, or raise the exception, that was set; block up to `timeout` seconds for it.

        Raises `pykka.Timeout` if there is none by then, and `WouldBlockLoop` if it would have to block a thread that
        runs an event loop.
        """
        if not self._settled.wait(timeout):
            raise pykka.Timeout(f"{timeout} seconds")
        if self._error is not None:
            raise self._error.with_traceback(self._traceback)
        hook = self._get_hook
        if hook is not None:
            self._value = hook(timeout)
            self._get_hook = None
        return self._value

    def set(self, value: _T | None = None) -> None:
        """Set the value. Raises `queue.Full` if the future has a value, an exception or a get hook already."""
        self._settle(value=value)

    def set_exception(self, exc_info: _ExcInfo | None = None) -> None:
        """Set an exception: that of `exc_info`, or the one being handled. Raises `queue.Full` as `set` does."""
        kind, error, traceback = exc_info or sys.exc_info()
        if kind is None:
            raise TypeError("there is no exception to set")
        error = kind() if error is None else error
        if isinstance(error, WouldBlockLoop):
            error.latch = None  # from here on it is a result like any other, not a request to wait for that latch
        self._settle(error=error, traceback=traceback)

    def set_get_hook(self, func: Callable[[float | None], _T]) -> None:
        """Set the function that makes the value, from the timeout, when it is first asked for. See `set` for errors."""
        self._settle(hook=func)

    def __await__(self) -> Generator[Any, None, _T]:
        latch = self._settled
        while True:
            yield from latch.__await__()
            try:
                return self.get()  # type: ignore[no-any-return]
            except WouldBlockLoop as blocked:
                # A get hook (map, join, the future of stop) reached for a future that is still without a value.
                if blocked.latch is None:
                    raise
                latch = blocked.latch

    __iter__ = __await__

    def _settle(
        self,
        value: Any = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
        hook: Callable[[float | None], _T] | None = None,
    ) -> None:
        with _settling:
            if self._settled.is_set():
                raise queue.Full
            self._value, self._error, self._traceback, self._get_hook = value, error, traceback, hook
            self._settled.set()
