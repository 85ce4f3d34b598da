"""What the parts of a call take: the median of several calls, one after the other."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from statistics import median_low
from typing import Any, Protocol

from bench.guard.tally import Step, Tally

Counts = Mapping[str, Mapping[str, float]]
"""What was counted, by the parts of a story's calls, as `ng.offer`, and by the names of the steps."""

BLOCKS_KEPT = "blocks kept"
"""Blocks of memory that a call leaves behind when it has ended: kept replies, transactions."""
GARBAGE = "garbage"
"""Objects of a call that refer to each other, so that only the garbage collector frees them."""


class Caller(Protocol):
    """What places calls, in a thread of its own."""

    def call(self, number: int) -> Iterator[str]:
        """Place a call; the name of each of its parts comes when it is over. One without a name is not counted."""


@dataclass(frozen=True, slots=True)
class Story:
    """Calls of one kind: as many that do not count, and as many that do."""

    name: str
    caller: Caller
    warm_up: int
    calls: int


async def count_steps(story: Story, tally: Tally) -> Counts:
    """Count the steps of each part of the calls. It is to be awaited in the thread of the control node."""
    loop = asyncio.get_running_loop()

    def parts(number: int) -> Iterator[tuple[str, Mapping[Step, int]]]:
        mark = tally.mark()
        for part in story.caller.call(number):
            asyncio.run_coroutine_threadsafe(tally.quiet(), loop).result()
            if part:
                yield part, tally.since(mark)
            mark = tally.mark()

    def place() -> list[dict[str, Mapping[Step, int]]]:
        return [dict(parts(number)) for number in range(story.warm_up + story.calls)]

    counted = (await asyncio.to_thread(place))[story.warm_up :]
    return {
        f"{story.name}.{part}": {step.value: median_low(call[part][step] for call in counted) for step in Step}
        for part in counted[0]
    }


async def count_garbage(story: Story, tally: Tally) -> Counts:
    """Count what of calls only the garbage collector frees, as `count_memory` does."""
    memory = await count_memory(story, tally)
    return {part: {GARBAGE: counts[GARBAGE]} for part, counts in memory.items()}


async def count_memory(story: Story, tally: Tally) -> Counts:
    """Count what a call leaves in memory. It is to be awaited in the thread of the control node."""

    def place(numbers: range) -> None:
        for number in numbers:
            for _ in story.caller.call(number):
                pass

    await asyncio.to_thread(place, range(story.warm_up))
    await tally.quiet()
    gc.collect()
    with _collected() as collected:
        before = sys.getallocatedblocks()
        await asyncio.to_thread(place, range(story.warm_up, story.warm_up + story.calls))
        await tally.quiet()
        gc.collect()
        kept = sys.getallocatedblocks() - before
    return {
        f"{story.name}.call": {
            BLOCKS_KEPT: round(kept / story.calls),
            GARBAGE: ceil(sum(collected) / story.calls),
        }
    }


@contextmanager
def _collected() -> Iterator[list[int]]:
    """Note how many objects the garbage collector finds, whoever calls it."""
    found: list[int] = []

    def note(phase: str, info: Mapping[str, Any]) -> None:
        if phase == "stop":
            found.append(info["collected"])

    gc.callbacks.append(note)
    try:
        yield found
    finally:
        gc.callbacks.remove(note)
