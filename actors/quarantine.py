"""Calls that are left alone: their actor failed again and again, or their stream cannot be read."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import structlog

from events.journal import Conflict, CorruptEntry, Index, Journal, JournalError, LiveCall, Recorded
from events.registry import Quarantined

log = structlog.get_logger()

REMEMBERED = 10_000
"""So many quarantined calls are known without asking the journal."""

MAX_TRIES = 50
"""So often the event is tried to be appended, where others write, too."""

MAX_VERSION = 2**53
"""A stream whose last entry has a larger number takes no more of ours: the journal's script counts no further."""


class Quarantine:
    """Puts calls into quarantine: an event in the stream, a row in the table of live calls, and never due again."""

    def __init__(self, journal: Journal, name: str, now: Callable[[], int]) -> None:
        self._journal, self._name, self._now = journal, name, now
        self._reasons: OrderedDict[str, str] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def reason(self, call_id: str) -> str | None:
        """Return why a call was put here, or None if it was not."""
        return self._reasons.get(call_id) if self._reasons else None

    def put(self, call_id: str, why: str) -> None:
        """Quarantine a call whose stream can be read."""
        self._remember(call_id, why)
        self._begin(call_id, why, None)

    def put_corrupt(self, error: CorruptEntry) -> None:
        """Quarantine a call whose stream cannot be read."""
        if self.reason(error.call_id) is None:
            self._remember(error.call_id, str(error))
            self._begin(error.call_id, str(error), error.last)

    async def finish(self) -> None:
        """Wait until all that was put here stands in the journal."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _remember(self, call_id: str, why: str) -> None:
        log.error("call quarantined", call_id=call_id, why=why)
        self._reasons[call_id] = why
        if len(self._reasons) > REMEMBERED:
            self._reasons.popitem(last=False)

    def _begin(self, call_id: str, why: str, last: int | None) -> None:
        task = asyncio.get_running_loop().create_task(self._write(call_id, why, last))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, call_id: str, why: str, last: int | None) -> None:
        """Journal it as far as that goes. A call is left alone here all the same, and by whoever reads it next."""
        try:
            for _ in range(MAX_TRIES):
                last = await self._last(call_id) if last is None else last
                if last >= MAX_VERSION:
                    log.error("quarantine not journalled", call_id=call_id, why="its stream takes no more entries")
                    return
                if await self._is_there(call_id, last) or await self._append(call_id, why, last):
                    return
                last = None
            log.error("quarantine not journalled", call_id=call_id, why="its stream takes no entry after its last one")
        except JournalError as error:
            log.error("quarantine not journalled", call_id=call_id, why=str(error))

    async def _last(self, call_id: str) -> int:
        try:
            records = await self._journal.read(call_id)
        except CorruptEntry as error:
            return error.last
        return records[-1].version if records else 0

    async def _is_there(self, call_id: str, last: int) -> bool:
        """Return whether the stream ends with the event already: somebody was here before."""
        try:
            end = await self._journal.read(call_id, max(0, last - 1))
        except CorruptEntry:
            return False
        return bool(end) and isinstance(end[-1].event, Quarantined)

    async def _append(self, call_id: str, why: str, last: int) -> bool:
        """Append the event after version `last`. Tell whether nobody was first."""
        now = self._now()
        row = LiveCall(call_id=call_id, status="quarantined", version=last + 1, created=now, changed=now, by=self._name)
        record = Recorded(last + 1, now, self._name, Quarantined(reason=why))
        try:
            # Whatever due time the tables have is taken away; the nodes that they name stay.
            await self._journal.append(call_id, last, [record], Index(due=0), Index(live=row))
        except Conflict:
            return False
        return True
