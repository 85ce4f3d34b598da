"""A bound on how fast something is begun, and on how much of it goes on."""

from __future__ import annotations

import asyncio


class Pace:
    """Lets so many a second begin, evenly, and at most `at_once` go on."""

    def __init__(self, a_second: float, at_once: int) -> None:
        self._pause = 1 / a_second
        self._room = asyncio.Semaphore(at_once)
        self._next = 0.0

    async def begin(self) -> None:
        """Wait until one more may begin. `end` is to be called when it has ended."""
        await self._room.acquire()
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._next = max(self._next, now) + self._pause
        if self._next - now > self._pause:
            await asyncio.sleep(self._next - now - self._pause)

    def end(self) -> None:
        """Let another one begin in its place."""
        self._room.release()
