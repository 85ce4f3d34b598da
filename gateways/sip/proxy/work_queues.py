"""Work that is done one thing after the other, without a task while there is nothing to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

import structlog

log = structlog.get_logger(bounded=True)

Work: TypeAlias = Callable[..., Awaitable[None]]


class WorkQueues:
    """All work queues of the proxy, so that one can wait for them or stop them."""

    def __init__(self) -> None:
        self.busy: set[WorkQueue] = set()
        self._waiting: list[asyncio.Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    async def idle(self) -> None:
        """Wait until no queue has work."""
        while self.busy:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    async def stop(self) -> None:
        """Drop all work, also what is being done, and wait until that is so."""
        tasks = [task for queue in self.busy if (task := queue.drop()) is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, queue: WorkQueue, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Record that a queue has work, and start it."""
        self.busy.add(queue)
        if self._loop is None:  # looked up once: on Python 3.11 each time is a system call
            self._loop = asyncio.get_running_loop()
        return self._loop.create_task(work)

    def done(self, queue: WorkQueue) -> None:
        """Record that a queue has no work."""
        self.busy.discard(queue)
        if not self.busy:
            for waiter in self._waiting:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiting.clear()


class WorkQueue:
    """A work queue. It knows its owner only while there is work. What a piece of work raises is logged, and no more."""

    __slots__ = ("_queues", "_task", "_waiting")

    def __init__(self, queues: WorkQueues) -> None:
        self._queues = queues
        self._waiting: list[tuple[Work, tuple[Any, ...]]] = []  # few: a deque takes 760 bytes, for half a minute
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How much is left to be done, beside what is being done."""
        return len(self._waiting)

    def add(self, work: Work, *args: Any) -> None:
        """Add work, which is done after all that was added before."""
        self._waiting.append((work, args))
        if self._task is None:
            self._task = self._queues.begin(self, self._run())

    def drop(self) -> asyncio.Task[None] | None:
        """Do nothing of it any more. Returns the task that ends for it."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
        return self._task

    async def _run(self) -> None:
        try:
            while self._waiting:
                work, args = self._waiting.pop(0)
                try:
                    await work(*args)
                except Exception:
                    log.exception("sip proxy failed on a failure")
        finally:
            self._task = None
            self._queues.done(self)
