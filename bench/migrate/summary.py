"""What the parties of all calls noticed, in three figures each: the median, the 99th percentile, the worst."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.migrate.account import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure of many directions."""

    median: float
    p99: float
    worst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What was noticed, by call and direction: packets lost, late and out of order; ms of the longest silence.

    sent, lost_in_all, twice: packets of all directions together.
    """

    lost: Spread
    late: Spread
    reordered: Spread
    silence: Spread
    sent: int
    lost_in_all: int
    twice: int


def noticed(directions: Sequence[Direction]) -> Noticed:
    """Sum up."""
    return Noticed(
        lost=spread(one.lost for one in directions),
        late=spread(one.late for one in directions),
        reordered=spread(one.reordered for one in directions),
        silence=spread(one.silence * 1000 for one in directions),
        sent=sum(one.sent for one in directions),
        lost_in_all=sum(one.lost for one in directions),
        twice=sum(one.twice for one in directions),
    )


def spread(figures: Iterable[float]) -> Spread:
    """Return the three figures; of each percentile the one that at least so many do not exceed."""
    ordered = sorted(figures) or [0.0]
    median, p99 = (ordered[max(0, -(-len(ordered) * part // 100) - 1)] for part in (50, 99))
    return Spread(median=median, p99=p99, worst=ordered[-1])
