"""Pipelines: what waits for one Redis server travels together, on one connection, one batch after the other.

What was not answered (connection lost, server restarting or not the master any more) is sent again until its deadline;
everything that travels here may be done twice without harm.
"""

from __future__ import annotations

import asyncio
import itertools
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)

from events.journal import JournalError, JournalUnavailable
from events.redis.connection import FAILURES, RedisConnection
from events.redis.topology import Topology
from events.redis.wire import Command

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Seconds between attempts, doubled each time; the first attempt after a failure comes at once."""

_REFRESH_SECONDS = 2.0

_TRANSIENT = (NoScriptError, ReadOnlyError, AskError, TryAgainError, ClusterDownError)


@dataclass(slots=True, kw_only=True, eq=False)
class PendingRequest:
    """A request that waits for its turn and its reply, until `deadline` at the longest (the loop's time, in seconds).

    Requests with the same `chain`, if they have one, build on each other: after one that failed the later ones fail.
    """

    slot: int
    future: asyncio.Future[Any]
    deadline: float
    chain: str = ""

    def fail(self, error: Exception) -> None:
        """Complete the future with an error, unless it is done already."""
        if not self.future.done():
            self.future.set_exception(error)

    def follow(self, error: JournalError) -> None:
        """Fail because an earlier request of the chain failed."""
        self.fail(error)


R = TypeVar("R", bound=PendingRequest)


class Pipeline(ABC, Generic[R]):
    """Requests to the server at one place; at most `limit` wait."""

    BATCH = 256

    def __init__(self, place: str, connection: RedisConnection, limit: int, pipelines: Pipelines[R]) -> None:
        self._place = place
        self._connection = connection
        self._limit = limit
        self._pipelines = pipelines
        self._waiting: deque[R] = deque()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0

    @abstractmethod
    def commands(self, batch: Sequence[R]) -> list[Command]:
        """Return the commands that carry a batch."""

    @abstractmethod
    def settle(self, batch: Sequence[R], replies: list[Any]) -> list[tuple[R, Exception]]:
        """Complete the requests by their replies; return those to be sent again, and why."""

    def submit(self, request: R) -> None:
        """Send a request with all others of this tick, or fail it at once when too many wait already."""
        if len(self._waiting) >= self._limit:
            request.fail(JournalUnavailable(f"{self._limit} requests are waiting for Redis already"))
            return
        self._waiting.append(request)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Wait for what is under way, then close the connection."""
        if self._task is not None:
            await asyncio.wait([self._task])
        await self._connection.drop()

    async def _run(self) -> None:
        batch: list[R] = []
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self.BATCH, len(self._waiting)))]
                await self._attempt(batch)
        except BaseException as error:
            # A bug here, or the loop is being shut down: nobody may be left waiting.
            for request in itertools.chain(batch, self._waiting):
                request.fail(JournalUnavailable(f"the journal's connection failed: {error!r}"))
            self._waiting.clear()
            raise
        finally:
            self._task = None

    async def _attempt(self, batch: list[R]) -> None:
        try:
            deadline = min(request.deadline for request in batch)
            replies = await self._connection.exchange(self.commands(batch), deadline)
        except FAILURES as error:
            await self._again(batch, error)
            return
        again = self.settle(batch, replies)
        if again:
            await self._connection.drop()
            await self._again([request for request, _ in again], again[0][1])
        else:
            self._failures = 0

    async def _again(self, batch: list[R], error: Exception) -> None:
        """Put what failed back in front, after a pause; give up what is past its deadline."""
        self._waiting.extendleft(reversed(batch))
        if self._failures:
            await self._pause()
        self._failures += 1
        self._expire(error)
        await self._pipelines.refresh()
        waiting, self._waiting = self._waiting, deque()
        self._waiting.extendleft(reversed(self._pipelines.sort(self._place, waiting)))

    async def _pause(self) -> None:
        pause = min(_FIRST_PAUSE * 2 ** min(self._failures, 10), _LONGEST_PAUSE)
        left = self._waiting[0].deadline - asyncio.get_running_loop().time()
        await asyncio.sleep(max(0.0, min(pause, left)))

    def _expire(self, error: Exception) -> None:
        now = asyncio.get_running_loop().time()
        why = JournalUnavailable(f"Redis cannot be reached: {str(error) or type(error).__name__}")
        for request in self._waiting:
            if request.deadline <= now:
                request.fail(why)
        broken = {request.chain: why for request in self._waiting if request.deadline <= now and request.chain}
        self._waiting = deque(request for request in self._waiting if request.deadline > now)
        self.break_chains(broken)

    def break_chains(self, broken: Mapping[str, JournalError]) -> None:
        """Fail those that wait in chains of which an earlier request failed, and how."""
        if not broken:
            return
        for request in self._waiting:
            if request.chain in broken:
                request.follow(broken[request.chain])
        self._waiting = deque(request for request in self._waiting if request.chain not in broken)


class Pipelines(Generic[R]):
    """The pipelines of one kind, one a server: a request goes to that of the server which has its slot.

    make: makes a pipeline of a place, the connection to it, and these pipelines.
    """

    def __init__(self, topology: Topology, make: Callable[[str, RedisConnection, Pipelines[R]], Pipeline[R]]) -> None:
        self._topology = topology
        self._make = make
        self._pipelines: dict[str, Pipeline[R]] = {}
        self._closed = False

    def submit(self, request: R) -> None:
        """Send a request on its way; its future gets the result."""
        if self._closed:
            request.fail(JournalUnavailable("the journal is closed"))
            return
        try:
            place = self._topology.place(request.slot)
        except RedisClusterException as error:
            request.fail(JournalUnavailable(f"no server for slot {request.slot}: {error}"))
            return
        pipeline = self._pipelines.get(place)
        if pipeline is None:
            pipeline = self._pipelines[place] = self._make(place, RedisConnection(self._topology, place), self)
        pipeline.submit(request)

    async def refresh(self) -> None:
        """Ask again which place has which slots; without an answer the known topology stays."""
        try:
            async with asyncio.timeout(_REFRESH_SECONDS):
                await self._topology.refresh()
        except FAILURES:
            return

    def sort(self, place: str, requests: Sequence[R]) -> Sequence[R]:
        """Return the requests that belong to a place, and submit the others to theirs."""
        mine = []
        for request in requests:
            if self._belongs(request, place):
                mine.append(request)
            else:
                self.submit(request)
        return mine

    def _belongs(self, request: R, place: str) -> bool:
        try:
            return self._topology.place(request.slot) == place
        except RedisClusterException:
            return True

    async def close(self) -> None:
        """Accept no more requests, finish those under way, close the connections."""
        self._closed = True
        for pipeline in list(self._pipelines.values()):
            await pipeline.close()


def is_transient(error: ResponseError) -> bool:
    """Return whether the same command may succeed a little later, or at another server."""
    return isinstance(error, _TRANSIENT) or str(error).startswith("BUSY")
