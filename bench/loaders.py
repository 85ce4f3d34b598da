"""Many calls into a journal by several processes: `python -m bench.loaders URL KIND PREFIX FIRST LAST NUMBER` is one.

The processes append through the journal as the service does, so that what they leave is what the service leaves.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any

import uvloop

from bench.children import run_module
from bench.fill import fill, fill_ended

LOADERS = 4
"""Processes at a time: two of them keep a Redis and two processors busy, more do where there are more processors."""

_SMALL = 2000
"""So many calls are not worth a further process."""


class Kind(StrEnum):
    """What calls there can be."""

    LIVE = "live"
    ENDED = "ended"


async def load(url: str, kind: Kind, prefix: str, number: int) -> None:
    """Write calls 0 to `number`. Raises RuntimeError if a loader fails."""
    loaders = max(1, min(LOADERS, number // _SMALL))
    bounds = [number * part // loaders for part in range(loaders + 1)]
    processes = [
        await asyncio.create_subprocess_exec(
            *run_module("bench.loaders", url, kind, prefix, str(first), str(last), str(number))
        )
        for first, last in pairwise(bounds)
    ]
    if any([await process.wait() for process in processes]):
        raise RuntimeError(f"a loader of {kind} calls has failed")


_FILLS: Mapping[Kind, Callable[[str, str, int, range], Coroutine[Any, Any, None]]] = {
    Kind.ENDED: lambda url, prefix, number, only: fill_ended(url, prefix, number, only=only),
    Kind.LIVE: lambda url, prefix, number, only: fill(url, prefix, number, only=only),
}


def main() -> None:
    """Write the calls that the command line names."""
    url, kind, prefix, *numbers = sys.argv[1:]
    first, last, number = map(int, numbers)
    uvloop.run(_FILLS[Kind(kind)](url, prefix, number, range(first, last)))


if __name__ == "__main__":
    main()
