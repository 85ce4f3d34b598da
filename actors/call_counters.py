"""What happens to the calls of a control node, as plain numbers since its start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from actors.control.counters import Sample, samples_of
from events.ended import EndedCall
from events.event import Event
from events.histogram import Histogram
from events.migration_events import MigrationBegun, MigrationCompleted, MigrationFailed, MigrationIntended
from events.names import CallId
from events.quality_events import MediaMeasured
from events.records import Recorded
from events.registry import MediaTimedOut, Quarantined
from events.tally import Tally, tally

_WHY_ENDED: Mapping[str, str] = MappingProxyType(
    {
        "delete by the client": "client",
        "its media timed out": "media_timeout",
        "the offer was never answered": "never_answered",
        "its INVITE never had a final response": "never_answered",
        "no node has a session of it any more": "nothing_left",
        "the node does not know it any more": "node_lost_it",
        "the session timer ran out": "session_timer",
        "ended by an operator": "operator",
    }
)
"""The reasons that are told apart; those in words of people and SIP parties are one kind: labels have to be few."""

_WHY_NOT_MOVED: Mapping[str, str] = MappingProxyType(
    {
        "another move is wanted": "replaced",
        "the call has ended": "call_ended",
        "its parties have agreed on nothing that a node could be told": "nothing_agreed",
        "the session that was made for it is gone": "session_gone",
        "its parties are at an exchange of their own": "parties_busy",
    }
)

MOS = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.2, 4.4)
JITTER = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)

LONGEST_MOVE = 600_000
"""After so many ms a move counts as concluded elsewhere."""

MAX_NODES = 2000
"""The media of so many nodes are counted by node; those of further ones as those of `other`."""


@dataclass(slots=True)
class CallCounters:
    """Counters of calls.

    journal_seconds: how long the journal took for an append, or to confirm a version. conflicts: those that another
    control node forestalled. tails_lost: the journal lacked what was known. journal_failures: calls that left
    memory since the journal could not be reached. replays: the times in which calls were rebuilt from their streams.
    ended: calls, by outcome and cause. moves: by what happened, and why. Of the media as nodes told of them last, by
    node: packets, lost ones, mean opinion scores, jitter (seconds), and sessions with a party that was not heard.
    """

    journal_seconds: Histogram = field(default_factory=Histogram)
    conflicts: int = 0
    tails_lost: int = 0
    journal_failures: int = 0
    replays: Histogram = field(default_factory=Histogram)
    quarantined: int = 0
    media_timeouts: int = 0
    ended: Tally[tuple[str, str]] = field(default_factory=tally)
    moves: Tally[tuple[str, str]] = field(default_factory=tally)
    media_packets: Tally[str] = field(default_factory=tally)
    media_lost: Tally[str] = field(default_factory=tally)
    media_one_way: Tally[str] = field(default_factory=tally)
    media_mos: dict[str, Histogram] = field(default_factory=dict)
    media_jitter: dict[str, Histogram] = field(default_factory=dict)

    _moving: dict[CallId, int] = field(default_factory=dict)

    def samples(self) -> Iterator[Sample]:
        """Return the samples."""
        by_node = dict.fromkeys(
            ("media_packets", "media_lost", "media_one_way", "media_mos", "media_jitter"), ("node",)
        )
        yield from samples_of("calls", self, {"ended": ("outcome", "cause"), "moves": ("outcome", "cause"), **by_node})
        yield Sample("calls", "moving", len(self._moving), gauge=True)

    def journalled(self, call_id: CallId, records: Sequence[Recorded], ended: EndedCall | None) -> None:
        """Count what stands in the journal of a call. `ended`: its row, if it has ended with that."""
        for record in records:
            count = _COUNTED.get(type(record.event))
            if count is not None:
                count(self, record.event)
                if isinstance(record.event, _MOVES):
                    self._note_move(call_id, record)
        if ended is not None:
            self._moving.pop(call_id, None)
            self.ended[str(ended.outcome), _kind(ended.reason, _WHY_ENDED)] += 1

    def _note_move(self, call_id: CallId, record: Recorded) -> None:
        """Note whether a call is moving. One whose move another control node concludes is not waited for."""
        event = record.event
        if isinstance(event, MigrationBegun) or (isinstance(event, MigrationIntended) and not event.waits):
            self._moving = {call: at for call, at in self._moving.items() if record.at - at < LONGEST_MOVE}
            self._moving[call_id] = record.at
        else:
            self._moving.pop(call_id, None)


def _intended(counters: CallCounters, event: MigrationIntended) -> None:
    if not event.waits:
        counters.moves["begun", "job" if event.job else _by(event.asked_by)] += 1


def _begun(counters: CallCounters, _event: MigrationBegun) -> None:
    counters.moves["begun", "was_waiting"] += 1


def _completed(counters: CallCounters, _event: MigrationCompleted) -> None:
    counters.moves["completed", ""] += 1


def _failed(counters: CallCounters, event: MigrationFailed) -> None:
    counters.moves["failed", _kind(event.reason, _WHY_NOT_MOVED)] += 1


def _quarantined(counters: CallCounters, _event: Quarantined) -> None:
    counters.quarantined += 1


def _timed_out(counters: CallCounters, _event: MediaTimedOut) -> None:
    counters.media_timeouts += 1


def _measured(counters: CallCounters, event: MediaMeasured) -> None:
    if not event.final:
        return
    node = event.node if event.node in counters.media_packets or len(counters.media_packets) < MAX_NODES else "other"
    for stream in event.measured:
        counters.media_packets[node] += stream.packets
        counters.media_lost[node] += stream.lost or 0
        if stream.mos is not None:
            counters.media_mos.setdefault(node, Histogram(MOS)).observe(stream.mos[1] / 10)
        if stream.jitter is not None:
            counters.media_jitter.setdefault(node, Histogram(JITTER)).observe(stream.jitter / 1000)
    if any(stream.one_way for stream in event.measured):
        counters.media_one_way[node] += 1


_MOVES = (MigrationIntended, MigrationBegun, MigrationCompleted, MigrationFailed)
_COUNTED: Final[Mapping[type[Event], Callable[[CallCounters, Any], None]]] = MappingProxyType(
    {
        MigrationIntended: _intended,
        MigrationBegun: _begun,
        MigrationCompleted: _completed,
        MigrationFailed: _failed,
        Quarantined: _quarantined,
        MediaTimedOut: _timed_out,
        MediaMeasured: _measured,
    }
)


def _by(asked_by: str) -> str:
    return "node_down" if asked_by == "on_node_down" else "asked"


def _kind(reason: str, kinds: Mapping[str, str]) -> str:
    """Return which of the known reasons one is, or begins with."""
    kind = kinds.get(reason)
    if kind is not None:
        return kind
    return next((kind for words, kind in kinds.items() if reason.startswith(words)), "other")
