"""The streams of decisions in memory."""

from __future__ import annotations

from collections.abc import Sequence

from events.codec import Codec
from events.decisions import DECISION_TYPES
from events.event import Summary
from events.memory.clock import Clock
from events.memory.stream import Stream
from events.names import CallId, StreamName
from events.records import Recorded
from events.retention import Retention


class Decisions:
    """Streams of decisions; see `events.journal.Journal` for what its methods of the same names promise."""

    def __init__(self, clock: Clock, retention: Retention) -> None:
        self._clock, self._retention = clock, retention
        self._codec = Codec(types=DECISION_TYPES)
        self.streams: dict[StreamName, Stream] = {}

    def append(
        self,
        name: StreamName,
        expected_version: int,
        records: Sequence[Recorded],
        *,
        known: Recorded | None,
        due: int | None,
        ends: bool,
    ) -> int:
        """Append to a stream; return its new version. Raises Conflict or TailLostError."""
        if isinstance(records[0].event, Summary):
            return self._shorten(name, expected_version, records[0], known)
        added = [self._codec.encode(CallId(name), record) for record in records]
        stream = self._stream(name)
        if stream.append(CallId(name), expected_version, added, known):
            if ends:
                stream.due, stream.expires = None, self._clock() + self._retention.usually
            elif due is not None:
                stream.due = due
        return expected_version + len(added)

    def _shorten(self, name: StreamName, version: int, summary: Recorded, known: Recorded | None) -> int:
        encoded = self._codec.encode(CallId(name), summary)
        self._stream(name).shorten(CallId(name), version, summary.version, encoded, known)
        return version

    def read(self, name: StreamName, after: int, count: int) -> list[Recorded]:
        """Return the entries above `after`, at most `count` unless 0. Raises CorruptEntry."""
        stream = self._stream(name)
        return stream.read(self._codec, CallId(name), max(after, stream.summed_up - 1), count)

    def claim(self, now: int, lease: int, limit: int) -> list[StreamName]:
        """Return up to `limit` streams that are due, the longest due first, and put them off by the lease."""
        taken = [name for name in self.due() if (self.streams[name].due or 0) <= now][:limit]
        for name in taken:
            self.streams[name].due = now + lease
        return taken

    def due(self) -> list[StreamName]:
        """Return the streams that are due at some time, the next one first."""
        due = [(stream.due, name) for name, stream in self.streams.items() if stream.due is not None]
        return [name for _, name in sorted(due)]

    def _stream(self, name: StreamName) -> Stream:
        """Return a stream, a new one if there is none or its retention time is over."""
        stream = self.streams.get(name)
        if stream is None or stream.expires <= self._clock():
            stream = self.streams[name] = Stream()
        return stream
