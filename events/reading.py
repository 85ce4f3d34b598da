"""Reading long streams in slices: between two of them the loop has turns for other calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from events.journal import CorruptEntry, Journal
from events.names import CallId
from events.records import Recorded

SLICE = 25
"""How many entries are read and decoded in one piece: some 0.6 ms of the loop's time."""

PAUSE = 0.001
"""Seconds between two pieces. A message of another call takes several rounds of the loop, and waits in each."""


async def read_slice(journal: Journal, call_id: CallId, after: int) -> list[Recorded]:
    """Return the first entries above version `after`, at most SLICE. Raises what `Journal.read` fails with."""
    try:
        return await journal.read(call_id, after, SLICE)
    except CorruptEntry:
        await journal.read(call_id, after)  # the error of this one knows the stream's end
        raise


async def slices(journal: Journal, call_id: CallId, after: int = 0) -> AsyncIterator[list[Recorded]]:
    """Return the entries above version `after` in slices, oldest first. Raises what `Journal.read` fails with."""
    while True:
        some = await read_slice(journal, call_id, after)
        if some:
            yield some
        if len(some) < SLICE:
            return
        after = some[-1].version
        await asyncio.sleep(PAUSE)


async def read_all(journal: Journal, call_id: CallId) -> list[Recorded]:
    """Return all entries of a call. Raises CorruptEntry, with all entries before, or JournalUnavailable."""
    entries: list[Recorded] = []
    try:
        async for some in slices(journal, call_id):
            entries += some
    except CorruptEntry as error:
        raise type(error)(call_id, error.version, error.last, error.why, [*entries, *error.before]) from error
    return entries
