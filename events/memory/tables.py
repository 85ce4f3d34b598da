"""The tables in memory: live calls, their numbers, ended calls, and what is due, found by looking at all streams."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from events.ended import EndedPage
from events.memory.clock import Clock
from events.memory.stream import Stream
from events.names import CallId
from events.records import CallFilter, CallPage, LiveCall


class Tables:
    """What is found of the calls that have these streams, at any time."""

    def __init__(self, streams: Mapping[CallId, Stream], clock: Clock) -> None:
        self._streams, self._clock = streams, clock

    def row(self, call_id: CallId) -> LiveCall | None:
        """Return the row of a live call."""
        stream = self._streams.get(call_id)
        return stream.index.live if stream else None

    def lends(self, name: CallId) -> bool:
        """Return whether another call's session goes by this name."""
        rows = (stream.index.live for stream in self._streams.values())
        return any(name in row.lent_ids for row in rows if row is not None)

    def page(self, wanted: CallFilter, cursor: str, count: int) -> CallPage:
        """Return live calls that are wanted; the cursor counts the streams that were looked at."""
        first = int(cursor or 0)
        last = first + count
        some = list(itertools.islice(self._streams.values(), first, last))
        return CallPage(list(_live(some, wanted)), str(last) if len(some) == count else "")

    def live_calls(self, wanted: CallFilter) -> Iterator[LiveCall]:
        """Return the live calls that are wanted."""
        return _live(list(self._streams.values()), wanted)

    def count_calls(self) -> dict[str, int]:
        """Return the number of live calls by node, and of all under the empty name."""
        counts: Counter[str] = Counter({"": 0})
        for stream in self._streams.values():
            counts.update(stream.index.nodes)
            counts[""] += stream.index.live is not None
        return dict(counts)

    def ended_calls(self, since: int, until: int, count: int) -> EndedPage:
        """Return ended calls of this time, the newest first; those of one ms are in one page."""
        now = self._clock()
        kept = [stream.index.ended for stream in self._streams.values() if stream.expires > now]
        found = sorted(
            (call for call in kept if call is not None and since <= call.ended < until),
            key=lambda call: call.ended,
            reverse=True,
        )
        if len(found) <= count:
            return EndedPage(tuple(found))
        last = found[count - 1].ended
        return EndedPage(tuple(call for call in found if call.ended >= last), last)

    def claim_due(self, now: int, lease: int, limit: int, after: int | None = None) -> list[CallId]:
        """Return up to `limit` calls that are due, the longest due first, and put them off by the lease."""
        due = [(stream.due, call_id) for call_id, stream in self._streams.items() if stream.due is not None]
        left = [(at, call_id) for at, call_id in sorted(due) if after is None or at > after]
        taken = [call_id for at, call_id in left[:limit] if at <= now]
        for call_id in taken:
            self._streams[call_id].due = now + lease
        return taken

    def count_due(self, now: int) -> int:
        """Return how many calls are due at `now`."""
        return sum(stream.due is not None and stream.due <= now for stream in self._streams.values())

    def postpone(self, call_id: CallId, due: int) -> None:
        """Make a call that is due at some time due at `due`."""
        stream = self._streams.get(call_id)
        if stream is not None and stream.due is not None:
            stream.due = due


def _live(streams: Iterable[Stream], wanted: CallFilter) -> Iterator[LiveCall]:
    for stream in streams:
        row = stream.index.live
        if row and wanted.node in ("", *stream.index.nodes) and wanted.takes(row):
            yield row
