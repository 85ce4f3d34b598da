"""Compares what relays hold with what the journal says, and removes from relays what no call has any more.

The relays are asked first, and the journal after them: a session stands in the journal before its node has it, so that
what is on its way is never taken for an orphan. Each finding is looked at twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from actors.control.survey import ask_each
from actors.effects import Outcome
from actors.node_table import Node, NodeTable
from engines.ids import call_id_of
from engines.kind import Operation
from engines.registry import EngineName, kind_at
from engines.rtpengine.listing import LEAST, LIMIT, listed, listing
from events.journal import CorruptEntry, Journal
from events.names import NO_TAG, CallId, NodeName, RelayId
from events.reading import read_all
from events.records import EVERY_CALL, LiveCall
from replay.fold import Inconsistent, fold
from replay.reconcile import Standing, settled_sessions, standing
from replay.state import CallState, Session
from rtp_relay.audit.findings import Asked, Findings, Ghost, Orphan, Ours
from rtp_relay.audit.pace import Pace

OLDER_THAN: Final = 60_000
"""An orphan of which something was signalled in the last so many ms is left alone."""

PAGE: Final = 100
"""About so many rows of live calls are read at once."""

PAUSE: Final = 0.002
"""Seconds between two pages, so that the journal, and the process if it serves calls, has time for these."""

Told = dict[NodeName, frozenset[RelayId] | None]
"""The ids that each node that is compared has named; None where it names none."""


async def _keep_on() -> None:
    """Go on in any case."""


class Reconciler:
    """Compares nodes with a journal. now: ms since the epoch. rate: sessions asked for a second, 0: no bound.

    fix: whether orphans are deleted that are `ours` and of which nothing was signalled for `older_than` ms. keep_on is
    awaited again and again; what it raises ends the work.
    """

    def __init__(
        self,
        journal: Journal,
        nodes: NodeTable,
        ours: Ours,
        *,
        now: Callable[[], int],
        rate: float = 0,
        older_than: int = OLDER_THAN,
        fix: bool = False,
        keep_on: Callable[[], Awaitable[None]] = _keep_on,
    ) -> None:
        self._journal, self._nodes, self._ours = journal, nodes, ours
        self._now, self._pace, self._older_than, self._fix = now, Pace(rate), older_than, fix
        self._keep_on = keep_on
        self._asked: dict[NodeName, Asked] = {}
        self._told: Told = {}
        self._checked = 0

    async def run(self, only: str = "") -> Findings:
        """Compare all nodes, or one alone. Raises JournalUnavailable."""
        findings = Findings()
        async for found in self.compare(only):
            if isinstance(found, Orphan):
                findings.orphans.append(found)
            else:
                findings.ghosts.append(found)
        findings.asked, findings.checked = list(self._asked.values()), self._checked
        return findings

    async def compare(self, only: str = "") -> AsyncIterator[Orphan | Ghost]:
        """Compare all nodes, or one alone, and return each finding as it is found. Raises JournalUnavailable."""
        self._asked, self._told, self._checked = {}, {}, 0
        for node in [node for node in self._nodes.all() if only in ("", node.spec.name)]:
            await self._keep_on()
            await self._list(node)
        for name, relay_id in await self._not_in_the_tables():
            orphan = await self._look_at(name, relay_id)
            if orphan is not None:
                yield orphan
        async for row in self._rows():
            if any(self._may_be_gone(name, relay_id) for name, relay_id in row.sessions):
                for ghost in await self._look_for(row.call_id):
                    yield ghost

    async def _rows(self) -> AsyncIterator[LiveCall]:
        """Return the rows of live calls in slices; one that changes meanwhile may come twice."""
        cursor = ""
        while True:
            page = await self._journal.page(EVERY_CALL, cursor, PAGE)
            for row in page.calls:
                yield row
            if not page.cursor:
                return
            cursor = page.cursor
            await asyncio.sleep(PAUSE)
            await self._keep_on()

    async def _not_in_the_tables(self) -> Sequence[tuple[NodeName, RelayId]]:
        """Return what nodes have named and no row has."""
        left = {relay_id for named in self._told.values() for relay_id in named or ()}
        if left:
            async for row in self._rows():
                left.difference_update(relay_id for _, relay_id in row.sessions)
        return [(name, relay_id) for name, named in self._told.items() for relay_id in sorted(left & (named or set()))]

    async def _ask(self, node: Node, operation: Operation) -> Outcome:
        """Ask a node for a session; one that does not answer is left out from there on."""
        await self._pace.take(1)
        await self._keep_on()
        outcome = await _ask(node, operation)
        self._checked += 1
        if outcome.reply is None:
            self._leave_out(node, outcome)
        return outcome

    def _leave_out(self, node: Node, outcome: Outcome) -> None:
        name = node.spec.name
        self._asked[name] = Asked(node=name, why=outcome.reason or "it does not answer")
        self._told.pop(name, None)

    # -- what nodes hold --

    async def _list(self, node: Node) -> None:
        name = node.spec.name
        if node.spec.engine != EngineName.RTPENGINE:
            self._asked[name], self._told[name] = Asked(node=name), None
            return
        limit = LIMIT
        while True:
            outcome = await _ask(node, listing(limit))
            if outcome.agreed is not None:
                named = listed(outcome.agreed, limit)
                self._asked[name] = Asked(node=name, listed=len(named.ids), whole=named.whole)
                self._told[name] = frozenset(named.ids)
                return
            limit //= 2
            if limit < LEAST:
                break
        self._leave_out(node, outcome)
        if outcome.reply is not None:
            self._told[name] = None  # it answers, and can be asked by name

    def _may_be_gone(self, name: NodeName, relay_id: RelayId) -> bool:
        """Return whether a node that is compared has not named a session."""
        if name not in self._told:
            return False
        named = self._told[name]
        return named is None or relay_id not in named

    # -- orphans --

    async def _look_at(self, name: NodeName, relay_id: RelayId) -> Orphan | None:
        """Look at a session that a node has named and the tables do not have."""
        call_id, stands = await self._history_of(name, relay_id)
        node = self._nodes.node(name)
        if stands is Standing.HELD or node is None or name not in self._told:
            return None
        kind = kind_at(node.spec)
        outcome = await self._ask(node, kind.knows(relay_id, NO_TAG, NO_TAG))
        if outcome.reply is None or outcome.reply.unknown:
            return None
        told = kind.held(outcome.reply)
        since = max(told.created, told.signalled) if told is not None else 0
        ours = stands is Standing.ENDED or self._ours.has(relay_id)
        age = self._now() - since if since else None
        orphan = Orphan(node=name, relay_id=relay_id, ours=ours, call_id=call_id, age=age)
        return await self._deleted(node, orphan) if self._fix else orphan

    async def _deleted(self, node: Node, orphan: Orphan) -> Orphan:
        """Delete an orphan, if it may be deleted, and say whether it is gone."""
        if not orphan.ours or orphan.age is None or orphan.age < self._older_than:
            return orphan
        _, stands = await self._history_of(orphan.node, orphan.relay_id)
        if stands is Standing.HELD or await self._is_held(orphan):
            return orphan
        outcome = await _ask(node, kind_at(node.spec).teardown(orphan.relay_id, NO_TAG, NO_TAG))
        return replace(orphan, fixed=outcome.reply is not None and (outcome.reply.ok or outcome.reply.unknown))

    async def _is_held(self, orphan: Orphan) -> bool:
        """Return whether a call has it by now, by whatever name: its client may have named the session."""
        return await self._journal.lends(CallId(orphan.relay_id))

    async def _history_of(self, name: NodeName, relay_id: RelayId) -> tuple[CallId, Standing]:
        """Return the call that an id is made of, "" for none, and what its history says."""
        try:
            call_id = CallId(call_id_of(relay_id))
        except ValueError:
            return CallId(""), Standing.UNKNOWN
        try:
            state = await self._state(call_id)
        except (CorruptEntry, Inconsistent):
            return call_id, Standing.HELD  # nobody can tell; a quarantined call is another command's
        if state is None:
            return CallId(""), Standing.UNKNOWN
        stands = standing(state, name, relay_id)
        return (CallId("") if stands is Standing.UNKNOWN else call_id), stands

    async def _state(self, call_id: CallId) -> CallState | None:
        records = await read_all(self._journal, call_id)
        return fold(call_id, records) if records else None

    # -- ghosts --

    async def _look_for(self, call_id: CallId) -> list[Ghost]:
        """Ask nodes for the open sessions of a call that they have not named."""
        found: list[Ghost] = []
        for session in await self._settled(call_id):
            node = self._nodes.node(session.node)
            if node is None or not self._may_be_gone(session.node, session.relay_id):
                continue
            question = kind_at(node.spec).knows(session.relay_id, session.from_tag, session.to_tag)
            outcome = await self._ask(node, question)
            if outcome.reply is None or not outcome.reply.unknown:
                continue
            if _numbers(await self._settled(call_id), session):
                found.append(Ghost(node=session.node, relay_id=session.relay_id, call_id=call_id))
        return found

    async def _settled(self, call_id: CallId) -> list[Session]:
        try:
            state = await self._state(call_id)
        except (CorruptEntry, Inconsistent):
            return []
        return list(settled_sessions(state)) if state is not None else []


def _numbers(sessions: Iterable[Session], wanted: Session) -> bool:
    return any(one.number == wanted.number for one in sessions)


async def _ask(node: Node, operation: Operation) -> Outcome:
    (outcome,) = await ask_each([(node, operation)])
    return outcome
