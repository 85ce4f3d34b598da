"""Threads for the user's callables: so many at most, and none that holds up the end of the program."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """At most `most` daemon threads at a time. An executor's would not do: Python's exit waits for what they do."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)

    async def start(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Wait for a free thread and begin `work` on it; `work` must not raise. Gives its coming result."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def end(result: T) -> None:
            self._free.release()
            if not done.done():
                done.set_result(result)

        def run() -> None:
            result = work()
            # A loop that is closed has nobody who waits for it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(end, result)

        threading.Thread(target=run, name="route", daemon=True).start()
        return done
