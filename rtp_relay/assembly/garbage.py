"""When the garbage collector looks at what a control node holds.

What a call or a transaction needed is freed as it ends, without the collector: it is there for what fails to be. A look
stops all calls, for some 0.3 us a block of memory that belongs to what is looked at. So while calls come, only what is
new is looked at, once. Everything is looked at when next to nobody is held up.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time

import structlog

log = structlog.get_logger(bounded=True)

_YOUNG, _NEVER = 5_000, 1_000_000_000
"""So many objects more than before bring a look at the new ones; none brings a look at older ones.

A transaction of the SIP door is kept for half a minute. At 400 calls a second looks at what had been looked at once
took 45 ms each, and one at everything a second and more.
"""

YOUNG_INTERVAL = 0.2
"""Seconds between two looks at what is new where there are no more objects than before: as many have ended as came.

At 400 calls a second some 5 000 are looked at, in 1 to 3 ms.
"""

_AT_WORK = 0.01
"""Of a processor: who uses less of it makes nothing that is worth a look."""

INTERVAL = 5.0
"""Seconds between two looks at whether there is time to look at everything."""

_A_BLOCK = 0.3e-6
"""Seconds that a look takes for a block of memory, of which an object has one to three."""

_HELD_UP = 0.001
"""Seconds of work that may come while everything is looked at: a hundredth of a processor's, if that takes 100 ms."""

_STOPPED = 0.001
"""The part of the time that looks at everything may take, if nobody is held up."""

_TOO_MANY = 8_000_000
"""So many blocks more than the last look left bring another one whoever is held up: they have some 700 MB."""

_LONG = 0.1
"""A look that takes so many seconds is told of."""


def spare_the_collector() -> None:
    """Tune the garbage collector: it looks at each object once, and never at what was there before the first call."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _NEVER, _NEVER)


def leave_to_the_system() -> None:
    """Let the process end without a look at what it held: 2 s, with the transactions of 400 calls a second."""
    gc.freeze()


async def collect_new() -> None:
    """Look at what is new now and then while there is work, so that what a look has to go through stays little."""
    used = time.process_time()
    while True:
        await asyncio.sleep(YOUNG_INTERVAL)
        before, used = used, time.process_time()
        if used - before > _AT_WORK * YOUNG_INTERVAL:
            gc.collect(0)


async def collect_when_idle() -> None:
    """Look at everything when there is time and something to look at, so that nothing stays for good."""
    there_before = sys.getallocatedblocks()
    used, not_before, left = time.process_time(), 0.0, 0
    while True:
        await asyncio.sleep(INTERVAL)
        before, used = used, time.process_time()
        began, blocks = time.monotonic(), sys.getallocatedblocks() - there_before
        held_up = (used - before) / INTERVAL * blocks * _A_BLOCK
        is_time = held_up < _HELD_UP or blocks > left + _TOO_MANY
        if is_time and began >= not_before and any(gc.get_count()[1:]):
            not_before = began + _look_at_everything(blocks) / _STOPPED
            left = sys.getallocatedblocks() - there_before


def _look_at_everything(blocks: int) -> float:
    """Free what refers to itself, and return how many seconds it took."""
    began = time.monotonic()
    freed = gc.collect()
    took = time.monotonic() - began
    if took > _LONG:
        log.info("looked for garbage", calls_stopped_for=f"{took:.2f} s", blocks=blocks, objects_freed=freed)
    return took
