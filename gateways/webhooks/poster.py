"""Puts what is to be told into the outboxes, beside the calls' work."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from events.journal import JournalError
from events.names import CallId
from events.outbox import Outbox
from events.records import Recorded
from gateways.webhooks.counters import WebhookCounters
from gateways.webhooks.messages import DTMF, WebhookMessage, of_record

log = structlog.get_logger(bounded=True)

MAX_WAITING = 10_000
"""So many messages may wait for the outboxes, while these cannot be reached."""

AT_ONCE = 200
AGAIN = 1.0
"""Seconds until an outbox that could not be reached is tried again."""

GRACE = 2.0
"""Seconds that the rest may take when this ends."""


class Poster:
    """Takes what is journalled by this control node.

    names: the events that are wanted. keep: for how many seconds an outbox is kept after its newest message. put: is
    called after each. shown: makes of an entry what may be shown of it.
    """

    def __init__(
        self,
        outboxes: Sequence[Outbox],
        names: frozenset[str],
        counters: WebhookCounters,
        put: Callable[[], None] = lambda: None,
        *,
        keep: float,
        shown: Callable[[Recorded], Recorded] = lambda record: record,
    ) -> None:
        self._outboxes, self._names, self._counters, self._put = outboxes, names, counters, put
        self._shown, self._keep = shown, keep
        self._waiting: deque[Callable[[], WebhookMessage]] = deque()
        self._news = asyncio.Event()

    def observe(self, call_id: CallId, record: Recorded) -> None:
        """Take an event that stands in the journal, if it is wanted."""
        if any(event.name in self._names for event in record.events):
            self._add(lambda: of_record(call_id, self._shown(record)))

    @property
    def wants_keys(self) -> bool:
        """Whether keys that parties press are to be told of."""
        return DTMF in self._names

    def tell(self, message: WebhookMessage) -> None:
        """Take a message."""
        self._add(lambda: message)

    async def run(self) -> None:
        """Put messages into the outboxes until cancelled, and what is left then, if it can be done in a moment."""
        try:
            with contextlib.suppress(JournalError):  # the first message does it, too
                await self._give_time()
            while True:
                await self._news.wait()
                self._news.clear()
                await self._put_all()
        finally:
            with contextlib.suppress(TimeoutError, JournalError):
                async with asyncio.timeout(GRACE):
                    await self._put_some_until_empty()

    async def _give_time(self) -> None:
        """Have outboxes go that would never go, as earlier versions have left them."""
        for outbox in self._outboxes:
            await outbox.put((), self._keep)

    def _add(self, make: Callable[[], WebhookMessage]) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._counters.dropped += 1
            return
        self._waiting.append(make)
        self._news.set()

    async def _put_all(self) -> None:
        while self._waiting:
            try:
                await self._put_some_until_empty()
            except JournalError as error:
                log.warning("webhooks wait for the journal", why=str(error), waiting=len(self._waiting))
                await asyncio.sleep(AGAIN)

    async def _put_some_until_empty(self) -> None:
        """Put some after some. Raises JournalError; what may be in then is put in again, under its id."""
        while self._waiting:
            some = [self._waiting[place] for place in range(min(AT_ONCE, len(self._waiting)))]
            contents = [make().to_bytes() for make in some]
            for outbox in self._outboxes:
                await outbox.put(contents, self._keep)
            for _ in some:
                self._waiting.popleft()
            self._counters.posted += len(some)
            self._put()
