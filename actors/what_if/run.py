"""Asking other relays for many calls, a bounded number of them at once."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable

from actors.node_table import NodeTable
from actors.what_if.asking import Asking, Compared
from actors.what_if.recording import Recording
from events.values import value


@value(kw_only=True)
class Pace:
    """in_flight: how many operations are under way at once. rate: calls a second, 0 for as many as go."""

    in_flight: int = 10
    rate: float = 0.0


async def compare_all(
    recordings: AsyncIterator[Recording],
    nodes: NodeTable,
    *,
    pace: Pace,
    flags: str,
    pause: float,
    stopped: asyncio.Event,
    tell: Callable[[Compared], None],
) -> None:
    """Ask for each call and `tell` what came of it, until all are done or it is `stopped`.

    Nothing of them is on a node then, or it has been told. flags, pause: see `Asking`. Calls run side by side, each one
    operation at a time. Raises what the recordings fail with.
    """
    run = f"what-if-{secrets.token_hex(6)}"
    source = _Source(recordings, pace.rate, stopped)

    async def work() -> None:
        while (recording := await source.next()) is not None:
            tell(await Asking(nodes, recording, run, flags, pause, stopped.is_set).compare())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(pace.in_flight):
                group.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed


class _Source:
    """Hands out recordings, one after the other, at a rate."""

    def __init__(self, recordings: AsyncIterator[Recording], rate: float, stopped: asyncio.Event) -> None:
        self._recordings, self._rate, self._stopped = recordings, rate, stopped
        self._lock = asyncio.Lock()
        self._next_at = 0.0

    async def next(self) -> Recording | None:
        """Return the next one when it is time; None if there is none, or no more is wanted."""
        async with self._lock:
            await self._wait()
            return None if self._stopped.is_set() else await anext(self._recordings, None)

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._rate and self._next_at > now:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), self._next_at - now)
        if self._rate:
            self._next_at = max(self._next_at, now) + 1 / self._rate
