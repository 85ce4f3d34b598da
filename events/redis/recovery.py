"""What a pipeline has to wait for: its connection, when there is none or it failed, and its end.

The usual way of requests goes without a task (`events.redis.pipeline`); this is the other one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from events.redis.connection import FAILURES, RedisConnection
from events.redis.topology import Topology

_REFRESH_SECONDS = 2.0


class Stopped(Protocol):
    """A pipeline that sends nothing until it is told to go on."""

    connection: RedisConnection

    def put_back(self) -> float:
        """Have the batch that failed wait again; return for how many seconds nothing is to be tried."""

    def expire(self, error: Exception) -> None:
        """Give up what is past its deadline, because of an error."""

    def sort(self) -> None:
        """Hand over what belongs to other servers now."""

    def take(self) -> float | None:
        """Take the next batch, unless one is taken; return its deadline, None if nothing waits."""

    def go_on(self) -> None:
        """Send the batch that was taken; rest if there is none."""

    def abandon(self, error: BaseException) -> None:
        """Fail all requests, for the pipeline itself has failed."""

    def resting(self) -> asyncio.Future[None] | None:
        """Return what is done when nothing is under way any more; None if nothing is."""


async def recover(pipeline: Stopped, topology: Topology, error: Exception | None) -> None:
    """Connect a pipeline and have it go on. error: what its batch failed with, None if that was not sent yet.

    What was not answered is sent again until its deadline.
    """
    try:
        if error is not None:
            await _prepare(pipeline, topology, error)
        while (deadline := pipeline.take()) is not None:
            error = await _connect(pipeline.connection, deadline)
            if error is None:
                break
            await _prepare(pipeline, topology, error)
    except BaseException as failure:
        # A bug here, or the loop is being shut down: nobody may be left waiting.
        pipeline.abandon(failure)
        raise
    pipeline.go_on()


async def finish(pipelines: Sequence[Stopped]) -> None:
    """Wait for what is under way in pipelines that take no more requests, then close their connections."""
    for pipeline in pipelines:
        resting = pipeline.resting()
        if resting is not None:
            await asyncio.wait([resting])
        await pipeline.connection.drop()


async def _prepare(pipeline: Stopped, topology: Topology, error: Exception) -> None:
    """Have what failed ready for another attempt, on another connection, after a pause."""
    await pipeline.connection.drop()
    pause = pipeline.put_back()
    if pause:
        await asyncio.sleep(pause)
    pipeline.expire(error)
    await _refresh(topology)
    pipeline.sort()


async def _connect(connection: RedisConnection, deadline: float) -> Exception | None:
    """Make a connection; return what failed, if something did."""
    try:
        await connection.open(deadline)
    except FAILURES as error:
        return error
    return None


async def _refresh(topology: Topology) -> None:
    """Ask again which place has which slots; without an answer the known topology stays."""
    try:
        async with asyncio.timeout(_REFRESH_SECONDS):
            await topology.refresh()
    except FAILURES:
        return
