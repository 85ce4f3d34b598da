"""Single commands to Redis, which travel in shared pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from redis.exceptions import ResponseError

from events.journal import JournalError, Unconfirmed
from events.redis.connection import RedisConnection
from events.redis.durability import UNCONFIRMED, confirmed
from events.redis.pipeline import PendingRequest, Pipeline, Pipelines, is_transient
from events.redis.refusals import failure_of
from events.redis.wire import Command, pack


def _as_it_is(reply: Any) -> Any:
    return reply


class Query(PendingRequest):
    """A single command; `parse` makes the answer of its reply.

    wrong_type: the error of a key that holds another kind of value than the command is for.
    """

    __slots__ = ("command", "parse", "wrong_type")

    def __init__(
        self,
        *,
        slot: int,
        answer: asyncio.Future[Any],
        deadline: float,
        command: Command,
        parse: Callable[[Any], Any],
        wrong_type: JournalError | None = None,
    ) -> None:
        super().__init__(slot=slot, answer=answer, deadline=deadline)
        self.command, self.parse, self.wrong_type = command, parse, wrong_type


class QueryPipeline(Pipeline[Query]):
    """A pipeline of single commands, which may be done twice without harm."""

    def commands(self, batch: Sequence[Query]) -> list[bytes]:
        """Return the commands as they are."""
        return [pack(request.command) for request in batch]

    def settle(self, batch: Sequence[Query], replies: list[Any]) -> list[tuple[Query, Exception]]:
        """Complete each request with its reply, parsed."""
        again: list[tuple[Query, Exception]] = []
        for request, reply in zip(batch, replies, strict=True):
            if isinstance(reply, ResponseError):
                if is_transient(reply):
                    again.append((request, reply))
                elif request.wrong_type is not None and str(reply).startswith("WRONGTYPE"):
                    request.fail(request.wrong_type)
                else:
                    request.fail(failure_of(reply))
            elif not request.answer.done():
                self._answer(request, reply)
        return again

    @staticmethod
    def _answer(request: Query, reply: Any) -> None:
        try:
            request.answer.set_result(request.parse(reply))
        except Exception as error:  # whatever this one reply did, the others get theirs
            request.fail(error)


class ConfirmedPipeline(QueryPipeline):
    """A pipeline of single commands that write: each is done when the configured durability is reached."""

    def __init__(
        self,
        place: str,
        connection: RedisConnection,
        pipelines: Pipelines[Query],
        *,
        limit: int,
        confirm: Command | None,
    ) -> None:
        super().__init__(place, connection, pipelines, limit=limit)
        self._confirm = None if confirm is None else pack(confirm)

    def commands(self, batch: Sequence[Query]) -> list[bytes]:
        """Return the commands, and the one that waits for the durability, if any."""
        return super().commands(batch) + ([] if self._confirm is None else [self._confirm])

    def settle(self, batch: Sequence[Query], replies: list[Any]) -> list[tuple[Query, Exception]]:
        """Complete each request with its reply; what is written and not confirmed fails."""
        if self._confirm is not None and not confirmed(replies.pop()):
            for request, reply in zip(batch, replies, strict=True):
                if not isinstance(reply, ResponseError):  # nothing of what is refused is written
                    request.fail(Unconfirmed(UNCONFIRMED))
        return super().settle(batch, replies)


class Queries:
    """Sends single commands, each to the server that has a slot; a request waits `patience` seconds for its server."""

    def __init__(self, pipelines: Pipelines[Query], patience: float) -> None:
        self._pipelines, self._patience = pipelines, patience
        self._loop = asyncio.get_running_loop()

    def __call__(
        self,
        slot: int,
        command: Command,
        parse: Callable[[Any], Any] = _as_it_is,
        wrong_type: JournalError | None = None,
    ) -> asyncio.Future[Any]:
        """Send a command; the future gives what `parse` makes of its reply. `wrong_type`: see Query."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        query = Query(
            slot=slot,
            answer=answer,
            deadline=self._loop.time() + self._patience,
            command=command,
            parse=parse,
            wrong_type=wrong_type,
        )
        self._pipelines.submit(query)
        return answer

    def close(self) -> Coroutine[Any, Any, None]:
        """Accept no more commands, and finish those under way."""
        return self._pipelines.close()
