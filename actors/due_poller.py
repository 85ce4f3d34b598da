"""The poller of the due table: any control node takes what is due, for a short lease, and tells the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from actors.lasting_trouble import LastingTrouble
from events.journal import Journal, JournalError, JournalRefused
from events.names import CallId
from replay.eras import NEVER_SET, ClockEras, Era

LEASE = 10_000
"""How long (ms) whoever takes a due call has it for itself. It dies with its taker: then the call is due again."""

BATCH = 200
"""So many calls are taken at a time."""

NAMED = 3
"""So many tables that cannot be read are named in a line."""


class DuePoller:
    """Takes due calls every `interval` seconds. What falls due while a control node is away waits for any other.

    `attend` wakes a call (Directory.attend). Pollers do not beat together (`actors.beat`): of several the same one
    would always be first, and take what another one could do. eras: those of the clock that `now` tells.
    """

    def __init__(
        self,
        journal: Journal,
        attend: Callable[[CallId], None],
        now: Callable[[], int],
        interval: float = 0.5,
        eras: ClockEras = NEVER_SET,
    ) -> None:
        self._journal, self._attend, self._now, self._interval = journal, attend, now, interval
        self._eras = eras
        self._polled = 0  # up to when calls that were due have been taken, by the clock of then
        self._polled_in: dict[Era, int] = {}  # the same by the clock of an era that was ahead

    async def run(self) -> None:
        """Poll until cancelled. The journal being away is no end: what is due stays due."""
        trouble = LastingTrouble("due calls not taken", "due calls taken again")
        spoilt = LastingTrouble("due calls of partitions not taken", "due calls of all partitions taken again")
        while True:
            taken = 0
            try:
                taken = await self.poll()
                trouble.end()
                self._tell_of_spoilt(spoilt, all_asked=taken < BATCH)
            except JournalError as error:
                trouble.note(error)
            if taken < BATCH:
                await asyncio.sleep(self._interval)

    def _tell_of_spoilt(self, trouble: LastingTrouble, *, all_asked: bool) -> None:
        """Say which tables hold up what is due there. all_asked: whether the last claim came to all of them."""
        keys = self._journal.spoilt
        if keys:
            more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
            named = ", ".join(sorted(keys)[:NAMED])
            trouble.note(JournalRefused(f"Redis has something else than a sorted set at {named}{more}"))
        elif all_asked:
            trouble.end()

    async def poll(self) -> int:
        """Claim the calls that are due now, up to a batch, and wake them. Return how many."""
        now = self._now()
        due = await self._journal.claim_due(now, LEASE, BATCH)
        for era in self._eras.set_back():
            due += await self._claim_of(era)
        if len(due) < BATCH:
            self._polled = now
        for call_id in due:
            self._attend(call_id)
        return len(due)

    async def _claim_of(self, era: Era) -> list[CallId]:
        """Claim the calls that would be due by now if the clock had not been set back."""
        now, after = self._eras.now_in(era), self._polled_in.setdefault(era, self._polled)
        due = await self._journal.claim_due(now, self._now() + LEASE - now, BATCH, after)
        if len(due) < BATCH:
            self._polled_in[era] = now
        return due
