"""The moves of a copy, for the application that answers for its recorder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from events.journal import Journal
from events.names import CallId
from events.reading import read_all, slices
from replay.fold import fold, fold_on

PAUSE = 1.0
"""Seconds between looks at the journal, which tells what every control node does."""


async def copy_moves(journal: Journal, call_id: CallId, name: str) -> AsyncIterator[bytes]:
    """Yield a copy's offer each time that it has moved, until it ends. Raises what reading the journal does."""
    state, told = fold(call_id, await read_all(journal, call_id)), b""
    while (copy := state.copies.get(name)) is not None and not copy.closing:
        if copy.moved and copy.offer != told:
            told = copy.offer
            yield told
        await asyncio.sleep(PAUSE)
        async for records in slices(journal, call_id, state.version):
            fold_on(state, records)
