"""How often something had a value of each size: what can be counted at each step without being felt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SECONDS: Final[tuple[float, ...]] = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
)
"""The bounds for durations of requests."""


class Histogram:
    """The values that were observed, by the buckets that they fall into.

    bounds: the largest value of each bucket, ascending; beyond the last there is one more. counts: how many values each
    bucket has. sum: all values added up.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds: tuple[float, ...] = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, number: float) -> None:
        """Count a value."""
        bounds = self.bounds
        place, beyond = 0, len(bounds)
        while place < beyond:  # as bisect_left does: compiled, this is a fifth of a call of that
            middle = (place + beyond) // 2
            if bounds[middle] < number:
                place = middle + 1
            else:
                beyond = middle
        self.counts[place] += 1
        self.sum += number
