"""What this control node knows of a call's stream, and how it is brought up to date."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from events.journal import CorruptEntry, Journal
from events.names import CallId
from events.reading import SLICE, read_all, read_slice, slices
from events.records import Recorded
from events.snapshot import EVERY, MARGIN, Snapshot
from replay import snapshots
from replay.fold import Inconsistent, fold_on
from replay.snapshots import UnusableSnapshot
from replay.state import CallState

log = structlog.get_logger()


@dataclass(slots=True)
class CallHistory:
    """A part of a call's stream that is known to be in the journal: its newest entries.

    base: the snapshot that the state is rebuilt from. newest: the one made last; kept: the journal was given it. The
    base is the one before, and MARGIN entries up to it are known, too: so many can be written again if they are lost.
    """

    call_id: CallId
    base: Snapshot | None = None
    newest: Snapshot | None = None
    records: list[Recorded] = field(default_factory=list)
    kept: bool = True

    @property
    def start(self) -> int:
        """The version above which all entries are known."""
        return self.records[0].version - 1 if self.records else 0

    @property
    def version(self) -> int:
        """The version of the newest entry, 0 for none."""
        return self.records[-1].version if self.records else 0

    def entry(self, version: int) -> Recorded:
        """Return a known entry."""
        return self.records[version - self.start - 1]

    def follows(self, there: CallHistory) -> bool:
        """Return whether all entries of the whole stream `there` that are known are the same ones, at least one."""
        versions = range(self.start + 1, min(self.version, there.version) + 1)
        return (bool(versions) or not there.version) and all(
            same(self.entry(version), there.entry(version)) for version in versions
        )

    def add(self, records: Iterable[Recorded]) -> None:
        """Add entries that follow."""
        self.records += records

    @property
    def is_long(self) -> bool:
        """Whether so much has happened since the newest snapshot that another one is worth it."""
        known = self.records
        return bool(known) and known[-1].version - (self.newest.version if self.newest else 0) >= EVERY

    def take_snapshot(self, state: CallState) -> None:
        """Make a snapshot of the state at the newest entry, and forget what is long before the last one."""
        if self.newest is not None:
            self.base = self.newest
            self.records = self.records[max(self.base.version - MARGIN - self.start, 0) :]
        self.newest, self.kept = snapshots.take(state, self.entry(state.version)), False

    def keep_newest(self, journal: Journal) -> None:
        """Give the newest snapshot to the journal, unless it has it. Nothing waits for it or depends on it."""
        if self.newest is not None and not self.kept:
            self.kept = True
            journal.keep(self.call_id, self.newest).add_done_callback(_log_failure)

    def state(self) -> CallState:
        """Return the state at the newest entry, rebuilt."""
        state = self._base_state()
        fold_on(state, self.records[state.version - self.start :])
        return state

    async def state_in_turns(self) -> CallState:
        """Return the same as `state`; other calls have turns meanwhile."""
        state = self._base_state()
        news = self.records[state.version - self.start :]
        for first in range(0, len(news), SLICE):
            if first:
                await asyncio.sleep(0)
            fold_on(state, news[first : first + SLICE])
        return state

    def _base_state(self) -> CallState:
        if self.base is None:
            return CallState(self.call_id)
        return snapshots.restore(self.base, self.entry(self.base.version))


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call as the journal has it. lost: the journal lacks entries that had been known to be in it."""

    state: CallState
    history: CallHistory
    lost: bool = False


async def load(journal: Journal, call_id: CallId, known: CallHistory) -> StoredCall:
    """Read what the journal has of a call of which something may be known.

    What is read and folded in one piece is bounded, and where there is a snapshot all of it is. Raises CorruptEntry,
    also for a history that makes no sense, and JournalUnavailable.
    """
    with contextlib.suppress(Inconsistent, UnusableSnapshot):  # the events alone say whether it is they
        loaded = await (_what_follows(journal, known) if known.version else _by_snapshot(journal, call_id))
        if loaded is not None:
            return loaded
    loaded = await _whole(journal, call_id)
    return StoredCall(loaded.state, loaded.history, lost=known.version > 0 and not is_part(known, loaded.history))


def same(one: Recorded, other: Recorded) -> bool:
    """Return whether two entries are the same one."""
    return (one.version, one.at, one.by, one.event.name) == (other.version, other.at, other.by, other.event.name)


def is_part(known: CallHistory, there: CallHistory) -> bool:
    """Return whether all that is known is there, where the whole stream was read."""
    version = known.version
    return not version or (version <= there.version and same(known.entry(version), there.entry(version)))


async def _what_follows(journal: Journal, known: CallHistory) -> StoredCall | None:
    """Return what is known with all that follows it; None if the journal does not have it any more."""
    some = await read_slice(journal, known.call_id, known.version - 1)
    if not some or some[0] != known.records[-1]:
        return None
    history = CallHistory(known.call_id, known.base, known.newest, list(known.records))
    loaded = StoredCall(await history.state_in_turns(), history)
    return await _go_on(journal, loaded, some[1:], ends=len(some) < SLICE)


async def _by_snapshot(journal: Journal, call_id: CallId) -> StoredCall | None:
    """Return what the snapshot says with all that follows it, or the whole stream; None if it is not so simple."""
    try:
        snapshot, some = await journal.load(call_id, EVERY + MARGIN, MARGIN)
    except CorruptEntry:
        return None
    ends = len(some) < EVERY + MARGIN
    if snapshot is None:
        return await _go_on(journal, StoredCall(CallState(call_id), CallHistory(call_id)), some, ends=ends)
    known = [entry for entry in some if entry.version <= snapshot.version]
    if not known or known[-1].version < snapshot.version:
        return None
    state = snapshots.restore(snapshot, known[-1])
    loaded = StoredCall(state, CallHistory(call_id, snapshot, snapshot, known))
    return await _go_on(journal, loaded, some[len(known) :], ends=ends)


async def _go_on(journal: Journal, loaded: StoredCall, news: Sequence[Recorded], *, ends: bool) -> StoredCall:
    """Add the news, and all that follows them if the stream does not end there."""
    _take(loaded, news)
    if not ends:
        async for some in slices(journal, loaded.history.call_id, loaded.history.version):
            _take(loaded, some)
    loaded.history.keep_newest(journal)
    return loaded


def _take(loaded: StoredCall, some: Sequence[Recorded]) -> None:
    fold_on(loaded.state, some)
    loaded.history.add(some)
    if loaded.history.is_long:
        loaded.history.take_snapshot(loaded.state)


async def _whole(journal: Journal, call_id: CallId) -> StoredCall:
    """Return what the events say, all of them read."""
    history, state = CallHistory(call_id), CallState(call_id)
    async for some in slices(journal, call_id):
        history.add(some)
        try:
            fold_on(state, some)
        except Inconsistent as wrong:
            last = (await read_all(journal, call_id))[-1].version
            raise CorruptEntry(call_id, wrong.version, last, str(wrong)) from wrong
    return StoredCall(state, history)


def _log_failure(kept: asyncio.Future[None]) -> None:
    error = kept.exception()
    if error is not None:
        log.warning("snapshot not kept", error=str(error))
