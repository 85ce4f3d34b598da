"""The wall clock."""

from __future__ import annotations

import time


def now() -> int:
    """Give the time, ms since the epoch."""
    return time.time_ns() // 1_000_000
