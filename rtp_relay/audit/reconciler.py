"""Compares what relays hold with what the journal says, and removes from relays what no call has any more.

The relays are asked first, and the journal after them: a session stands in the journal before its node has it, so that
what is on its way is never taken for an orphan. Each finding is looked at twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from actors.control.survey import ask_each
from actors.effects import Outcome
from actors.node_table import Node, NodeTable
from engines.ids import call_id_of
from engines.kind import Operation
from engines.registry import EngineName, kind_at
from engines.rtpengine.listing import LEAST, LIMIT, Listed, listed, listing
from events.journal import CorruptEntry, Journal
from events.names import NO_TAG, CallId, NodeName, RelayId
from events.reading import read_all
from replay.fold import Inconsistent, fold
from replay.reconcile import Standing, settled_sessions, standing
from replay.state import CallState, Session
from rtp_relay.audit.findings import Asked, Findings, Ghost, Orphan, Ours
from rtp_relay.audit.pace import Pace

OLDER_THAN: Final = 60_000
"""An orphan of which something was signalled in the last so many ms is left alone."""

Held = Mapping[RelayId, CallId]
"""The calls that have a session by the tables, by the session's id."""


class Reconciler:
    """Compares nodes with a journal. now: ms since the epoch. rate: sessions asked for a second, 0: no bound.

    fix: whether orphans are deleted that are `ours` and of which nothing was signalled for `older_than` ms.
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
    ) -> None:
        self._journal, self._nodes, self._ours = journal, nodes, ours
        self._now, self._pace, self._older_than, self._fix = now, Pace(rate), older_than, fix

    async def run(self, only: str = "") -> Findings:
        """Compare all nodes, or one alone. Raises JournalUnavailable."""
        findings = Findings()
        nodes = [node for node in self._nodes.all() if only in ("", node.spec.name)]
        told = {node.spec.name: await self._list(node, findings) for node in nodes}
        held: dict[RelayId, CallId] = {}
        suspects: dict[CallId, None] = {}
        async for row in self._journal.live_calls():
            for name, relay_id in row.sessions:
                held[relay_id] = row.call_id
                if name in told and self._may_be_gone(told[name], relay_id):
                    suspects[row.call_id] = None
        for node in nodes:
            named = told[node.spec.name]
            for relay_id in named.ids if named is not None else ():
                if relay_id not in held:
                    await self._look_at(node, relay_id, findings)
        for call_id in suspects:
            await self._look_for(call_id, told, findings)
        return findings

    # -- what nodes hold --

    async def _list(self, node: Node, findings: Findings) -> Listed | None:
        name = node.spec.name
        if node.spec.engine != EngineName.RTPENGINE:
            findings.asked.append(Asked(node=name))
            return None
        limit, why = LIMIT, ""
        while limit >= LEAST:
            outcome = await _ask(node, listing(limit))
            if outcome.agreed is not None:
                named = listed(outcome.agreed, limit)
                findings.asked.append(Asked(node=name, listed=len(named.ids), whole=named.whole))
                return named
            limit, why = limit // 2, outcome.reason or "it refuses to list its calls"
        findings.asked.append(Asked(node=name, why=why))
        return None

    @staticmethod
    def _may_be_gone(named: Listed | None, relay_id: RelayId) -> bool:
        return named is None or relay_id not in named.ids

    # -- orphans --

    async def _look_at(self, node: Node, relay_id: RelayId, findings: Findings) -> None:
        """Look at a session that a node has named and the tables do not have."""
        await self._pace.take(1)
        name = node.spec.name
        call_id, stands = await self._history_of(name, relay_id)
        if stands is Standing.HELD:
            return
        kind = kind_at(node.spec)
        outcome = await _ask(node, kind.knows(relay_id, NO_TAG, NO_TAG))
        findings.checked += 1
        if outcome.reply is None or outcome.reply.unknown:
            return
        told = kind.held(outcome.reply)
        since = max(told.created, told.signalled) if told is not None else 0
        ours = stands is Standing.ENDED or self._ours.has(relay_id)
        age = self._now() - since if since else None
        orphan = Orphan(node=name, relay_id=relay_id, ours=ours, call_id=call_id, age=age)
        findings.orphans.append(await self._deleted(node, orphan) if self._fix else orphan)

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

    async def _look_for(self, call_id: CallId, told: Mapping[NodeName, Listed | None], findings: Findings) -> None:
        """Ask nodes for the open sessions of a call that they have not named."""
        await self._pace.take(1)
        for session in await self._settled(call_id):
            node = self._nodes.node(session.node)
            if node is None or session.node not in told:
                continue
            if not self._may_be_gone(told[session.node], session.relay_id):
                continue
            question = kind_at(node.spec).knows(session.relay_id, session.from_tag, session.to_tag)
            outcome = await _ask(node, question)
            findings.checked += 1
            if outcome.reply is None or not outcome.reply.unknown:
                continue
            if _numbers(await self._settled(call_id), session):
                findings.ghosts.append(Ghost(node=session.node, relay_id=session.relay_id, call_id=call_id))

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
