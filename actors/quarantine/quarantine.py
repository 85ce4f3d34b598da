"""Calls that are left alone: their actor failed again and again, or their stream cannot be read."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import Any

import structlog

from actors.node_table import NodeTable
from actors.quarantine.entries import Change, Finding, quarantined_as, write
from actors.quarantine.release import Release
from events.journal import CorruptEntry, Journal, JournalError, NewerEntry
from events.names import CallId
from events.registry import Quarantined
from replay.projection import Deadlines

log = structlog.get_logger()

REMEMBERED = 10_000
"""So many quarantined calls are known without asking the journal, and so many that the log was told of."""


class QuarantinePolicy(StrEnum):
    """What becomes of the sessions of a call that is quarantined: they stay until an operator ends it, or they go."""

    KEEP = "keep"
    END = "end"


class Quarantine:
    """Puts calls into quarantine: an event in the stream, a row in the table of live calls that keeps the sessions.

    Such a call is due only for the removal of its sessions, if that is wanted.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        nodes: NodeTable,
        name: str,
        now: Callable[[], int],
        deadlines: Deadlines,
        policy: QuarantinePolicy = QuarantinePolicy.KEEP,
    ) -> None:
        self._journal, self._name, self._now, self._policy = journal, name, now, policy
        self._release = Release(journal, nodes, name, now, deadlines)
        self._reasons: OrderedDict[str, str] = OrderedDict()
        self._left: OrderedDict[str, None] = OrderedDict()
        self._releasing: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def reckon_with(self, deadlines: Deadlines) -> None:
        """Go by other deadlines from here on."""
        self._release.deadlines = deadlines

    def reason(self, call_id: CallId) -> str | None:
        """Return why a call was put here, or None if it was not."""
        return self._reasons.get(call_id) if self._reasons else None

    def put(self, call_id: CallId, why: str) -> None:
        """Quarantine a call whose actor fails."""
        self._remember(call_id, why)
        self._begin(self._write(call_id, why))

    def put_corrupt(self, error: CorruptEntry) -> None:
        """Quarantine a call whose stream cannot be read or written.

        One that a newer version of the program has served is well: it is left to control nodes of that version.
        """
        if isinstance(error, NewerEntry):
            self._leave(error)
        elif self.reason(error.call_id) is None:
            self.put(error.call_id, str(error))

    def found(self, call_id: CallId, why: str) -> None:
        """Remember a call that stands in the journal as quarantined."""
        if self.reason(call_id) is None:
            self._remember(call_id, why)

    def attend(self, call_id: CallId) -> None:
        """Remove the sessions of a call that is due, if it is quarantined."""
        if call_id not in self._releasing:
            self._releasing.add(call_id)
            self._begin(self._attend(call_id))

    async def finish(self) -> None:
        """Wait until all that was put here stands in the journal, and no removal is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _remember(self, call_id: CallId, why: str) -> None:
        log.error("call quarantined", call_id=call_id, why=why)
        self._reasons[call_id] = why
        if len(self._reasons) > REMEMBERED:
            self._reasons.popitem(last=False)

    def _leave(self, error: NewerEntry) -> None:
        if error.call_id not in self._left:
            log.error("call left to control nodes of a newer version", call_id=error.call_id, why=str(error))
            self._left[error.call_id] = None
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, call_id: CallId, why: str) -> None:
        """Journal it as far as that goes. A call is left alone here all the same, and by whoever reads it next."""
        due = self._now() if self._policy is QuarantinePolicy.END else None

        def decide(found: Finding) -> Change | None:
            over = found.row is None and (found.ended or found.set_aside or not found.takes_entries)
            if found.quarantined or over:  # somebody was here before, or there is nothing to keep
                return None
            return Change([Quarantined(reason=why)], quarantined_as(found, call_id, self._name, self._now(), due))

        try:
            await write(self._journal, call_id, self._name, self._now, decide)
        except JournalError as error:
            log.error("quarantine not journalled", call_id=call_id, why=str(error))
        except Exception:
            log.exception("quarantine failed", call_id=call_id)

    async def _attend(self, call_id: CallId) -> None:
        try:
            await self._release.attend(call_id)
        except JournalError as error:
            log.warning("sessions of a quarantined call not removed yet", call_id=call_id, why=str(error))
        except Exception:
            log.exception("removal of a quarantined call failed", call_id=call_id)
        finally:
            self._releasing.discard(call_id)
