"""Takes the bulk moves that nobody carries out: those that were just asked for, and those whose control node died."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from actors.beat import next_beat
from actors.bulk.job_stream import LEASE
from actors.bulk.run import BulkRun
from actors.directory import Directory
from actors.lasting_trouble import LastingTrouble
from actors.node_table import NodeTable
from events.decisions import job_of
from events.journal import Journal, JournalError
from events.names import StreamName

log = structlog.get_logger()

AT_ONCE = 4
"""So many jobs a control node carries out at a time."""

RELUCTANCE = 2_000
"""Ms after which a control node that can tell no party of a move takes a job, if nobody has who can."""


class BulkMover:
    """Looks for jobs every `interval` seconds, and at once when `asked` is set: then one was asked for here."""

    def __init__(
        self,
        journal: Journal,
        directory: Directory,
        nodes: NodeTable,
        name: str,
        *,
        asked: asyncio.Event,
        interval: float = 0.5,
    ) -> None:
        self._journal, self._directory, self._nodes, self._name = journal, directory, nodes, name
        self._asked, self._interval = asked, interval
        self._runs: dict[StreamName, asyncio.Task[None]] = {}
        self._trouble = LastingTrouble("bulk moves not taken", "bulk moves taken again")

    async def run(self) -> None:
        """Take jobs until cancelled; those that go on then are left to other control nodes."""
        try:
            while True:
                self._asked.clear()
                await self._take()
                await next_beat(self._interval, sooner=self._asked)
        finally:
            for task in self._runs.values():
                task.cancel()

    async def _take(self) -> None:
        room = AT_ONCE - len(self._runs)
        if room <= 0:
            return
        now = self._directory.now() - (0 if self._directory.signals else RELUCTANCE)
        try:
            claimed = await self._journal.claim_decisions(now, LEASE, room)
        except JournalError as error:
            self._trouble.note(error)
            return
        self._trouble.end()
        for stream in claimed:
            if stream not in self._runs:
                self._runs[stream] = task = asyncio.create_task(self._carry_out(stream))
                task.add_done_callback(partial(self._forget, stream))

    def _forget(self, stream: StreamName, _: asyncio.Task[None]) -> None:
        self._runs.pop(stream, None)

    async def _carry_out(self, stream: StreamName) -> None:
        """Carry a job out. What fails leaves it due: it is tried again after the lease, here or elsewhere."""
        try:
            await BulkRun(self._journal, self._directory, self._nodes, self._name, stream).run()
        except JournalError as error:
            log.warning("bulk move not carried out", job=job_of(stream), why=str(error))
        except Exception:
            log.exception("bulk move failed", job=job_of(stream))
