"""What the journal says of a call that is set aside, and how that is changed, whatever state its stream is in.

The call's row in the table of live calls is what counts: it names the sessions also where the stream cannot be read. An
event goes with each change where the stream takes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from events.journal import FULL, Conflict, CorruptEntry, Journal, JournalUnavailable
from events.names import CallId, NodeName, RelayId
from events.reading import read_all
from events.records import NOTHING, Index, LiveCall, Recorded
from events.registry import Event, Quarantined, ReleaseIntended, SessionReleased
from events.values import value
from replay.fold import Inconsistent, fold
from replay.projection import Deadlines, project
from replay.state import CallState, CallStatus

log = structlog.get_logger()

MAX_TRIES = 50
"""So often a change is tried, where others write, too."""

_SAID = (Quarantined, ReleaseIntended, SessionReleased)
_UNKNOWN_DUE = -1


@value(kw_only=True)
class Finding:
    """A call as the journal has it. row: in the table of live calls, if it is there. state: as far as it can be read.

    ended: whether it is among the ended calls.
    last: the stream's last version, FULL or more where it takes no more. why: what is wrong with it, "" for nothing.
    set_aside: whether the stream's end says that the call is quarantined.
    """

    row: LiveCall | None
    ended: bool
    state: CallState
    last: int
    why: str
    set_aside: bool

    @property
    def takes_entries(self) -> bool:
        """Whether something can be appended."""
        return self.last < FULL

    @property
    def quarantined(self) -> bool:
        """Whether the call is set aside, and something of it may be left."""
        return self.row is not None and self.row.status == CallStatus.QUARANTINED

    def sessions(self) -> tuple[tuple[NodeName, RelayId], ...]:
        """Return node and relay id of what may be left: by the row, or by what can be read where that names none."""
        named = self.row.sessions if self.row is not None else ()
        return named or tuple((session.node, session.relay_id) for session in self.state.remaining_sessions())


@value
class Change:
    """Events for the stream, if it takes any, and what the tables are to say."""

    events: Sequence[Event]
    after: Index


Decide = Callable[[Finding], Change | None]
"""Decides on what is found; None to leave it as it is."""


async def find(journal: Journal, call_id: CallId, last: int = 0) -> Finding:
    """Return what the journal has of a call; `last` is a version that its stream is known to be at or behind."""
    there = (await journal.stored(call_id)).index
    why = ""
    try:
        records: Sequence[Recorded] = await read_all(journal, call_id)
        end = records[-1:]
        version = records[-1].version if records else 0
    except CorruptEntry as error:
        records, version, why = error.before, error.last, str(error)
        end = await _end(journal, call_id, version)
    try:
        state = fold(call_id, records)
    except Inconsistent as wrong:
        state, why = fold(call_id, records[: wrong.version - 1]), str(wrong)
    said = bool(end) and isinstance(end[-1].event, _SAID)
    is_over = there.ended is not None
    return Finding(row=there.live, ended=is_over, state=state, last=max(last, version), why=why, set_aside=said)


async def _end(journal: Journal, call_id: CallId, last: int) -> Sequence[Recorded]:
    try:
        return await journal.read(call_id, max(0, min(last, FULL) - 1))
    except CorruptEntry:
        return ()


async def write(journal: Journal, call_id: CallId, by: str, now: Callable[[], int], decide: Decide) -> Finding | None:
    """Change what the journal says. Return what it was decided on, or None if nothing was to be changed.

    Raises JournalUnavailable, also when others are always first.
    """
    last = 0
    for _ in range(MAX_TRIES):
        found = await find(journal, call_id, last)
        change = decide(found)
        if change is None:
            return None
        try:
            records = [Recorded(found.last + n, now(), by, event) for n, event in enumerate(change.events, 1)]
            await _write(journal, call_id, found, records, change.after)
        except CorruptEntry as error:
            last = error.last
        except Conflict:
            last = 0
        else:
            return found
    raise JournalUnavailable(f"call {call_id!r} is changed by others all the time")


async def _write(journal: Journal, call_id: CallId, found: Finding, records: Sequence[Recorded], after: Index) -> None:
    before = Index(found.row, frozenset(node for node, _ in found.sessions()), _UNKNOWN_DUE)
    if not found.takes_entries:
        names = [record.event.name for record in records]
        log.error("stream takes no more entries, only the tables say it", call_id=call_id, events=names)
        await journal.amend(call_id, found.row, before, after)
    elif records:
        await journal.append(call_id, found.last, records, before, after)
    else:
        await journal.amend(call_id, found.row, before, after)


def quarantined_as(found: Finding, call_id: CallId, by: str, at: int, due: int | None) -> Index:
    """Return what the tables are to say of a call that is set aside `at` (ms): the sessions that they named stay."""
    row = found.row or project(found.state, Deadlines()).live
    if row is None or not row.created:  # there is none, or it cannot be read
        row = LiveCall(call_id=call_id, status="", version=0, created=at, changed=at)
    version = found.last if found.takes_entries else found.state.version
    sessions = found.sessions()
    row = replace(row, status=str(CallStatus.QUARANTINED), version=version, changed=at, by=by, sessions=sessions)
    return Index(row, frozenset(node for node, _ in sessions), due)


def without(found: Finding, gone: Sequence[tuple[NodeName, RelayId]], due: int) -> Index:
    """Return what the tables are to say when some of the sessions are gone: nothing when that is all of them."""
    left = tuple(place for place in found.sessions() if place not in gone)
    if not left or found.row is None:
        return NOTHING
    return Index(replace(found.row, sessions=left), frozenset(node for node, _ in left), due)
