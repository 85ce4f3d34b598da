"""How often each thing happened."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias, TypeVar

K = TypeVar("K")

Tally: TypeAlias = defaultdict[K, int]
"""Numbers by what they are of, 0 for what is not there. In a `Counter` each of them is set by a detour."""


def tally() -> Tally[K]:
    """Return a tally of nothing yet."""
    return defaultdict(int)
