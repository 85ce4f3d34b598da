"""Sends what is in an outbox to its receiver: at least once, the messages of one call in their order.

One control node at a time does that for a receiver. A message that is not taken is sent again, later and later, and
keeps back those of its call alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Sequence
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout

from events.errors import error_text
from events.journal import Journal, JournalError
from events.outbox import Letter
from gateways.webhooks.counters import WebhookCounters
from gateways.webhooks.messages import WebhookMessage, read_message
from gateways.webhooks.signing import signed

log = structlog.get_logger(bounded=True)

LEASE = 5.0
"""Seconds for which a control node sends alone, unless it asks again."""

LOOK = 1.0
"""Seconds between two looks into an outbox where nothing tells that something was put in."""

AT_ONCE = 8
"""Requests under way to a receiver."""

MAX_HELD = 2000
"""So many messages are taken on at a time; the others wait in the outbox."""

FIRST_RETRY, LAST_RETRY = 1.0, 60.0
TIMEOUT = ClientTimeout(total=10.0)


class Sender:
    """The way from an outbox to a receiver's URL. give_up_after: seconds after which a message is not sent again."""

    def __init__(
        self,
        url: str,
        box: str,
        journal: Journal,
        *,
        holder: str,
        secrets: Sequence[bytes],
        give_up_after: float,
        counters: WebhookCounters,
    ) -> None:
        """Make it. `holder`: by what name this process sends; `box`: the outbox's name."""
        self._url, self._box, self._journal, self._holder = url, box, journal, holder
        self._place = urlsplit(url).hostname  # the rest may be secret
        self._outbox = journal.outbox(box)
        self._secrets, self._give_up_after, self._counters = secrets, give_up_after, counters
        self._news = asyncio.Event()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._lanes: dict[str, deque[tuple[Letter, WebhookMessage]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = 0
        self._session: ClientSession | None = None

    def hurry(self) -> None:
        """Look at once: something was put into the outbox."""
        self._news.set()

    async def run(self) -> None:
        """Send until cancelled."""
        async with ClientSession(timeout=TIMEOUT, auto_decompress=False) as self._session:
            try:
                while True:
                    with contextlib.suppress(JournalError):
                        await self._send_while_it_is_ours()
                    await self._drop_lanes()
                    await asyncio.sleep(LOOK)
            finally:
                await self._drop_lanes()
                with contextlib.suppress(JournalError):
                    await self._journal.lease(self._lease, self._holder, 0.001)

    @property
    def _lease(self) -> str:
        return f"out:{self._box}"

    async def _send_while_it_is_ours(self) -> None:
        """Take letters from the outbox while no other control node does. Raises JournalError."""
        loop = asyncio.get_running_loop()
        after, asked = "", -LEASE
        while True:
            if loop.time() - asked > LEASE / 3:
                asked = loop.time()
                if not await self._journal.lease(self._lease, self._holder, LEASE):
                    return
            self._news.clear()
            letters = await self._outbox.letters(after, MAX_HELD - self._held) if self._held < MAX_HELD else []
            for letter in letters:
                after = letter.id
                self._take(letter)
            if not letters:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK)

    def _take(self, letter: Letter) -> None:
        """Put a letter into the lane of its call."""
        message = read_message(letter.content) or WebhookMessage("", "", 0, b"")
        self._held += 1
        lane = self._lanes.get(message.call)
        if lane is None:
            lane = self._lanes[message.call] = deque()
            task = asyncio.create_task(self._send_lane(message.call, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        lane.append((letter, message))

    async def _send_lane(self, call: str, lane: deque[tuple[Letter, WebhookMessage]]) -> None:
        while lane:
            letter, message = lane[0]
            if message.id:  # what cannot be read is of a program that nobody runs any more
                await self._deliver(message)
            with contextlib.suppress(JournalError):  # then it is sent once more, when the outbox is read anew
                await self._outbox.remove(letter)
            lane.popleft()
            self._held -= 1
        del self._lanes[call]

    async def _deliver(self, message: WebhookMessage) -> None:
        """Send a message until it was taken, or is too old."""
        delay = FIRST_RETRY
        while True:
            async with self._room:
                why = await self._attempt(message)
            if not why:
                self._counters.delivered += 1
                return
            self._counters.failed += 1
            log.warning("webhook not taken", to=self._place, why=why)
            if await self._is_too_old(message):
                self._counters.given_up += 1
                log.error("webhook given up", to=self._place, id=message.id, call_id=message.call, why=why)
                return
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(2 * delay, LAST_RETRY)

    async def _is_too_old(self, message: WebhookMessage) -> bool:
        """Return whether a message is given up, by the clock that it has its time from."""
        with contextlib.suppress(JournalError):
            return await self._journal.time() - message.at > self._give_up_after * 1000
        return False

    async def _attempt(self, message: WebhookMessage) -> str:
        """Send a message once; return why it was not taken, "" if it was."""
        assert self._session is not None, "not running"
        headers = {
            "Content-Type": "application/json",
            **signed(self._secrets, message.id, int(time.time()), message.body),
        }
        try:
            async with self._session.post(
                self._url, data=message.body, headers=headers, allow_redirects=False
            ) as response:
                return "" if response.ok and response.status < 300 else f"status {response.status}"
        except (ClientError, TimeoutError, OSError) as error:
            return error_text(error)

    async def _drop_lanes(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lanes.clear()
        self._held = 0
