"""Verifies a journal call by call, beside the control nodes that write it, and mends its tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from events.journal import Conflict, CorruptEntry, Journal
from events.names import CallId
from events.reading import slices
from events.records import EVERY_CALL, NOTHING, Index, Recorded, Stored, Stray
from events.retention import Retention
from events.snapshot import EVERY, Snapshot
from replay import snapshots
from replay.fold import Inconsistent
from replay.projection import Deadlines, project
from replay.state import ENDED
from replay.verify import Finding, Kind, StreamCheck, check_lost, check_snapshot, check_tables, stray_finding
from rtp_relay.audit.pace import Pace

PAGE: Final = 100
"""About so many streams are looked for in one step of the server."""

AT_ONCE: Final = 8
"""So many calls are read at the same time."""

CHEAP: Final = 20
"""To look at so many entries of tables takes about as much as to verify a call."""

TRIES: Final = 3
"""So often a call is read that changes all the time; then it is left for another time."""

_STREAMS, _ROWS, _TABLES = "streams", "rows", "tables"

BEGIN: Final = f"{_STREAMS}/"
"""The cursor with which all begins."""

_OF_TABLES: Final = frozenset({Kind.ROW, Kind.NODES, Kind.LENT, Kind.DUE, Kind.ENDED, Kind.KEPT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A call that was verified. checked: False if it changed all the time, so that nothing can be said of its tables.

    mended: what is in order by now.
    """

    call_id: CallId
    checked: bool = True
    findings: tuple[Finding, ...] = ()
    mended: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True)
class VerifiedPage:
    """Some calls, and where the next ones begin; "" after the last ones."""

    calls: tuple[Verified, ...]
    cursor: str


Verify = Callable[[CallId], Awaitable[Verified]]
"""Verifies a call."""


