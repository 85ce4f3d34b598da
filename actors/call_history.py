"""How what this control node knows of a call's stream is brought up to date."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from actors.known_history import CallHistory, same
from events.journal import CorruptEntry, Journal
from events.names import CallId
from events.reading import SLICE, read_all, read_slice, slices
from events.records import Recorded
from events.snapshot import EVERY, MARGIN
from replay import snapshots
from replay.fold import Inconsistent, fold_on
from replay.snapshots import UnusableSnapshot
from replay.state import CallState


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
    loaded = StoredCall(await _state_in_turns(history), history)
    return await _go_on(journal, loaded, some[1:], ends=len(some) < SLICE)


async def _state_in_turns(history: CallHistory) -> CallState:
    """Return the state at the newest entry, rebuilt; other calls have turns meanwhile."""
    state = history.state_at_base()
    news = history.records[state.version - history.start :]
    for first in range(0, len(news), SLICE):
        if first:
            await asyncio.sleep(0)
        fold_on(state, news[first : first + SLICE])
    return state


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
