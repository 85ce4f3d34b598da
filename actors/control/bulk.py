"""Bulk moves, asked for, watched and cancelled. Nothing here needs a control node to run: one takes the job up."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence

from actors.control.status import NodeStatus
from engines.balance import shifts
from engines.health import NodeState
from events.bulk_events import BulkMoveAsked, BulkMoveCancelled
from events.bulk_parts import BulkPart, CallOutcome
from events.decisions import bulk_stream, job_of
from events.event import Event
from events.journal import Conflict, Journal
from events.names import CallId, NodeName
from events.readable import fault_of
from events.records import Recorded
from events.values import value
from replay.bulk_move import BulkMove, fold_bulk

IN_FLIGHT = 50
"""So many calls move at a time, if nobody says how many."""


@value(kw_only=True)
class BulkWish:
    """Which calls are to move where, and how fast; as in BulkMoveAsked. asked_by, reason: for people.

    within: seconds after which it is over, 0 for never.
    """

    parts: tuple[BulkPart, ...]
    in_flight: int = IN_FLIGHT
    rate: int = 0
    within: int = 0
    until_empty: bool = False
    asked_by: str = ""
    reason: str = ""


@value(kw_only=True)
class BulkProgress:
    """How far a job is. Times are ms since the epoch, 0 for what has not come.

    state: asked for, moving, cancelled (what moves comes to its end), over. ended: why it is over before all calls had
    their turn. counts: by what became of calls. failures: why calls stayed where they were.
    """

    job: str
    state: str
    asked_by: str
    reason: str
    asked_at: int
    seen: int
    holder: str
    parts: Sequence[BulkPart]
    calls: int
    to_do: int
    moving: int
    counts: Mapping[CallOutcome, int]
    failures: Mapping[CallId, str]
    waiting: Sequence[CallId]
    ended: str


class NoSuchJob(LookupError):
    """There is no such job, or none any more."""


class NothingToMove(Exception):
    """The calls are where they are to be."""


class BulkMoves:
    """The jobs of the whole cluster. Methods raise JournalError."""

    def __init__(self, journal: Journal, name: str) -> None:
        """Make it; `name` is that of who asks, for the journal."""
        self._journal, self._name = journal, name
        self.asked = asyncio.Event()
        """Set when a job was asked for here: who takes jobs clears it, and looks at once."""

    async def ask(self, wish: BulkWish) -> str:
        """Ask for a job, and return its name. The first control node that looks takes it. Raises ValueError."""
        job = secrets.token_hex(4)
        now = round(await self._journal.time())
        asked = BulkMoveAsked(
            asked_by=wish.asked_by,
            reason=wish.reason,
            parts=wish.parts,
            in_flight=wish.in_flight,
            rate=wish.rate,
            deadline=now + wish.within * 1000 if wish.within else 0,
            until_empty=wish.until_empty,
        )
        await self._append(job, None, asked, due=True)
        self.asked.set()
        return job

    async def cancel(self, job: str, asked_by: str, reason: str = "") -> BulkProgress:
        """Have no more calls begin to move, and return how far it was. Raises NoSuchJob."""
        while True:
            move = await self._move(job)
            if move.is_over or move.cancelled is not None:
                return progress_of(job, move)
            try:
                await self._append(job, move.newest, BulkMoveCancelled(asked_by=asked_by, reason=reason))
            except Conflict:
                continue  # it has come on meanwhile
            return progress_of(job, await self._move(job))

    async def progress(self, job: str) -> BulkProgress:
        """Return how far a job is. Raises NoSuchJob."""
        return progress_of(job, await self._move(job))

    async def going_on(self) -> list[BulkProgress]:
        """Return the jobs that are not over."""
        jobs = [job_of(stream) for stream in await self._journal.due_decisions()]
        moves = [(job, await self._move(job)) for job in jobs]
        return [progress_of(job, move) for job, move in moves]

    async def _move(self, job: str) -> BulkMove:
        move = fold_bulk(await self._journal.read_decisions(bulk_stream(job)))
        if not move.version:
            raise NoSuchJob(job)
        return move

    async def _append(self, job: str, known: Recorded | None, event: Event, *, due: bool = False) -> None:
        if fault := fault_of(event):
            raise ValueError(fault)
        now, version = round(await self._journal.time()), known.version if known is not None else 0
        record, at = Recorded(version + 1, now, self._name, event), now if due else None
        await self._journal.append_decisions(bulk_stream(job), version, [record], known=known, due=at)


def balanced(nodes: Sequence[NodeStatus], set_name: str) -> tuple[BulkPart, ...]:
    """Return the parts of a job that brings the nodes of a set to their weights; each kind of relay by itself.

    Nodes that take no new calls are left out. Raises NothingToMove.
    """
    able = [node for node in nodes if node.set == set_name and node.state is NodeState.UP]
    parts: list[BulkPart] = []
    for engine in dict.fromkeys(node.engine for node in able):
        alike = [node for node in able if node.engine == engine]
        counts = {NodeName(node.name): node.calls for node in alike}
        moves = shifts(counts, {NodeName(node.name): node.weight for node in alike})
        parts += [BulkPart(node=one.source, new_node=one.destination, most=one.calls) for one in moves]
    if not parts:
        raise NothingToMove("each node that takes calls has its share")
    return tuple(parts)


def progress_of(job: str, move: BulkMove) -> BulkProgress:
    """Return how far a job is."""
    return BulkProgress(
        job=job,
        state=_state(move),
        asked_by=move.asked.asked_by,
        reason=move.asked.reason,
        asked_at=move.asked_at,
        seen=move.seen,
        holder=move.holder,
        parts=move.asked.parts,
        calls=move.expected,
        to_do=move.to_do,
        moving=len(move.under_way),
        counts={outcome: move.counts[outcome] for outcome in CallOutcome},
        failures=move.failures,
        waiting=tuple(move.waiting),
        ended=move.ended or "",
    )


def _state(move: BulkMove) -> str:
    if move.is_over:
        return "over"
    if move.cancelled is not None:
        return "cancelled"
    return "moving" if move.holder else "asked for"
