"""A bulk move as one control node carries it out.

What is to be done is in the job's stream, and nowhere else: calls are noted there before they move, and what became
of them after it. So whoever takes the job over knows which calls may have been moved; it asks each of them again, and
the call says what came of that: a job moves a call once (`Migrate.job`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

import structlog

from actors.bulk.job_stream import JobStream, TakenOver
from actors.bulk.pace import Pace
from actors.bulk.search import count, find_more, origin_of
from actors.commands.migration import Migrate, MoveTarget
from actors.directory import Directory
from actors.node_table import NodeTable
from actors.results import Moved, Refused
from engines.refusal import RefusalCode
from events.bulk_events import BulkMoveEnded, CallsSettled, SearchBegun, SettledCall
from events.bulk_parts import CallOutcome
from events.decisions import job_of
from events.journal import Journal, JournalUnavailable
from events.names import NO_NODE, CallId, StreamName
from replay.bulk_move import BulkMove

log = structlog.get_logger()

HEARTBEAT = 3_000
"""Ms after which something is written, so that nobody else takes the job."""

BATCH = 250
"""Ms for which what became of calls is gathered before it is written, while others move."""

TICK = 0.05
"""Seconds after which it is looked what is to be done, if nothing has become of a call before."""

AGAIN = 2.0
"""Seconds after which a call is asked again that cannot move yet."""

PATIENCE = 180.0
"""Seconds for which that is done: as long as a call may ring (RFC 3261 16.6, timer C)."""

NOT_YET = frozenset({RefusalCode.MOVING, RefusalCode.EARLY, RefusalCode.NO_JOURNAL, RefusalCode.FULL})
NO_MORE = frozenset({RefusalCode.UNKNOWN_CALL, RefusalCode.ENDED, RefusalCode.NOT_FOUND})

DEADLINE = "its deadline is over"


class BulkRun:
    """One control node's work for one job, from when it takes it to its end."""

    def __init__(self, journal: Journal, directory: Directory, nodes: NodeTable, name: str, stream: StreamName) -> None:
        self._journal, self._directory, self._nodes = journal, directory, nodes
        self._id, self._now = job_of(stream), directory.now
        self._stream = JobStream(journal, stream, name, directory.now)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._turn: deque[CallId] = deque()
        self._moving: set[CallId] = set()
        self._asked_since: dict[CallId, float] = {}
        self._settled: list[SettledCall] = []

    @property
    def job(self) -> BulkMove:
        """The job as its stream says."""
        return self._stream.job

    async def run(self) -> None:
        """Carry the job out, up to where another control node takes it over. Raises JournalError if it cannot begin."""
        await self._stream.load()
        if not self.job.version or self.job.is_over:
            return
        try:
            await self._stream.take(await count(self._journal, self.job, self._nodes))
            log.info("bulk move taken", job=self._id, by=self.job.asked.asked_by, calls=self.job.expected)
            await self._carry_out()
        except TakenOver:
            log.info("bulk move is another control node's", job=self._id, holder=self.job.holder)

    async def _carry_out(self) -> None:
        self._turn.extend(self.job.under_way)
        pace = Pace(self.job.asked, self._loop.time())
        while not self._is_done():
            self._news.clear()
            found = await self._search()
            self._begin(pace)
            if not (await self._note() or found):
                await self._rest()
        await self._stream.write(BulkMoveEnded(reason=self._why_stopped()), ends=True)
        counts = {str(outcome): number for outcome, number in self.job.counts.items()}
        log.info("bulk move ended", job=self._id, why=self.job.ended, **counts)

    async def _rest(self) -> None:
        """Wait until something has become of a call, or the pace may let more begin."""
        if not self._is_done():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), TICK)

    # -- what is to be done --

    def _why_stopped(self) -> str:
        """Return why no more calls are to begin to move; "" if they are."""
        job = self.job
        if job.cancelled is not None:
            return job.cancelled
        return DEADLINE if job.asked.deadline and self._left() <= 0 else ""

    def _left(self) -> int:
        """Return the time up to the job's deadline, ms."""
        deadlines, asked_at = self._directory.deadlines, self.job.asked_at
        return deadlines.after(asked_at, self.job.asked.deadline - asked_at) - self._now()

    def _is_done(self) -> bool:
        if self._moving or self._settled:
            return False
        job = self.job
        if self._why_stopped():
            return True
        return job.is_searched and not job.under_way and not (job.asked.until_empty and job.found_any)

    async def _search(self) -> bool:
        """Note the calls that come next, if there are hardly any left whose turn it is. Return whether it came on."""
        job = self.job
        if self._why_stopped() or len(self._turn) >= job.asked.in_flight:
            return False
        if job.is_searched:
            begins_anew = not (job.under_way or self._settled) and job.asked.until_empty and job.found_any
            if begins_anew:
                await self._stream.write(SearchBegun())
            return begins_anew
        try:
            found = await find_more(self._journal, job, self._nodes)
        except JournalUnavailable as error:
            log.warning("bulk move waits for the journal", job=self._id, why=str(error))
            return False
        if found is None:
            return False
        await self._stream.write(found)
        self._turn.extend(call for call in found.calls if call in self.job.under_way)
        return True

    # -- moving --

    def _begin(self, pace: Pace) -> None:
        """Begin to move as many calls as the pace lets."""
        if self._why_stopped():
            return
        job = self.job
        left = self._left() / 1000 if job.asked.deadline else 0.0
        to_do = job.to_do + len(self._turn)
        begun = pace.allows(self._loop.time(), len(self._moving), to_do, left)
        for _ in range(min(begun, len(self._turn))):
            call_id = self._turn.popleft()
            part = job.under_way.get(call_id)
            if part is not None:
                self._moving.add(call_id)
                self._asked_since.setdefault(call_id, self._loop.time())
                self._directory.submit(self._command(call_id, part), partial(self._take, call_id))

    def _command(self, call_id: CallId, number: int) -> Migrate:
        asked = self.job.asked
        part = asked.parts[number]
        avoid = part.node if part.elsewhere else NO_NODE
        return Migrate(
            call_id=call_id,
            target=MoveTarget(engine=part.new_engine, set=part.new_set, node=part.new_node, avoid=avoid),
            leaves=origin_of(part),
            asked_by=asked.asked_by,
            reason=asked.reason,
            job=self._id,
        )

    def _take(self, call_id: CallId, result: Moved | Refused) -> None:
        """Take what came of a call; one that cannot move yet has another turn."""
        self._moving.discard(call_id)
        self._news.set()
        if _moves_soon(result) and self._loop.time() - self._asked_since[call_id] < PATIENCE:
            self._loop.call_later(AGAIN, self._ask_again, call_id)
        elif isinstance(result, Moved):
            self._settle(call_id, CallOutcome.WAITS if result.waits else CallOutcome.MOVED)
        elif result.code in NO_MORE:
            self._settle(call_id, CallOutcome.GONE)
        else:
            self._settle(call_id, CallOutcome.FAILED, result.reason)

    def _ask_again(self, call_id: CallId) -> None:
        self._turn.append(call_id)
        self._news.set()

    def _settle(self, call_id: CallId, outcome: CallOutcome, reason: str = "") -> None:
        self._asked_since.pop(call_id, None)
        self._settled.append(SettledCall(call_id, outcome, reason))

    async def _note(self) -> bool:
        """Write what became of calls, or that the job goes on; return whether there was anything to write."""
        age = (self._loop.time() - self._stream.wrote_at) * 1000
        is_last = bool(self._settled) and not (self._moving or self._turn)
        is_due = is_last or age >= (BATCH if self._settled else HEARTBEAT)
        if is_due:
            settled, self._settled = self._settled, []
            await self._stream.write(CallsSettled(calls=tuple(settled)))
        return is_due


def _moves_soon(result: Moved | Refused) -> bool:
    """Return whether a call may move in a while: it rings, moves already, or cannot be asked just now."""
    return result.early if isinstance(result, Moved) else result.code in NOT_YET