class Verifier:
    """Verifies the calls of a journal.

    deadlines: those by which control nodes say when calls are due. retention: for how long ended calls are
    kept. repair: whether tables and snapshots are made anew from the streams where they are wrong.
    """

    def __init__(
        self,
        journal: Journal,
        deadlines: Deadlines,
        *,
        retention: Retention,
        now: Callable[[], int],
        rate: float = 0,
        repair: bool = False,
    ) -> None:
        self._journal, self._deadlines, self._retention = journal, deadlines, retention
        self._now, self._pace, self._repair = now, Pace(rate), repair

    async def pages(self, cursor: str = "") -> AsyncIterator[VerifiedPage]:
        """Verify all calls from a cursor on. Raises JournalUnavailable, and ValueError for a cursor that is none."""
        stage, _, place = (cursor or BEGIN).partition("/")
        if stage not in (_STREAMS, _ROWS, _TABLES):
            raise ValueError(f"{cursor!r} is no cursor")
        while stage == _STREAMS:
            page = await self._journal.streams(place, PAGE)
            stage, place = (_STREAMS, page.cursor) if page.cursor else (_ROWS, "")
            yield VerifiedPage(await self._all(page.calls, self.verify), f"{stage}/{place}")
        while stage == _ROWS:
            rows = await self._journal.page(EVERY_CALL, place, PAGE)
            stage, place = (_ROWS, rows.cursor) if rows.cursor else (_TABLES, "")
            found = await self._all([row.call_id for row in rows.calls], self._verify_row)
            yield VerifiedPage(tuple(one for one in found if one.findings), f"{stage}/{place}")
        while True:
            strays = await self._journal.strays(place, remove=self._repair)
            place = strays.cursor
            await self._pace.take(strays.looked // CHEAP)
            lost = [await self._stray(one) for one in strays.strays]
            yield VerifiedPage(tuple(lost), f"{_TABLES}/{place}" if place else "")
            if not place:
                return

    async def verify(self, call_id: CallId) -> Verified:
        """Verify a call by its stream."""
        for _ in range(TRIES):
            verified = await self._try(call_id)
            if verified is not None:
                return verified
        return Verified(call_id=call_id, checked=False)

    async def _all(self, calls: Sequence[CallId], verify: Verify) -> tuple[Verified, ...]:
        done: list[Verified] = []
        for first in range(0, len(calls), AT_ONCE):
            some = calls[first : first + AT_ONCE]
            await self._pace.take(len(some))
            done += await asyncio.gather(*map(verify, some))
        return tuple(done)

    async def _try(self, call_id: CallId) -> Verified | None:
        """Verify a call; None if it has changed meanwhile."""
        check, records = StreamCheck(call_id), list[Recorded]()
        try:
            async for some in slices(self._journal, call_id):
                check.take(some)
                records += some
        except CorruptEntry as error:
            check.found(Kind.UNREADABLE, error.why, error.version)
        except Inconsistent as error:
            check.broken(error)
        else:
            return await self._beside(check, records)
        return Verified(call_id=call_id, findings=tuple(check.findings))

    async def _beside(self, check: StreamCheck, records: Sequence[Recorded]) -> Verified | None:
        """Check the state of a call, and what stands beside its stream."""
        state, journal = check.state, self._journal
        snapshot = await self._snapshot(check) if state.version >= EVERY and state.status is not ENDED else None
        stored = await journal.stored(state.call_id)
        if stored.version != state.version:
            return None
        if stored.removed:  # what the tables say may be of what is not there, so they are left as they are
            what = f"not there, and it was: the stream came to {stored.removed}-0"
            check.found(Kind.UNREADABLE, what, state.version + 1)
            return Verified(call_id=state.call_id, findings=tuple(check.findings))
        if not records:
            return Verified(call_id=state.call_id)  # its time was over
        check.check_state()
        if snapshot is not None:
            check_snapshot(check, snapshot, records)
        now = self._now()
        wanted = project(state, self._deadlines)
        left = state.changed + self._retention.of(wanted) - now
        check.findings += check_tables(state, stored, self._deadlines, now, left)
        return await self._mended(check, stored, wanted)

    async def _snapshot(self, check: StreamCheck) -> Snapshot | None:
        try:
            return (await self._journal.load(check.call_id, 1, 1))[0]
        except CorruptEntry:
            return None

    async def _mended(self, check: StreamCheck, stored: Stored, wanted: Index) -> Verified:
        kinds = {finding.kind for finding in check.findings}
        mended: set[Kind] = set()
        if self._repair and kinds & _OF_TABLES:
            after = wanted if Kind.DUE in kinds else replace(wanted, due=stored.index.due)
            if await self._restored(check.call_id, stored, after, check.last):
                mended |= kinds & _OF_TABLES
        if self._repair and Kind.SNAPSHOT in kinds and check.last is not None:
            await self._journal.keep(check.call_id, snapshots.take(check.state, check.last))
            mended.add(Kind.SNAPSHOT)
        return Verified(call_id=check.call_id, findings=tuple(check.findings), mended=frozenset(mended))

    async def _restored(self, call_id: CallId, stored: Stored, after: Index, known: Recorded | None = None) -> bool:
        """Return whether the tables are as they should be; one who writes meanwhile has them."""
        try:
            await self._journal.restore(call_id, stored, after, known=known)
        except Conflict:
            return False
        return True

    async def _stray(self, stray: Stray) -> Verified:
        """Say of an entry of a table that nothing explains it; it is out by now if tables are mended."""
        stored = await self._journal.stored(stray.call_id)
        finding = stray_finding(stray, has_stream=bool(stored.version))
        mended = frozenset({finding.kind} if self._repair else ())
        return Verified(call_id=stray.call_id, findings=(finding,), mended=mended)

    async def _verify_row(self, call_id: CallId) -> Verified:
        """Look whether a call that has a row has a stream, too."""
        stored = await self._journal.stored(call_id)
        findings = check_lost(call_id, stored)
        mended = bool(findings) and self._repair and await self._restored(call_id, stored, NOTHING)
        kinds = frozenset({Kind.LOST}) if mended else frozenset[Kind]()
        return Verified(call_id=call_id, findings=tuple(findings), mended=kinds)
