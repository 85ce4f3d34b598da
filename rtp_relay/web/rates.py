"""How many calls begin and end a second, and how those went that ended lately: looked at every few seconds.

All of it is the whole cluster's, by the journal's tables: calls that began are those that are live or ended and were
not live before. No control node has work of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from events.ended import EndedCall, Outcome
from events.journal import Journal, JournalError
from events.names import CallId
from events.values import value
from replay.privacy.numbers import ALL_SHOWN
from replay.statistics import Share, Statistics
from rtp_relay.cli.reading import LATE, ended_calls

EVERY: Final = 5.0
"""Seconds between two looks."""

KEPT: Final = 720
"""So many looks are remembered: an hour."""

LATELY: Final = 15 * 60_000
"""Milliseconds: what is told of calls that ended lately is of so long."""

ENOUGH: Final = 20_000
"""So many of these are counted at most, the newest."""

_BAD: Final = (Outcome.FAILED, Outcome.LOST, Outcome.UNREADABLE)

log = structlog.get_logger()


@value
class Look:
    """What was seen at a time, ms since the epoch: live calls; and what began, ended and failed a second before it."""

    at: int
    live: int
    begun: float = 0.0
    ended: float = 0.0
    failed: float = 0.0


@value
class Lately:
    """What is counted of calls that ended lately. whole: those are all of them. minutes: of so long."""

    share: Share
    nodes: Mapping[str, Share]
    causes: Sequence[tuple[str, int]]
    whole: bool
    minutes: int = LATELY // 60_000

    @property
    def bad(self) -> int:
        """So many had no relay, lost it, or cannot be read."""
        return sum(self.share.outcomes[outcome] for outcome in _BAD)


NOTHING: Final = Lately(Share(), {}, (), True)


class Rates:
    """Looks at the journal, and remembers."""

    def __init__(self) -> None:
        self.looks: deque[Look] = deque(maxlen=KEPT)
        self.lately = NOTHING
        self.due = 0
        """So many calls were due when this looked last: more than a few, and control nodes lag behind."""
        self.numbers = ALL_SHOWN
        """How those of parties are shown."""
        self._ended: dict[CallId, EndedCall] = {}

    @property
    def last(self) -> Look | None:
        """The newest look, None before the first one."""
        return self.looks[-1] if self.looks else None

    async def run(self, journal: Journal) -> None:
        """Look for ever. While the journal is away there are no looks."""
        while True:
            try:
                await self.look(journal)
            except JournalError as error:
                log.debug("rates not looked at", why=str(error))
            await asyncio.sleep(EVERY)

    async def look(self, journal: Journal) -> None:
        """Look once. Raises JournalError."""
        now = round(await journal.time())
        live = (await journal.count_calls()).get("", 0)
        self.due = await journal.count_due(now)
        before = self.last
        new = await self._newly_ended(journal, now, before)
        self._forget(now - LATELY)
        self._count(now)
        if before is None:
            self.looks.append(Look(now, live))
            return
        seconds = max(now - before.at, 1) / 1000
        begun = max(live - before.live + len(new), 0)
        failed = sum(call.outcome in _BAD for call in new)
        self.looks.append(Look(now, live, begun / seconds, len(new) / seconds, failed / seconds))

    async def _newly_ended(self, journal: Journal, now: int, before: Look | None) -> list[EndedCall]:
        """Return the calls that have ended since the last look; their rows may come a little late."""
        since = now - LATELY if before is None else before.at - LATE
        new: list[EndedCall] = []
        seen = 0
        async for call in ended_calls(journal, since, now + LATE):
            known = self._ended.get(call.call_id)
            if known is None or known.ended != call.ended:
                new.append(call)
                self._ended[call.call_id] = call
            seen += 1
            if seen == ENOUGH:
                break
        return new

    def _forget(self, before: int) -> None:
        """Forget what is not of lately, and the oldest where there are too many."""
        for call_id in [call_id for call_id, call in self._ended.items() if call.ended < before]:
            del self._ended[call_id]
        excess = len(self._ended) - ENOUGH
        if excess > 0:
            for call in sorted(self._ended.values(), key=lambda call: call.ended)[:excess]:
                del self._ended[call.call_id]

    def _count(self, now: int) -> None:
        counted = Statistics(now - LATELY, now + LATE, 1)
        for call in self._ended.values():
            counted.add(self.numbers.ended(call))
        causes = counted.causes.most_common(5)
        self.lately = Lately(counted.total, counted.nodes, causes, len(self._ended) < ENOUGH)
