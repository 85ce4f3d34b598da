"""The answer to one append or check: a future whose callbacks wait for no turn of the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from functools import partial
from typing import Any


class PendingAnswer:
    """An `events.answer.Answer`, and who gives it.

    Callbacks are called as it is given, one after the other, in the turn of the loop that reads the reply. What they
    raise goes to the loop's exception handler, as it does with a future.
    """

    __slots__ = ("_callbacks", "_error", "_loop", "_version", "_was_given")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._callbacks: list[Callable[[Any], object]] = []
        self._was_given = False
        self._version = 0
        self._error: Exception | None = None

    # -- for who gives it --

    def done(self) -> bool:
        """Return whether it was given."""
        return self._was_given

    def set_result(self, version: int) -> None:
        """Give a version."""
        self._version = version
        self._give()

    def set_exception(self, error: Exception) -> None:
        """Give an error."""
        self._error = error
        self._give()

    def _give(self) -> None:
        self._was_given = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback(self)
            except Exception as error:  # it must not keep the answers of others from them
                context = {"message": f"a callback of the journal's answer failed: {callback!r}", "exception": error}
                self._loop.call_exception_handler(context)

    # -- for who gets it --

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Have a function called with this answer; see `events.answer.Answer`."""
        if self._was_given:
            self._loop.call_soon(callback, self)
        else:
            self._callbacks.append(callback)

    def exception(self) -> Exception | None:
        """Return the error, None for none. The answer was given."""
        return self._error

    def __await__(self) -> Generator[Any, None, int]:
        if not self._was_given:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._callbacks.append(partial(_wake, waiter))
            # As its own `__await__`. Compiled, `yield from` throws into it in a way that Python 3.12 deprecates.
            waiter._asyncio_future_blocking = True  # noqa: SLF001
            yield waiter
        if self._error is not None:
            raise self._error
        return self._version


def _wake(waiter: asyncio.Future[None], _: PendingAnswer) -> None:
    if not waiter.done():  # who waited may have been cancelled
        waiter.set_result(None)
