"""The clock of a journal in memory."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives ms since the epoch."""


def wall_clock() -> int:
    """Return the time, ms since the epoch."""
    return time.time_ns() // 1_000_000
