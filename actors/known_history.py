"""What this control node knows of a call's stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from events.journal import Journal
from events.names import CallId
from events.records import Recorded
from events.snapshot import EVERY, MARGIN, Snapshot
from replay import snapshots
from replay.fold import fold_on
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

    @property
    def newest_entry(self) -> Recorded | None:
        """The newest entry, None for none."""
        return self.records[-1] if self.records else None

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
        state = self.state_at_base()
        fold_on(state, self.records[state.version - self.start :])
        return state

    def state_at_base(self) -> CallState:
        """Return the state that it is rebuilt from."""
        if self.base is None:
            return CallState(self.call_id)
        return snapshots.restore(self.base, self.entry(self.base.version))


def _log_failure(kept: asyncio.Future[None]) -> None:
    error = kept.exception()
    if error is not None:
        log.warning("snapshot not kept", error=str(error))


def same(one: Recorded, other: Recorded) -> bool:
    """Return whether two entries are the same one."""
    return (one.version, one.at, one.by, one.event.name) == (other.version, other.at, other.by, other.event.name)
