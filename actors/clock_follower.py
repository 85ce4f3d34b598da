"""Keeps a control node's clock to the journal's."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from actors.clock import JournalClock
from events.journal import Journal, JournalUnavailable

INTERVAL = 2.0
"""Seconds between looks."""

FIRST_LOOKS = 3


class ClockFollower:
    """Looks at the journal's clock again and again, and tells this control node's what it was."""

    def __init__(self, journal: Journal, clock: JournalClock) -> None:
        self._journal, self.clock = journal, clock

    async def look(self) -> None:
        """Look once, if the journal can be reached."""
        sent = self.clock.monotonic()
        with suppress(JournalUnavailable):
            at = await self._journal.time()
            self.clock.look(at, sent, self.clock.monotonic())

    async def begin(self) -> None:
        """Look for the first time."""
        for _ in range(FIRST_LOOKS):
            await self.look()

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.look()
