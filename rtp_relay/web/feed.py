"""What happens to all calls, for all who look on: one reader of the journal, and a queue for each viewer.

A viewer who is too slow loses events, and is told how many; nobody waits for anybody. What was told lately is kept, so
that a viewer whose connection broke goes on where it was.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Iterator
from typing import Final

import structlog

from events.journal import Journal, JournalError
from events.names import CallId
from events.values import value
from replay.history.ladder import ladder
from replay.history.timeline import timeline
from replay.privacy.numbers import ALL_SHOWN
from rtp_relay.cli.following import Follower, Told

KEPT: Final = 2000
"""So many events are kept for those who come back."""

QUEUE: Final = 300
"""So many events may wait for one viewer."""

LOOK: Final = 0.7
"""Seconds between two looks at the journal."""

UNSEEN: Final = 30.0
"""Seconds after the last viewer has gone for which the journal is still looked at."""

log = structlog.get_logger()


@value
class Item:
    """An event, numbered in the order in which it was read. words: all that may be looked for in it."""

    number: int
    call_id: CallId
    version: int
    at: str
    title: str
    facts: str
    by: str
    failed: bool
    words: str


@value
class Gap:
    """Some events are not told; number: of the last one that is left out. missed: how many, None if nobody knows."""

    number: int
    missed: int | None


class Viewer:
    """What waits for one who looks on. Only events with `text` in them are wanted, in upper or lower case."""

    def __init__(self, text: str = "") -> None:
        self._text = text.casefold()
        self._waiting: deque[Item | Gap] = deque()
        self._missed = 0
        self._news = asyncio.Event()
        self._ended = False

    def offer(self, item: Item) -> None:
        """Have an event told, if it is wanted and there is room."""
        if self._text not in item.words:
            return
        if len(self._waiting) >= QUEUE:
            self._missed += 1
            return
        if self._missed:
            self.tell_gap(Gap(item.number - 1, self._missed))
            self._missed = 0
        self._waiting.append(item)
        self._news.set()

    def tell_gap(self, gap: Gap) -> None:
        """Have it told that something is missing."""
        self._waiting.append(gap)
        self._news.set()

    def end(self) -> None:
        """Tell nothing after what waits."""
        self._ended = True
        self._news.set()

    async def next(self) -> list[Item | Gap]:
        """Wait for what there is to tell, and return all of it; nothing when that was all."""
        while not self._waiting and not self._ended:
            self._news.clear()
            await self._news.wait()
        told = list(self._waiting)
        self._waiting.clear()
        if self._missed and told:
            told.append(Gap(told[-1].number, self._missed))
            self._missed = 0
        return told


class Feed:
    """Reads while somebody looks on."""

    def __init__(self) -> None:
        self.numbers = ALL_SHOWN
        """How those of parties are shown."""
        self.run = secrets.token_hex(4)
        """The name under which the numbers are given: those of another process, or of another reading, mean nothing."""
        self._kept: deque[Item] = deque(maxlen=KEPT)
        self._last = 0
        self._viewers: set[Viewer] = set()
        self._reading: asyncio.Task[None] | None = None

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    def join(self, journal: Journal, viewer: Viewer, last_id: str = "") -> None:
        """Have a viewer told what happens from here on, and before that what happened since the event of an id."""
        if self._reading is None or self._reading.done():
            self.run, self._last = secrets.token_hex(4), 0
            self._kept.clear()
            self._reading = asyncio.create_task(self._read(journal))
        if last_id:
            self._resume(viewer, last_id)
        self._viewers.add(viewer)

    def leave(self, viewer: Viewer) -> None:
        """Tell a viewer nothing more."""
        self._viewers.discard(viewer)

    async def close(self) -> None:
        """End, and let all viewers go."""
        for viewer in self._viewers:
            viewer.end()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def id_of(self, told: Item | Gap) -> str:
        """Return by which id a viewer can come back after this."""
        return f"{self.run}-{told.number}"

    def take(self, told: Told) -> None:
        """Tell all viewers of an entry that was read."""
        for item in self._items(told):
            self._kept.append(item)
            for viewer in self._viewers:
                viewer.offer(item)

    def _items(self, told: Told) -> Iterator[Item]:
        entry = [self.numbers.entry(told.entry)]
        for moment, step in zip(timeline(entry), ladder(entry).steps, strict=True):
            self._last += 1
            words = " ".join((told.call_id, moment.title, moment.facts, moment.by, *told.nodes, *told.sets))
            yield Item(
                number=self._last,
                call_id=told.call_id,
                version=moment.version,
                at=f"{moment.day} {moment.time_of_day}",
                title=moment.title,
                facts=moment.facts,
                by=moment.by,
                failed=step.way.failed,
                words=words.casefold(),
            )

    def _resume(self, viewer: Viewer, last_id: str) -> None:
        run, _, number = last_id.partition("-")
        if run != self.run or not re.fullmatch(r"[0-9]{1,15}", number) or int(number) > self._last:
            viewer.tell_gap(Gap(self._last, None))
            return
        first = self._kept[0].number if self._kept else self._last + 1
        missed = first - 1 - int(number)
        if missed > 0:
            viewer.tell_gap(Gap(first - 1, missed))
        for item in self._kept:
            if item.number > int(number):
                viewer.offer(item)

    async def _read(self, journal: Journal) -> None:
        follower: Follower | None = None
        loop = asyncio.get_running_loop()
        seen = loop.time()
        while True:
            if self._viewers:
                seen = loop.time()
            elif loop.time() - seen >= UNSEEN:
                return
            try:
                if follower is None:
                    follower = Follower(journal, round(await journal.time()))
                async for told in follower.look():
                    self.take(told)
            except JournalError as error:
                log.debug("not followed", why=str(error))
            await asyncio.sleep(LOOK)
