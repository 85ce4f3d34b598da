"""When the garbage collector looks at what a control node holds.

What a call or a transaction needed is freed as it ends, without the collector: it is there for what fails to be. At its
defaults it took a tenth of the CPU at full load, and stopped everything for up to 20 ms at a time.
"""

from __future__ import annotations

import asyncio
import gc
import time

_YOUNG, _MIDDLE, _ALL = 20_000, 5, 20
"""So many new objects bring a look at the youngest, so many of these one at the middle, so many of those one at all.

The middle generation is small: with 400 000 objects of the SIP door's transactions in it, a look took 50 ms.
"""

INTERVAL = 5.0
"""Seconds between two looks at whether there is time to look at everything."""

_IDLE = 0.5
"""Of a processor: who uses less of it has time."""

_STOPPED = 0.001
"""The part of the time that looks at everything may take: each stops all calls, and takes 45 ms with a thousand of them
resident. Fewer than one message of a thousand comes meanwhile."""


def spare_the_collector() -> None:
    """Tune the garbage collector: it runs less often, and never looks at what was there before the first call."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _ALL)


async def collect_when_idle() -> None:
    """Look at everything when there is time and something to look at, so that nothing stays until the next flood."""
    used, not_before = time.process_time(), 0.0
    while True:
        await asyncio.sleep(INTERVAL)
        before, used = used, time.process_time()
        began = time.monotonic()
        if began >= not_before and used - before < _IDLE * INTERVAL and any(gc.get_count()[1:]):
            gc.collect()
            took = time.monotonic() - began
            not_before = began + took / _STOPPED
