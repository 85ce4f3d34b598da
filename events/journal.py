"""The journal: one append-only stream a call, and the tables that are kept in the same atomic step.

Beside them are the streams of what operators decide (events.decisions), with the same rules, and of tables only that of
what wants attention.

Entry `n` of a call's stream is the call's version `n`; versions have no gaps. The tables say, without reading streams,
which calls are live, which are on a node, and which want attention at what time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Protocol

from events.answer import Answer
from events.ended import EndedPage
from events.names import CallId, StreamName
from events.outbox import Outbox
from events.records import (
    EVERY_CALL,
    CallFilter,
    CallPage,
    ChangePage,
    Index,
    LiveCall,
    Recorded,
    Stored,
    StrayPage,
    StreamPage,
)
from events.snapshot import Snapshot

FULL = 2**53
"""The last version of a stream that takes no more entries: the journal's script counts no further."""

PARTITIONS = 256
"""Number of partitions that calls are spread over, for the life of a journal."""


class JournalError(Exception):
    """Base of all that a journal raises."""


class Conflict(JournalError):
    """Somebody else appended first: nothing was written. `actual` is the stream's version now.

    It may be the expected one: Redis lost entries, and somebody else has written as many others.
    """

    def __init__(self, call_id: CallId, expected: int, actual: int) -> None:
        other = ", which is not the one that was known" if actual == expected else ""
        super().__init__(f"call {call_id!r}: expected version {expected}, the journal is at {actual}{other}")
        self.call_id, self.expected, self.actual = call_id, expected, actual


class TailLostError(Conflict):
    """The journal is behind the version that was read or written before (Redis lost its tail): nothing was written."""


class CorruptEntry(JournalError):
    """An entry cannot be read: wrong bytes, missing key, or a gap before it; of a newer program, see NewerEntry.

    `version` is the entry's; `last` is the stream's last version, so that a `Quarantined` can be appended after it; one
    of FULL or more takes nothing. `before`: the entries before it, where the stream was read.
    """

    def __init__(self, call_id: CallId, version: int, last: int, why: str, before: Sequence[Recorded] = ()) -> None:
        super().__init__(f"call {call_id!r}, entry {version}-0: {why}")
        self.call_id, self.version, self.last, self.why, self.before = call_id, version, last, why, before


class NewerEntry(CorruptEntry):
    """An entry that a newer version of the program has written: not damaged, and to be read by control nodes of that.

    Nothing is to be appended after it here.
    """


class JournalUnavailable(JournalError):
    """The journal cannot be reached, or did not reach the asked durability; whether it wrote is not known to it.

    Appending the same records again is safe: an append that had been written is found and counts as done.
    """


class JournalRefused(JournalUnavailable):
    """The journal answers, and does not do it now: it is full, busy or read-only, or these rights are missing."""


class Unconfirmed(JournalUnavailable):
    """It is written, and not as durable as was asked for."""


class JournalMismatch(JournalError):
    """The journal at that place is not one this program can use (partition count, format version)."""


PAGE = 500
"""How many live calls a page has, about."""

LONGEST = 60.0
"""Seconds that a control node's status, or what it alone is to do, is its own at most if it does not say so again."""

BRIEFLY = 600.0
"""Seconds that the stream of such a call is kept: much longer than a request can be late that anybody repeats."""


class Forgotten(StrEnum):
    """What became of a call that was to be forgotten. RECENT: it ended less than BRIEFLY ago, so that it is kept."""

    DONE = "forgotten"
    UNKNOWN = "unknown"
    LIVE = "live"
    RECENT = "recent"


