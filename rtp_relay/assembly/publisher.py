"""What this control node makes known about itself in the journal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from actors.control.control import Control
from actors.control.counters import Sample, Together
from actors.control.status import encode_status
from actors.lasting_trouble import LastingTrouble
from events.journal import Journal, JournalError
from rtp_relay.assembly.errors import trouble_of
from rtp_relay.assembly.namesake import NamesakeWatch

INTERVAL = 2.0
"""Seconds from one status to the next."""

TTL = 7.0
"""Seconds after which a status that was not renewed is gone."""


class StatusPublisher:
    """Publishes the control node's status, and knows by that whether the journal answers."""

    def __init__(self, name: str, journal: Journal, control: Control) -> None:
        self._name, self._journal, self._control = name, journal, control
        self._namesakes = NamesakeWatch(journal)
        self._last = b""
        self._hurry = asyncio.Event()
        self.trouble = ""

    @property
    def journal_answers(self) -> bool:
        """Whether the journal answered last, and confirmed what was written; `trouble` says what it does not do."""
        return not self.trouble

    async def run(self) -> None:
        """Publish until cancelled. The journal being away is no end: it may come back."""
        trouble = LastingTrouble("status not published", "status published again")
        while True:
            self._hurry.clear()
            try:
                await self.publish()
                self.trouble = ""
                trouble.end()
            except JournalError as error:
                self.trouble = trouble_of(error)
                trouble.note(error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), INTERVAL)

    def samples(self) -> Iterator[Sample]:
        """Return whether the journal answers, and while it does, how many live calls the whole cluster has."""
        yield Sample("journal", "up", int(self.journal_answers), gauge=True, together=Together.LEAST)
        counted = self._control.counted
        if not self.journal_answers or "" not in counted:
            return
        yield Sample("calls", "live", counted[""], gauge=True, together=Together.MOST)
        for node in self._control.specs():
            labels = (("node", str(node.name)),)
            yield Sample("node", "sessions", counted.get(node.name, 0), labels, gauge=True, together=Together.MOST)

    def hurry(self) -> None:
        """Publish at once: something has changed that others wait for."""
        self._hurry.set()

    async def publish(self) -> None:
        """Publish once. Raises JournalError."""
        status = await self._control.status()
        if self._last:
            await self._namesakes.look(status)
        self._last = encode_status(status)
        await self._journal.publish(self._name, self._last, TTL)

    async def withdraw(self) -> None:
        """Expire what was published at once, if the journal can be reached."""
        if self._last:
            with contextlib.suppress(JournalError):
                await self._journal.publish(self._name, self._last, 0.0)
