"""A stream in memory, and how what is asked of it is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from events.codec import Codec, Encoded, NewerFormat, UnreadableEntry, origin_of
from events.journal import Conflict, CorruptEntry, JournalError, NewerEntry, TailLostError
from events.names import CallId
from events.records import NOTHING, Index, Recorded

T = TypeVar("T")


@dataclass(slots=True)
class Stream:
    """A stream, with what the tables say of it. appends: the marks of each append, by the version before it.

    summed_up: the version up to which a summary stands in place of its entries.
    """

    entries: list[Encoded] = field(default_factory=list)
    appends: dict[int, list[int]] = field(default_factory=dict)
    index: Index = NOTHING
    due: int | None = None
    expires: float = float("inf")
    snapshot: tuple[int, bytes] | None = None
    summed_up: int = 0

    def check(self, name: CallId, version: int, known: Recorded | None = None) -> None:
        """Raise Conflict or TailLostError unless the stream is at `version`, with the known entry if one is given."""
        actual = len(self.entries)
        if actual != version:
            raise (TailLostError if actual < version else Conflict)(name, version, actual)
        origin = origin_of(self.entries[-1].payload) if known is not None and self.entries else None
        if known is not None and origin not in (None, (known.at, known.by)):
            raise Conflict(name, version, version)

    def append(self, name: CallId, expected_version: int, added: list[Encoded], known: Recorded | None = None) -> bool:
        """Append entries; return False if this append had been written before. Raises what `check` does."""
        marks = [entry.mark for entry in added]
        if len(self.entries) >= expected_version + len(added) and self.appends.get(expected_version) == marks:
            return False
        self.check(name, expected_version, known)
        self.appends[expected_version] = marks
        self.entries += added
        return True

    def shorten(self, name: CallId, version: int, upto: int, summary: Encoded, known: Recorded | None) -> None:
        """Let a summary take the place of the entries up to a version. Raises what `check` does."""
        if upto <= self.summed_up:
            return
        self.check(name, version, known)
        if upto >= version:
            raise Conflict(name, version, version)
        self.entries[:upto] = [summary] * upto
        self.summed_up = upto

    def read(self, codec: Codec, name: CallId, after: int, count: int) -> list[Recorded]:
        """Return the entries above `after`, at most `count` unless 0. Raises CorruptEntry."""
        entries = self.entries[: after + count] if count else self.entries
        records: list[Recorded] = []
        for version, entry in enumerate(entries[after:], after + 1):
            try:
                records.append(codec.decode(name, entry.name, entry.payload, version))
            except UnreadableEntry as error:
                kind = NewerEntry if isinstance(error, NewerFormat) else CorruptEntry
                raise kind(name, version, len(entries), str(error), records) from error
        return records


def at_once(work: Callable[[], T]) -> asyncio.Future[T]:
    """Do some work; the future that comes back is done, with its result or the JournalError that it raised."""
    done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    try:
        done.set_result(work())
    except JournalError as error:
        done.set_exception(error)
    return done