class Journal(Protocol):
    """Where the streams are. Every implementation passes tests/events/journal_contract.py."""

    @property
    def reads_confirm(self) -> bool:
        """Whether what is read is as durable as was asked for; if not, only an append or a check says so."""

    @property
    def spoilt(self) -> Sequence[str]:
        """The names of due tables that could not be read when calls were last claimed: theirs wait, others do not."""

    def append(
        self,
        call_id: CallId,
        expected_version: int,
        records: Sequence[Recorded],
        before: Index,
        after: Index,
        *,
        known: Recorded | None = None,
    ) -> Answer:
        """Append `records`, whose versions run on from `expected_version`; the answer is the new version.

        known: the entry at `expected_version` as who decided knows it, if it does: where another one stands there (of
        another time, or by another control node), it is a conflict.
        In the same atomic step the tables change from `before` (the index at `expected_version`) to `after`. When
        `after.live` is None the stream gets its retention time (`events.retention`); otherwise it has none.
        Appends of one tick travel together. The answer comes when the configured durability is reached.

        Fails with Conflict, TailLostError or JournalUnavailable, and with CorruptEntry for a stream that takes no entry
        after its last one. An append sent again after JournalUnavailable must carry the same records.
        """

    def amend(self, call_id: CallId, row: LiveCall | None, before: Index, after: Index) -> Answer:
        """Change what the tables say of a call whose stream takes no entry, if its row is still `row` (None for none).

        Fails with Conflict if it is another one, or with JournalUnavailable.
        """

    async def streams(self, cursor: str = "", count: int = PAGE) -> StreamPage:
        """Return calls that have a stream, live and ended ones, in no order, from a page's cursor on.

        About `count` streams are looked at: a page may be empty, and others follow. A call that has its stream all the
        time is in one page at least. Raises JournalUnavailable, and ValueError for a cursor that is none.
        """

    async def stored(self, call_id: CallId) -> Stored:
        """Return what all tables say of a call, and its stream's version, in one step. Raises JournalUnavailable."""

    async def strays(self, cursor: str = "", *, remove: bool = False) -> StrayPage:
        """Look through a part of the tables, from a page's cursor on, for entries that no stream and no row explains.

        What `stored` tells of a call that has a stream is none, nor what a row says of one that has none. `remove`:
        take them out, in the same step. Raises JournalUnavailable, and ValueError for a cursor that is none.
        """

    def restore(self, call_id: CallId, before: Stored, after: Index, *, known: Recorded | None = None) -> Answer:
        """Make the tables say `after` where `before` was found, if the call's stream is still at that version.

        The stream of a live call then has no time to go at; any other one gets its retention time if it has none.
        known: the entry at that version, as for `append`. Fails as `check` does.
        """

    async def changes(self, cursor: str = "") -> ChangePage:
        """Return which calls were appended to since a cursor; "" to begin with what is appended from here on.

        Who goes on within a minute misses nothing, unless thousands of appends lie between. Raises JournalUnavailable,
        and ValueError for a cursor that is none.
        """

    async def row(self, call_id: CallId) -> LiveCall | None:
        """Return the row of a call in the table of live calls; None if it is in none. Raises JournalUnavailable."""

    async def lends(self, name: CallId) -> bool:
        """Return whether nodes know a session of another live call by this name. Raises JournalUnavailable.

        It is known from when the session is intended up to its end.
        """

    def check(self, call_id: CallId, version: int, *, known: Recorded | None = None) -> Answer:
        """Check that a call is at `version`, which is the answer; an unknown call is at version 0.

        known: the entry at that version, as for `append`. It travels with the appends, and what it confirms is as
        durable as they are. Fails as `append` does.
        """

    def read(self, call_id: CallId, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries above version `after`, oldest first, at most `count` unless 0; an unknown call has none.

        Fails with CorruptEntry or JournalUnavailable. With `count`, the error's `last` is of what was read. Long
        streams are read in slices (`events.reading`).
        """

    async def remains(self, call_id: CallId) -> list[Recorded]:
        """Return the entries of a call of which some cannot be opened, with `events.schema.LOST` for what is in there.

        For people to look at: no state is made of them. Where one cannot be read for another reason, those before it.
        Raises JournalUnavailable.
        """

    async def load(self, call_id: CallId, count: int, margin: int) -> tuple[Snapshot | None, list[Recorded]]:
        """Return a call's snapshot, None for none that can be read, and entries: `margin` up to it, and what follows.

        These are at most `count`, and begin with version 1 where there is no snapshot. Raises what `read` fails with.
        """

    def keep(self, call_id: CallId, snapshot: Snapshot) -> asyncio.Future[None]:
        """Keep a snapshot of a call in place of the one before, unless its entry is not there or the call has ended.

        It goes when the call ends. It may be lost at any time: nothing depends on it.
        """

    async def page(self, wanted: CallFilter, cursor: str = "", count: int = PAGE) -> CallPage:
        """Return about `count` live calls that are wanted, in no order, from a page's cursor on.

        A call that is live all the time is in one of the pages. One that changes meanwhile may be in two. Raises
        JournalUnavailable, and ValueError for a cursor that is none.
        """

    def live_calls(self, wanted: CallFilter = EVERY_CALL) -> AsyncIterator[LiveCall]:
        """Return the live calls that are wanted, each once, in no order, page by page."""

    async def count_calls(self) -> dict[str, int]:
        """Return the number of live calls by node; the key "" has the number of all live calls."""

    async def ended_calls(self, since: int, until: int, count: int = PAGE) -> EndedPage:
        """Return ended calls that ended at `since` or later and before `until` (ms since the epoch), the newest first.

        They are about `count`; the next page begins at the page's `until`. A call is among them for its retention time,
        unless it lives again. Raises JournalUnavailable.
        """

    async def forget(self, call_id: CallId) -> Forgotten:
        """Remove an ended call: its stream, its snapshot and its row, in one step; return what became of it.

        It returns when the configured durability is reached. A control node may remember a call that has just ended,
        and write again what it misses: see BRIEFLY. Raises JournalUnavailable; then it may be done or not, and can be
        asked again.
        """

    async def claim_due(self, now: int, lease: int, limit: int, after: int | None = None) -> list[CallId]:
        """Claim up to `limit` calls due at `now`; each is due again at `now + lease` (ms), the time to handle it in.

        after: leaves out those that were due at that time. A table that cannot be read hinders none of the others;
        it is in `spoilt` then, for certain if fewer than `limit` calls were claimed.
        """

    async def count_due(self, now: int) -> int:
        """Return how many calls are due at `now`, ms since the epoch: more than a few, and control nodes lag behind."""

    def postpone(self, call_id: CallId, due: int) -> asyncio.Future[None]:
        """Make a call that is in the due table due at `due` instead; a call not in it stays out."""

    async def lease(self, name: str, holder: str, ttl: float, longest: float = LONGEST) -> bool:
        """Take or keep what is to be done by one control node at a time; return False while another one holds it.

        It is free again after `ttl` seconds, unless its holder asks once more. Nobody asks for more than `longest`
        seconds: what would last for longer was given before the clock was set back. Raises JournalUnavailable.
        """

    def append_decisions(
        self,
        stream: StreamName,
        expected_version: int,
        records: Sequence[Recorded],
        *,
        known: Recorded | None = None,
        due: int | None = None,
        ends: bool = False,
    ) -> Answer:
        """Append to a stream of decisions as `append` does to that of a call.

        due: when it wants attention, ms since the epoch; None leaves that. ends: never any more, and it gets its
        retention time; other streams of decisions are kept for ever.

        A `Summary` comes alone, and is not appended: it takes the place of all entries up to its record's version, if
        the stream is at `expected_version`, which is above that: the newest entry stays. One that sums up as much may
        have come before; then nothing is done. So entries go, and versions run on.
        """

    async def claim_decisions(self, now: int, lease: int, limit: int) -> list[StreamName]:
        """Claim up to `limit` streams of decisions due at `now`; each is due again at `now + lease` (ms)."""

    async def due_decisions(self) -> list[StreamName]:
        """Return the streams of decisions that are due at some time, the next one first."""

    def read_decisions(self, stream: StreamName, after: int = 0, count: int = 0) -> asyncio.Future[list[Recorded]]:
        """Return the entries of a stream of decisions as `read` does those of a call.

        Where some above `after` were summed up, the record of the `Summary` comes first, and then what follows it.
        """

    def outbox(self, name: str) -> Outbox:
        """Return the outbox of a name, which all control nodes share."""

    async def time(self) -> float:
        """Return the time by the journal's own clock, ms since the epoch, on which control nodes agree."""

    async def publish(self, name: str, status: bytes, ttl: float) -> None:
        """Make a control node's status known under its name for `ttl` seconds, LONGEST at most."""

    async def published(self) -> dict[str, bytes]:
        """Return the statuses of the control nodes that are alive, by name."""

    async def close(self) -> None:
        """Finish what is under way and give the connections back."""
