"""How often each thing happened."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias, TypeVar

K = TypeVar("K")

Tally: TypeAlias = defaultdict[K, int]
"""Counts by what is counted, 0 for what is not there. No `Counter`: to set a number there takes a call of Python."""


def tally() -> Tally[K]:
    """Return a tally of nothing yet."""
    return defaultdict(int)
