"""Tasks that go on beside the work; the failure of one is everybody's business."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class Background:
    """Tasks that run until `close`. They have no end of their own: one that ends has failed."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Run a task."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def failure(self) -> None:
        """Wait until a task fails, and raise what it raised."""
        await asyncio.shield(self._failure)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception() or RuntimeError("it ended, which it never should")
        log.error("background task failed", task=task.get_name(), exc_info=error)
        if not self._failure.done():
            self._failure.set_exception(RuntimeError(f"{task.get_name()} failed: {error!r}"))
            self._failure.exception()  # it counts as seen: nobody need be waiting

    async def close(self) -> None:
        """Cancel the tasks, and wait until they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
