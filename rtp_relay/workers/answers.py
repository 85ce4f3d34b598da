"""What the supervisor answers to workers that ask what all of them have counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable

from actors.control.counters import Sample, total
from gateways.http.metrics.exposition import render
from rtp_relay.workers.messages import Wanted
from rtp_relay.workers.totals import Totals, answer, packed


class Answers:
    """Makes the answers, here where no call waits for it. own: what the supervisor counts itself."""

    def __init__(self, totals: Totals, own: Callable[[], Iterable[Sample]]) -> None:
        self._totals, self._own = totals, own
        self._tasks: set[asyncio.Task[None]] = set()

    def give(self, wanted: Wanted, sock: socket.socket) -> None:
        """Give the answer to a question over the socket that came with it."""
        task = asyncio.get_running_loop().create_task(self._give(wanted, sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _give(self, wanted: Wanted, sock: socket.socket) -> None:
        samples = total([*self._totals.all(), *self._own()])
        if wanted is Wanted.SAMPLES:
            await answer(sock, packed(samples))
        else:
            await answer(sock, await render(samples, open_metrics=wanted is Wanted.OPEN_METRICS))
