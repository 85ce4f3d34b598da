"""Events of all calls as they are written, each once.

The journal tells which calls were appended to since the last look, and their streams have no gaps: what was written
between two looks is read from the streams. Where it cannot tell, at first and when a look comes late, the tables say at
which version each call is. So calls pay next to nothing for who follows them, and nothing is lost while the journal is
away, but what it has removed by then: that is told as a gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from events.journal import PAGE, CorruptEntry, Journal
from events.names import CallId
from events.reading import slices
from events.records import CallFilter, Index, LiveCall, Recorded
from events.values import value
from rtp_relay.cli.reading import LATE, PAUSE, ended_calls

AT_ONCE: Final = 16
"""So many calls that have changed are read at the same time."""


@value
class Told:
    """An event of a call, and where the call is: the nodes and sets that it was on."""

    call_id: CallId
    entry: Recorded
    nodes: frozenset[str]
    sets: frozenset[str]


@value(kw_only=True)
class Gap:
    """Something that is not told, and why. call_id: of the call, "" for whatever ended from `since` to `until`.

    after: the version up to which the call was told. since, until: ms since the epoch.
    """

    why: str
    call_id: CallId = CallId("")
    after: int = 0
    since: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """What was told of a call: up to which version; where it was; when it was heard of last, ms since the epoch.

    over: whether it had ended by then.
    """

    version: int = 0
    nodes: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    heard: int = 0
    over: bool = False


class Follower:
    """Looks for events. `begun`: those written then or later are told (ms since the epoch).

    `gap` is told of what is not: what had been removed when it was looked for. kept: for how many ms ended calls are
    kept at least, 0 where nobody knows.
    """

    def __init__(
        self, journal: Journal, begun: int, *, gap: Callable[[Gap], None] = lambda _: None, kept: int = 0
    ) -> None:
        self._journal, self._gap, self._kept = journal, gap, kept
        self._begun = self._looked = begun
        self._known: dict[CallId, _Known] = {}
        self._ended: dict[CallId, int] = {}
        self._cursor = ""
        self._caught_up = False
        self._changed: dict[CallId, int] = {}

    async def look(self) -> AsyncIterator[Told]:
        """Return what was written since the last look, in the order of each call. Raises JournalUnavailable.

        Where it breaks off, the next look begins with what was not told.
        """
        now = round(await self._journal.time())
        if now < self._begun:  # the clock was set back: all that is new is of earlier times
            self._begun = now - LATE
        await self._note_changes()
        if self._caught_up:
            async for told in self._of_changed(now):
                yield told
            self._forget_quiet()
        else:
            self._note_removed(now)
            async for told in self._of_all(now):
                yield told
            self._caught_up = True
        self._looked = now

    async def _note_changes(self) -> None:
        """Note which calls have changed since the last look, and whether these are all."""
        while True:
            page = await self._journal.changes(self._cursor)
            self._cursor = page.cursor
            self._caught_up = self._caught_up and page.whole
            for call_id, version in page.calls.items():
                self._changed.setdefault(call_id, version)
            if not page.more:
                return

    def _note_removed(self, now: int) -> None:
        """Tell of a time since the last look in which calls may have ended that are kept no longer."""
        if self._kept and self._looked < now - self._kept:
            self._gap(
                Gap(why="what ended in this time may be kept no longer", since=self._looked, until=now - self._kept)
            )

    # -- what is known to have changed --

    async def _of_changed(self, now: int) -> AsyncIterator[Told]:
        changed = list(self._changed.items())
        for first in range(0, len(changed), AT_ONCE):
            some = changed[first : first + AT_ONCE]
            found = await asyncio.gather(*(self._look_at(call_id, version, now) for call_id, version in some))
            for (call_id, _), new in zip(some, found, strict=True):
                for told in self._tell(call_id, new, self._begun):
                    yield told
                del self._changed[call_id]
            await asyncio.sleep(PAUSE)

    async def _look_at(self, call_id: CallId, before: int, now: int) -> _New:
        """Return what is new of a call that was at a version before."""
        stored = await self._journal.stored(call_id)
        self._place(call_id, *_places(stored.index), heard=now, version=before, over=stored.index.live is None)
        after = self._known[call_id].version
        if stored.version:
            return await self._read(call_id, after)
        return _New(gap=_gone(call_id, after)) if after <= before else _New()

    def _forget_quiet(self) -> None:
        """Forget calls that nothing was heard of for a while: what they do next says at which version they were."""
        since = self._looked - 4 * LATE
        self._known = {call_id: known for call_id, known in self._known.items() if known.heard >= since}

    # -- where changes are not known --

    async def _of_all(self, now: int) -> AsyncIterator[Told]:
        """Return what is new of all calls, by the tables."""
        seen: set[CallId] = set()
        cursor = ""
        while True:
            page = await self._journal.page(CallFilter(), cursor, PAGE)
            for row in page.calls:
                seen.add(row.call_id)
                self._ended.pop(row.call_id, None)
                self._place(row.call_id, _nodes(row), {row.set}, heard=row.changed)
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
        self._ended.clear()

    async def _of_ended(self, now: int) -> AsyncIterator[Told]:
        """Return what is new of calls that have ended; their rows may come late."""
        async for row in ended_calls(self._journal, self._looked - 2 * LATE, now + LATE):
            self._ended[row.call_id] = row.ended
            self._place(row.call_id, row.nodes, row.sets, heard=row.ended, over=True)
            async for told in self._new_of(row.call_id, row.version, changed=row.ended):
                yield told

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
        new = await self._read(call_id, known.version)
        if version is None and not known.over and not (await self._journal.stored(call_id)).version:
            new = _New(gap=_gone(call_id, known.version))
        for told in self._tell(call_id, new, begin):
            yield told

    # -- a call --

    def _place(
        self,
        call_id: CallId,
        nodes: Collection[str],
        sets: Collection[str],
        *,
        heard: int,
        version: int = 0,
        over: bool = False,
    ) -> None:
        """Note where a call is, and when it was heard of; one that was not known was told up to a version."""
        known = self._known.get(call_id, _Known(version))
        self._known[call_id] = replace(
            known,
            nodes=known.nodes.union(nodes),
            sets=known.sets.union(sets),
            heard=max(known.heard, heard),
            over=over,
        )

    async def _read(self, call_id: CallId, after: int) -> _New:
        """Return what a call's stream has above a version."""
        entries: list[Recorded] = []
        try:
            async for some in slices(self._journal, call_id, after):
                entries += some
        except CorruptEntry as error:
            entries += [entry for entry in error.before if entry.version > (entries[-1].version if entries else after)]
            last = entries[-1].version if entries else after
            return _New(tuple(entries), Gap(why=error.why, call_id=call_id, after=last), max(error.last, error.version))
        return _New(tuple(entries))

    def _tell(self, call_id: CallId, new: _New, begin: int) -> Iterator[Told]:
        """Return what is told of what is new, from a time on, and note it."""
        known = self._known[call_id]
        for entry in new.entries:
            self._note(call_id, entry.version)
            if entry.at >= begin:
                yield Told(call_id, entry, known.nodes, known.sets)
        if new.gap is not None:
            self._gap(new.gap)
            self._note(call_id, max(new.version, self._known[call_id].version))

    def _note(self, call_id: CallId, version: int) -> None:
        self._known[call_id] = replace(self._known[call_id], version=version)


@dataclass(frozen=True, slots=True)
class _New:
    """What is new of a call. gap: what is not there, and version: the last one that is passed over for it."""

    entries: Sequence[Recorded] = ()
    gap: Gap | None = None
    version: int = 0


def _gone(call_id: CallId, after: int) -> Gap:
    return Gap(why="its history is gone", call_id=call_id, after=after)


def _places(index: Index) -> tuple[Collection[str], Collection[str]]:
    """Return the nodes and the sets that a call is or was on, by the tables."""
    if index.live is not None:
        return _nodes(index.live), {index.live.set}
    return (index.ended.nodes, index.ended.sets) if index.ended is not None else ((), ())


def _nodes(row: LiveCall) -> set[str]:
    return {node for node, _ in row.sessions}
