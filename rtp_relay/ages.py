"""Ages, as people read them."""

from __future__ import annotations


def age(ms: int) -> str:
    """Write how long something lasts, or ago is, in ms, with its two largest units: 3m12s, 2h05m, 4d06h."""
    seconds = max(ms, 0) // 1000
    if seconds < 60:
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}m{seconds:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h{minutes:02}m"
    days, hours = divmod(hours, 24)
    return f"{days}d{hours:02}h"
