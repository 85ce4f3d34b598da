"""Shortens the streams of decisions: what is older than any ended call is summed up, once that is much.

Any number of control nodes may do it at once, and break off anywhere: the journal takes a summary and removes what it
stands for in one step, if the stream is still what was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from itertools import takewhile

import structlog

from actors.beat import next_beat
from actors.control.status import read_status
from events.decisions import FORGOTTEN, NODES
from events.event import Summary
from events.forget_events import ForgettingAsked, ForgettingsSummarized
from events.journal import Conflict, Journal, JournalError
from events.names import NodeName, StreamName
from events.node_events import NodeEvent, NodesSummarized
from events.records import Recorded
from replay.node_decisions import NodeDecisions, summary_of
from replay.nodes import fold_nodes

log = structlog.get_logger()

INTERVAL = 3600.0
"""Seconds between two looks whether there is anything to sum up."""

LEAST = 500
"""So many entries have to be old before they are summed up: few systems ever have as many."""

REMOVED = 1000
"""So many nodes are remembered that were added and removed; no configuration makes nodes of them."""

SLICE = 200
"""How many entries are read in one piece."""


_SumUp = Callable[[Sequence[Recorded], Sequence[Recorded]], Awaitable[Summary]]


class Shortening:
    """Sums up decisions that are older than `kept` ms.

    configured: returns the nodes of the configuration, of which a removal is remembered for ever.
    """

    def __init__(
        self, journal: Journal, name: str, configured: Callable[[], Collection[NodeName]], kept: int, least: int = LEAST
    ) -> None:
        self._journal, self._name, self._configured = journal, name, configured
        self._kept, self._least = kept, least

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await next_beat(INTERVAL)
            try:
                await self.shorten()
            except JournalError as error:
                log.warning("decisions not summed up", why=str(error))

    async def shorten(self) -> None:
        """Look once. Raises JournalError."""
        if not await self._are_alike():
            return
        await self._shorten(NODES, self._sum_up_nodes)
        await self._shorten(FORGOTTEN, _sum_up_forgettings)

    async def _are_alike(self) -> bool:
        """Return whether all control nodes that live are of one version: an older one may not read summaries."""
        try:
            return len({status.version for status in await read_status(self._journal)}) <= 1
        except ValueError:
            return False

    async def _shorten(self, stream: StreamName, sum_up: _SumUp) -> None:
        entries = await self._entries(stream)
        limit = round(await self._journal.time()) - self._kept
        old = _old(entries[:-1], limit)  # the newest one stays
        if sum(not isinstance(entry.event, Summary) for entry in old) < self._least:
            return
        summary = Recorded(old[-1].version, limit + self._kept, self._name, await sum_up(old, entries[len(old) :]))
        try:
            await self._journal.append_decisions(stream, entries[-1].version, [summary], known=entries[-1])
        except Conflict:
            return  # something was decided meanwhile: the next look will do
        log.info("old decisions summed up", stream=stream, number=len(old))

    async def _entries(self, stream: StreamName) -> Sequence[Recorded]:
        entries: list[Recorded] = []
        while some := await self._journal.read_decisions(stream, entries[-1].version if entries else 0, SLICE):
            if isinstance(some[0].event, Summary):
                entries = []  # another one has summed up what was read
            entries += some
            await asyncio.sleep(0)
        return entries

    async def _sum_up_nodes(self, old: Sequence[Recorded], newer: Sequence[Recorded]) -> Summary:
        """Return what is decided about nodes, but for what nobody needs to know any more."""
        nodes = fold_nodes(old).nodes
        named = {entry.event.node for entry in newer if isinstance(entry.event, NodeEvent)}
        calls = await self._journal.count_calls()
        left_out = _needless(nodes, named.union(self._configured(), map(NodeName, calls)))
        return NodesSummarized(nodes=tuple(summary_of(one) for name, one in nodes.items() if name not in left_out))


def _needless(nodes: Mapping[NodeName, NodeDecisions], needed: Collection[NodeName]) -> Collection[NodeName]:
    """Return the nodes of which nothing has to be remembered.

    These are what was reset to a configuration, and the oldest of those that were added and removed: where a node comes
    and goes under another name each time, they would be more and more. One that is needed is none of them.
    """
    reset = [name for name, one in nodes.items() if one.says_nothing]
    over = [(one.last.version, name) for name, one in nodes.items() if one.is_over and name not in needed]
    return {*reset, *(name for _, name in sorted(over)[: max(0, len(over) - REMOVED)])}


async def _sum_up_forgettings(old: Sequence[Recorded], _: Sequence[Recorded]) -> Summary:
    """Return how often was asked to forget calls."""
    asked = [entry.event for entry in old if isinstance(entry.event, ForgettingAsked)]
    before, since = old[0].event, old[0].at
    times, calls = len(asked), sum(len(event.calls) for event in asked)
    if isinstance(before, ForgettingsSummarized):
        since, times, calls = before.since, times + before.times, calls + before.calls
    return ForgettingsSummarized(since=since, times=times, calls=calls)


def _old(entries: Sequence[Recorded], limit: int) -> Sequence[Recorded]:
    """Return the first entries, up to one that is of after a time."""
    return list(takewhile(lambda entry: entry.at < limit or isinstance(entry.event, Summary), entries))
