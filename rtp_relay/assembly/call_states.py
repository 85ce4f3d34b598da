"""How many live calls there are in each state, counted now and then where they are few enough for that."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator

from actors.control.control import Control
from actors.control.counters import Sample, Together
from events.journal import JournalError
from replay.state import CallStatus

INTERVAL = 15.0
"""Seconds from one count to the next."""

MOST = 5000
"""Calls; of more than these the states are not counted, for each row has to be read."""

_STATES = tuple(status for status in CallStatus if status is not CallStatus.ENDED)


class CallStates:
    """Counts the live calls of the whole cluster by their state."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._counted: Counter[str] | None = None

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            await self._count()
            await asyncio.sleep(INTERVAL)

    def samples(self) -> Iterator[Sample]:
        """Return what was counted last; nothing if the journal did not answer, or there were too many calls."""
        if self._counted is None:
            return
        for state in _STATES:
            labels = (("state", str(state)),)
            yield Sample("calls", "states", self._counted[state], labels, gauge=True, together=Together.MOST)

    async def _count(self) -> None:
        counted: Counter[str] = Counter()
        try:
            if self._control.counted.get("", 0) <= MOST:
                async for call in self._control.calls():
                    counted[call.status] += 1
        except JournalError:
            self._counted = None
        else:
            self._counted = counted if counted or not self._control.counted.get("", 0) else None
