"""Follows what is decided about nodes: each control node, and each worker, does what the journal says of them.

The stream is polled. A blocking read would need a connection of its own to whichever server has the stream, kept up
over failovers and moved slots; a poll is one small command on a connection that is there anyway, and quick enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from actors.beat import next_beat
from actors.control.behind import control_nodes_behind
from actors.known_decisions import KnownDecisions
from actors.lasting_trouble import LastingTrouble
from actors.node_keeper import NodeKeeper, Unopened
from actors.roster import RosterNode, overruled, roster
from events.decisions import NODES
from events.event import Summary
from events.journal import Conflict, CorruptEntry, Journal, JournalError
from events.names import NodeName
from events.node_events import NodeRemoved
from events.records import Recorded
from replay.node_decisions import NodeDecisions
from replay.nodes import DecidedNodes

log = structlog.get_logger()

INTERVAL = 0.5
"""Seconds between two looks: a decision is in force everywhere after about that."""

RETRY = 10
"""After so many looks without news, nodes that could not be opened are tried again."""

COUNT = 2
"""At every so many looks the calls are counted of nodes that are on their way out."""

GRACE = 10.0
"""Seconds that a node is kept after it is gone: by then all control nodes know, and place no calls there."""

PATIENCE = 1.0
"""Seconds for which the host of a node is looked for, while the service runs."""


class NodeFollower:
    """Keeps the nodes of one control node, `name`, as they are decided. `now` is in ms since the epoch."""

    def __init__(
        self,
        journal: Journal,
        keeper: NodeKeeper,
        configured: Sequence[RosterNode],
        *,
        name: str,
        now: Callable[[], int],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """Call `changed` whenever something was decided and is in force here."""
        self._journal, self._keeper, self.configured = journal, keeper, configured
        self._name, self._now, self._changed = name, now, changed
        self._known = KnownDecisions()
        self._looks = 0
        self._let_go_at: dict[NodeName, float] = {}
        self._unreadable = 0
        self._unopened: list[Unopened] = []
        self._is_stale = False
        self._one_at_a_time = asyncio.Lock()

    @property
    def decided(self) -> DecidedNodes:
        """What is decided, as far as it was read."""
        return self._known.decided

    async def begin(self) -> list[Unopened]:
        """Read what is decided and open the nodes; return those that cannot be opened. Raises JournalUnavailable."""
        await self._read_on()
        gone = any(decisions.removed for decisions in self.decided.nodes.values())
        unopened = await self._keep(await self._journal.count_calls() if gone else {})
        self._keeper.patience = PATIENCE
        self._warn()
        return unopened

    async def run(self) -> None:
        """Follow until cancelled. While the journal is away, what was decided last stays in force."""
        trouble = LastingTrouble("decisions about nodes not read", "decisions about nodes read again")
        while True:
            await next_beat(INTERVAL)
            try:
                await self.look()
                trouble.end()
            except JournalError as error:
                trouble.note(error)

    async def configure(self, configured: Sequence[RosterNode]) -> None:
        """Take another configuration. Nodes that cannot be opened are tried again."""
        async with self._one_at_a_time:
            self.configured = configured
            self._warn()
            complain(await self._keep({}))

    async def look(self) -> None:
        """Look once whether anything was decided, and do what is to be done in the course of time."""
        async with self._one_at_a_time:
            await self._look()

    async def _look(self) -> None:
        self._looks += 1
        await self._read_on()
        if self._is_stale or (self._unopened and self._looks % RETRY == 0):
            complain(await self._keep({}))
            self._changed()
        if self._looks % COUNT == 0 and (self._keeper.gone or self._leaving()):
            await self._see_off(await self._journal.count_calls())

    # -- the stream --

    async def _read_on(self) -> None:
        """Read what is new. The newest entry is read again: by it the stream is known to be the same."""
        newest = self._known.newest
        entries = await self._read(max(0, self.decided.version - 1))
        if newest is None or entries[:1] == [newest]:
            self._take(entries[newest is not None :])
        elif entries and isinstance(entries[0].event, Summary):
            self._take(entries)  # the newest that is known here is long summed up
        else:
            await self._bring_back()

    async def _read(self, after: int) -> Sequence[Recorded]:
        """Return the entries above a version, up to one that cannot be read."""
        try:
            return await self._journal.read_decisions(NODES, after)
        except CorruptEntry as error:
            if error.version != self._unreadable:
                self._unreadable = error.version
                log.error("decisions about nodes cannot be read from here on", version=error.version, why=error.why)
            return list(error.before) or self._known.at(after + 1)

    def _take(self, records: Sequence[Recorded]) -> None:
        if records:
            self._known.take(records)
            self._is_stale = True

    async def _bring_back(self) -> None:
        """Write again what the journal has lost (Redis lost its newest entries), or take what it has instead."""
        known = self._known
        there = await self._read(known.remembered_after) or await self._read(0)
        lost = known.lost(there)
        if lost is None:
            log.error(
                "decisions about nodes are lost: others stand in their place",
                known=self.decided.version,
                there=there[-1].version,
            )
            there = await self._read(0)
            known.forget()
            self._take(there)
            return
        if lost:
            await self._write_again(there[-1] if there else None, lost)

    async def _write_again(self, known: Recorded | None, lost: Sequence[Recorded]) -> None:
        """Append what is lost behind the newest entry that the stream has."""
        version = known.version if known is not None else 0
        try:
            await self._journal.append_decisions(NODES, version, lost, known=known)
        except Conflict:
            return  # another control node was first; the next look tells with what
        log.warning("decisions about nodes written again, which the journal had lost", number=len(lost))
        if lost[-1] != self._known.newest:  # in other words, for not all of them were remembered
            self._known.forget()
            self._take(lost)

    # -- the nodes --

    async def _keep(self, calls: Mapping[str, int]) -> list[Unopened]:
        """Make the nodes what is decided. calls: on each node, of those that are gone and to be opened all the same."""
        self._is_stale = False
        decided = self.decided
        self._unopened = await self._keeper.keep(roster(self.configured, decided), calls, _reasons(decided))
        self._keeper.table.decided = decided.version
        return self._unopened

    def _warn(self) -> None:
        for name, what in overruled(self.configured, self.decided):
            log.warning("decided otherwise than configured", node=name, what=what)

    def _leaving(self) -> list[NodeDecisions]:
        return [one for one in self.decided.nodes.values() if one.leaving]

    async def _see_off(self, calls: Mapping[str, int]) -> None:
        """Remove the nodes that were to leave and have no calls left, and let go of those that are gone."""
        for leaving in self._leaving():
            if not calls.get(leaving.last_event.node):
                await self._remove(leaving)
        loop_time = asyncio.get_running_loop().time()
        gone = self._keeper.gone
        self._let_go_at = {name: self._let_go_at.get(name, loop_time + GRACE) for name in gone}
        self._keeper.let_go(name for name in gone if self._let_go_at[name] <= loop_time and not calls.get(name))

    async def _remove(self, leaving: NodeDecisions) -> None:
        """Decide that a node is removed, once no control node places calls there; only one of them succeeds."""
        decision = leaving.last_event
        if await control_nodes_behind(self._journal, leaving.last.version):
            return
        event = NodeRemoved(node=decision.node, asked_by=decision.asked_by, reason=decision.reason)
        version = self.decided.version
        record = Recorded(version + 1, self._now(), self._name, event)
        try:
            await self._journal.append_decisions(NODES, version, [record], known=self._known.newest)
        except Conflict:
            return  # another one has, or other things were decided: the next look tells


def complain(unopened: Sequence[Unopened]) -> None:
    """Tell the log of nodes that cannot be opened yet."""
    for node in unopened:
        log.error("node cannot be opened", node=node.spec.name, url=node.spec.url, why=node.why)


def _reasons(decided: DecidedNodes) -> dict[NodeName, str]:
    reasons = {}
    for name, decisions in decided.nodes.items():
        event = decisions.last_event
        reasons[name] = f"by {event.asked_by}" + (f": {event.reason}" if event.reason else "")
    return reasons
