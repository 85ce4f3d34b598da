"""The beat of what a control node does by itself, again and again."""

from __future__ import annotations

import asyncio
from contextlib import suppress

_NEAR: float = 0.1
"""The part of an interval that is too short to be one: a timer may be a little early."""


async def next_beat(interval: float, *, sooner: asyncio.Event | None = None) -> None:
    """Sleep until the next multiple of so many seconds of the loop's time, or until `sooner` is set.

    So all that beats wakes the process together, and its commands to Redis travel together.
    """
    left = interval - asyncio.get_running_loop().time() % interval
    seconds = left if left > interval * _NEAR else left + interval
    if sooner is None:
        await asyncio.sleep(seconds)
    else:
        with suppress(TimeoutError):
            await asyncio.wait_for(sooner.wait(), seconds)
