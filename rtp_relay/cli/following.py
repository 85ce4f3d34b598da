"""Events of all calls as they are written, each once.

The tables say at which version each call is, and its stream has no gaps: what was written between two looks is read
from the stream, however long they were apart. So calls pay nothing for who follows them, and nothing is lost while the
journal is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace

import typer

from events.journal import PAGE, CallFilter, CorruptEntry, Journal, LiveCall, Recorded
from events.names import CallId
from events.reading import slices
from events.values import value
from replay.history.timeline import printable
from rtp_relay.cli.reading import LATE, PAUSE, ended_calls


@value
class Told:
    """An event of a call, and where the call is: the nodes and sets that it was on."""

    call_id: CallId
    entry: Recorded
    nodes: frozenset[str]
    sets: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was told of a call: up to which version; and where it was."""

    version: int = 0
    nodes: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()


class Follower:
    """Looks for events. `begun`: those written then or later are told (ms since the epoch)."""

    def __init__(self, journal: Journal, begun: int) -> None:
        self._journal = journal
        self._begun = self._looked = begun
        self._known: dict[CallId, _Known] = {}
        self._ended: dict[CallId, int] = {}

    async def look(self) -> AsyncIterator[Told]:
        """Return what was written since the last look, in the order of each call. Raises JournalUnavailable.

        Where it breaks off, the next look begins with what was not told.
        """
        now = round(await self._journal.time())
        seen: set[CallId] = set()
        cursor = ""
        while True:
            page = await self._journal.page(CallFilter(), cursor, PAGE)
            for row in page.calls:
                seen.add(row.call_id)
                self._ended.pop(row.call_id, None)
                self._place(row.call_id, _nodes(row), {row.set})
                async for told in self._new_of(row.call_id, row.version, changed=row.changed):
                    yield told
            if not page.cursor:
                break
            cursor = page.cursor
            await asyncio.sleep(PAUSE)
        async for told in self._of_ended(now):
            yield told
        for call_id in self._known.keys() - seen - self._ended.keys():
            async for told in self._new_of(call_id):
                yield told
            del self._known[call_id]
        self._looked = now

    async def _of_ended(self, now: int) -> AsyncIterator[Told]:
        """Return what is new of calls that have ended; they are known for as long as their rows may come late."""
        since = self._looked - 2 * LATE
        for call_id, ended in list(self._ended.items()):
            if ended < since:
                del self._ended[call_id]
                self._known.pop(call_id, None)
        async for row in ended_calls(self._journal, since, now + LATE):
            self._ended[row.call_id] = row.ended
            self._place(row.call_id, row.nodes, row.sets)
            async for told in self._new_of(row.call_id, row.version, changed=row.ended):
                yield told

    def _place(self, call_id: CallId, nodes: Collection[str], sets: Collection[str]) -> None:
        known = self._known.get(call_id, _Known())
        if not (known.nodes.issuperset(nodes) and known.sets.issuperset(sets)) or call_id not in self._known:
            self._known[call_id] = replace(known, nodes=known.nodes.union(nodes), sets=known.sets.union(sets))

    async def _new_of(self, call_id: CallId, version: int | None = None, *, changed: int = 0) -> AsyncIterator[Told]:
        """Return what of a call was not told. version: where it is; None if that is to be found out."""
        known = self._known[call_id]
        if version is not None and version <= known.version:
            return
        if version is not None and not known.version and changed < self._begun:
            self._note(call_id, version)
            return
        # A call that was not known at the last look has nothing of before it, but what was told and is known no more.
        begin = self._begun if known.version else max(self._begun, self._looked - 2 * LATE)
        try:
            async for some in slices(self._journal, call_id, known.version):
                for entry in some:
                    self._note(call_id, entry.version)
                    if entry.at >= begin:
                        yield Told(call_id, entry, known.nodes, known.sets)
        except CorruptEntry as error:
            typer.echo(f"rtp-relay: {printable(str(error))}: the call is not followed further", err=True)
            self._note(call_id, max(error.last, error.version))

    def _note(self, call_id: CallId, version: int) -> None:
        self._known[call_id] = replace(self._known[call_id], version=version)


def _nodes(row: LiveCall) -> set[str]:
    return {node for node, _ in row.sessions}
