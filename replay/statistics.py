"""What many ended calls have in common: how many, how they ended, how long they took to set up, where they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from events.ended import EndedCall, Outcome

CAUSES: Final = 500
"""So many different causes of failures are counted; what comes after them counts as another one."""

OTHER_CAUSES: Final = "(others)"

_FINE: Final = 1.05
"""By how much a bound of times is above the one before: percentiles are right to 5 %."""


class Times:
    """Durations in ms, kept as counts by size: memory is bounded, and percentiles are right to 5 %."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0

    def add(self, ms: int) -> None:
        """Add a duration; one below 0, which clocks that differ may give, is 0."""
        size, bound = 0, 1.0
        while bound < ms:
            size, bound = size + 1, bound * _FINE
        self._counts[size] += 1
        self.count += 1

    def percentile(self, percent: float) -> int | None:
        """Return the duration that so many percent do not exceed; None where there is none."""
        if not self.count:
            return None
        left = self.count * percent / 100
        for size in sorted(self._counts):
            left -= self._counts[size]
            if left <= 0:
                return round(_FINE**size) if size else 1
        raise AssertionError("the counts are fewer than was counted")


@dataclass(slots=True)
class Share:
    """What is counted of the calls of one node or set."""

    calls: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: int = 0
    moves: int = 0
    one_way: int = 0
    packets: int = 0
    lost: int = 0
    set_up: Times = field(default_factory=Times)

    def add(self, call: EndedCall) -> None:
        """Count a call."""
        self.calls += 1
        self.outcomes[call.outcome] += 1
        self.failures += bool(call.failure)
        self.moves += call.moves
        self.one_way += call.one_way
        self.packets += call.packets
        self.lost += call.lost
        if call.answered:
            self.set_up.add(call.answered - call.created)

    @property
    def loss(self) -> float:
        """The part of the packets that was lost, in percent."""
        return 100 * self.lost / max(self.packets + self.lost, 1)


class Statistics:
    """Counts ended calls between two times (ms since the epoch), also by `buckets` parts of that time."""

    def __init__(self, since: int, until: int, buckets: int) -> None:
        self.total = Share()
        self.talked = Times()
        self.mos: Counter[int] = Counter()
        self.branches: Counter[int] = Counter()
        self.causes: Counter[str] = Counter()
        self.nodes: dict[str, Share] = {}
        self.sets: dict[str, Share] = {}
        self.ended = [0] * buckets
        self.failed = [0] * buckets
        self._since, self._span = since, max(until - since, 1)

    def add(self, call: EndedCall) -> None:
        """Count a call."""
        self.total.add(call)
        self.branches[call.branches] += 1
        if call.answered:
            self.talked.add(call.ended - call.answered)
        if call.mos:
            self.mos[call.mos] += 1
        if call.failure:
            self.causes[call.failure if len(self.causes) < CAUSES or call.failure in self.causes else OTHER_CAUSES] += 1
        for names, shares in ((call.nodes, self.nodes), (call.sets, self.sets)):
            for name in names:
                shares.setdefault(name, Share()).add(call)
        place = min(max((call.ended - self._since) * len(self.ended) // self._span, 0), len(self.ended) - 1)
        self.ended[place] += 1
        self.failed[place] += bool(call.failure)


def plot(numbers: Sequence[int], marks: str = "▁▂▃▄▅▆▇█", nothing: str = " ") -> str:
    """Return a line with one character a number, as high as it is beside the largest; nothing for 0."""
    most = max(numbers, default=0)
    height: Callable[[int], int] = lambda number: -(-number * len(marks) // most) - 1  # noqa: E731
    return "".join(marks[height(number)] if number else nothing for number in numbers)
