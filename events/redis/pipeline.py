"""Pipelines: what waits for one Redis server travels together, on one connection, one batch after the other.

What was not answered (connection lost, server restarting or not the master any more) is sent again until its deadline;
everything that travels here may be done twice without harm.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Container, Coroutine, Sequence
from typing import Any, Final, Generic, TypeVar

from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    ReadOnlyError,
    RedisClusterException,
    ResponseError,
    TryAgainError,
)

from events.journal import JournalUnavailable
from events.redis.answer import PendingAnswer
from events.redis.connection import RedisConnection
from events.redis.recovery import finish, recover
from events.redis.refusals import failure_of
from events.redis.topology import Topology
from events.redis.wire import Outcome

_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
"""Seconds between attempts, doubled each time; the first attempt after a failure comes at once."""

_BATCH: Final = 256
"""So many requests travel together at most."""

_TRANSIENT = (NoScriptError, ReadOnlyError, AskError, TryAgainError, ClusterDownError)


class PendingRequest:
    """A request that waits for its turn and its reply, until `deadline` at the longest (the loop's time, in seconds).

    Requests with the same `chain`, if they have one, build on each other: after one that failed the later ones fail.
    Who gets the answer may make another request at once.
    """

    __slots__ = ("answer", "chain", "deadline", "slot")

    def __init__(
        self, *, slot: int, answer: asyncio.Future[Any] | PendingAnswer, deadline: float, chain: str = ""
    ) -> None:
        self.slot, self.answer, self.deadline, self.chain = slot, answer, deadline, chain

    def fail(self, error: Exception) -> None:
        """Answer with an error, unless it is answered already."""
        if not self.answer.done():
            self.answer.set_exception(error)


R = TypeVar("R", bound=PendingRequest)


class Pipeline(ABC, Generic[R]):
    """Requests to the server at one place; at most `limit` wait.

    One batch is under way at a time. It is settled as its last reply comes, and what waits is sent in the next turn of
    the loop: only what fails takes a task.
    """

    def __init__(self, place: str, connection: RedisConnection, pipelines: Pipelines[R], *, limit: int) -> None:
        self.connection = connection
        self._place = place
        self._limit = limit
        self._pipelines = pipelines
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[R] = deque()
        self._batch: list[R] = []
        self._is_at_rest = True
        self._resting: asyncio.Future[None] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._failures = 0

    @abstractmethod
    def commands(self, batch: Sequence[R]) -> list[bytes]:
        """Return the commands that carry a batch, packed."""

    @abstractmethod
    def settle(self, batch: Sequence[R], replies: list[Any]) -> list[tuple[R, Exception]]:
        """Complete the requests by their replies; return those to be sent again, and why."""

    def submit(self, request: R) -> None:
        """Send a request with all others of this turn of the loop, or fail it at once when too many wait already."""
        if len(self._waiting) >= self._limit:
            request.fail(JournalUnavailable(f"{self._limit} requests are waiting for Redis already"))
            return
        self._waiting.append(request)
        if self._is_at_rest:
            self._is_at_rest = False
            self._loop.call_soon(self._begin)

    # -- the usual way --

    def _begin(self) -> None:
        """Send what waits."""
        try:
            self._next()
        except BaseException as error:
            self.abandon(error)
            raise

    def _next(self) -> None:
        """Send the next batch, as soon as there is a connection; rest if nothing waits."""
        deadline = self.take()
        wire = self.connection.wire
        if deadline is None:
            self._rest()
        elif wire is None:
            self._recover(None)
        else:
            wire.send(self.commands(self._batch), deadline, self._conclude)

    def _conclude(self, outcome: Outcome) -> None:
        """Settle the batch that was sent, and have the next one sent."""
        try:
            if not isinstance(outcome, list):
                self._recover(outcome)
                return
            again = self.settle(self._batch, outcome)
            self._batch = [request for request, _ in again]
            if again:
                self._recover(again[0][1])
                return
            self._failures = 0
            if self._waiting:
                # In the next turn, so that what those ask for who have their answers now travels with it.
                self._loop.call_soon(self._begin)
            else:
                self._rest()
        except BaseException as error:
            self.abandon(error)
            raise

    def _rest(self) -> None:
        self._is_at_rest = True
        if self._resting is not None:
            self._resting.set_result(None)
            self._resting = None

    def _recover(self, error: Exception | None) -> None:
        self._recovery = self._loop.create_task(recover(self, self._pipelines.topology, error))

    # -- what `events.redis.recovery` needs --

    def resting(self) -> asyncio.Future[None] | None:
        """Return what is done when nothing is under way any more; None if nothing is."""
        if self._is_at_rest:
            return None
        if self._resting is None:
            self._resting = self._loop.create_future()
        return self._resting

    def take(self) -> float | None:
        """Take the next batch, unless one is taken; return its deadline, None if nothing waits."""
        batch, waiting = self._batch, self._waiting
        if not batch:
            if not waiting:
                return None
            while waiting and len(batch) < _BATCH:
                batch.append(waiting.popleft())
        deadline = batch[0].deadline
        for request in batch:
            deadline = min(deadline, request.deadline)
        return deadline

    def go_on(self) -> None:
        """Send the batch that was taken; rest if there is none."""
        self._recovery = None
        self._begin()

    def abandon(self, error: BaseException) -> None:
        """Fail all requests, for the pipeline itself has failed."""
        requests = [*self._batch, *self._waiting]
        self._batch = []
        self._waiting.clear()
        self._recovery = None
        self._rest()
        for request in requests:
            request.fail(JournalUnavailable(f"the journal's connection failed: {error!r}"))

    def put_back(self) -> float:
        """Have the batch that failed wait again; return for how many seconds nothing is to be tried."""
        self._waiting.extendleft(reversed(self._batch))
        self._batch = []
        pause = self._pause() if self._failures else 0.0
        self._failures += 1
        return pause

    def _pause(self) -> float:
        pause: float = min(_FIRST_PAUSE * 2 ** min(self._failures, 10), _LONGEST_PAUSE)
        left = self._waiting[0].deadline - self._loop.time()
        return max(0.0, min(pause, left))

    def sort(self) -> None:
        """Hand over what belongs to other servers now."""
        waiting, self._waiting = self._waiting, deque()
        self._waiting.extendleft(reversed(self._pipelines.sort(self._place, waiting)))

    def expire(self, error: Exception) -> None:
        """Give up what is past its deadline, because of an error."""
        now = self._loop.time()
        why = failure_of(error)
        late = [request for request in self._waiting if request.deadline <= now]
        self._waiting = deque([request for request in self._waiting if request.deadline > now])
        broken = self.take_out({request.chain for request in late if request.chain})
        for request in (*late, *broken):
            request.fail(why)

    def take_out(self, broken: Container[str]) -> list[R]:
        """Take out those that wait in chains of which an earlier request failed, and return them.

        They are to fail, too. What is asked of a chain from here on builds on what is known of the failure.
        """
        taken = [request for request in self._waiting if request.chain in broken]
        if taken:
            self._waiting = deque([request for request in self._waiting if request.chain not in broken])
        return taken


class Pipelines(Generic[R]):
    """The pipelines of one kind, one a server: a request goes to that of the server which has its slot.

    make: makes a pipeline of a place, the connection to it, and these pipelines.
    """

    def __init__(self, topology: Topology, make: Callable[[str, RedisConnection, Pipelines[R]], Pipeline[R]]) -> None:
        self.topology = topology
        self._only_place = None if topology.scattered() else topology.place(0)
        self._make = make
        self._pipelines: dict[str, Pipeline[R]] = {}
        self._closed = False

    def submit(self, request: R) -> None:
        """Send a request on its way; its answer is the result."""
        if self._closed:
            request.fail(JournalUnavailable("the journal is closed"))
            return
        place = self._only_place
        if place is None:
            try:
                place = self.topology.place(request.slot)
            except RedisClusterException as error:
                request.fail(JournalUnavailable(f"no server for slot {request.slot}: {error}"))
                return
        pipeline = self._pipelines.get(place)
        if pipeline is None:
            pipeline = self._pipelines[place] = self._make(place, RedisConnection(self.topology, place), self)
        pipeline.submit(request)

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
            return self.topology.place(request.slot) == place
        except RedisClusterException:
            return True

    def close(self) -> Coroutine[Any, Any, None]:
        """Accept no more requests, finish those under way, close the connections."""
        self._closed = True
        return finish(list(self._pipelines.values()))


def is_transient(error: ResponseError) -> bool:
    """Return whether the same command may succeed a little later, or at another server."""
    return isinstance(error, _TRANSIENT) or str(error).startswith("BUSY")
