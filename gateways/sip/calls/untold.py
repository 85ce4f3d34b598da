"""What calls could not be told because their journal was away: it is kept for a while, and told when it is back.

A message that ends something goes on without the journal: its sender is done with it, and would not send it again. It
is kept in this process alone. If that ends first, or what is kept is too much or too old, the call is found dead by
other ways: its relay has no media, or its parties do not answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from actors.commands.sip import EndUnanswered, ObserveSipMessage
from engines.refusal import RefusalCode
from events.names import CallId
from replay.offer_answer import SipMessage

log = structlog.get_logger(bounded=True)

MOST = 10_000
"""So much is kept."""

PAUSE = 1.0
"""Seconds between two attempts to tell."""

LIFETIME = 3600.0
"""Seconds for which anything is kept."""


_CONCLUDED = (None, RefusalCode.INTERNAL, RefusalCode.OLDER)
"""What comes of telling where there is no sense in trying again: it went well, or it would meet the same."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A request in a dialog of some call: which one, and who sent it, could not be looked up."""

    call_id: CallId
    message: SipMessage
    source: str


Item: TypeAlias = Unplaced | ObserveSipMessage | EndUnanswered

Tell: TypeAlias = Callable[[Item], Awaitable[RefusalCode | None]]
"""Tells a call; comes to None if it knows now, else to why it could not be told."""


def _key_of(item: Item) -> tuple[str, object]:
    """Return the call, and what a repeat of the item has in common with it."""
    return item.call_id, item.callers_tag if isinstance(item, EndUnanswered) else item.message


class Untold:
    """Keeps what was not told, oldest first, and tells it as soon as that can be done."""

    def __init__(self, tell: Tell, *, most: int = MOST, pause: float = PAUSE, lifetime: float = LIFETIME) -> None:
        self._tell, self._most, self._pause, self._lifetime = tell, most, pause, lifetime
        self._kept: dict[tuple[str, object], tuple[Item, float]] = {}
        self._of_calls: Counter[str] = Counter()  # how much is kept of each call
        self._telling: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def has(self, name: str) -> bool:
        """Return whether a call is still to be told something: what comes after that has to wait, too."""
        return name in self._of_calls

    def keep(self, item: Item) -> None:
        """Keep something, if it is not kept already and there is room."""
        loop = asyncio.get_running_loop()
        key = _key_of(item)
        if key in self._kept:
            return
        if len(self._kept) >= self._most:
            log.error("call not told, and no room to keep it", call=item.call_id)
            return
        log.warning("call not told: it will be when its journal is back", call=item.call_id)
        self._kept[key] = item, loop.time() + self._lifetime
        self._of_calls[item.call_id] += 1
        if self._telling is None:
            self._telling = loop.create_task(self._run())
            self._telling.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop reporting."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        if self._kept:
            log.error("calls not told", count=len(self._kept))

    async def _run(self) -> None:
        while self._kept:
            await asyncio.sleep(self._pause)
            await self._tell_all()

    async def _tell_all(self) -> None:
        """Report all that can be reported. Without a journal there is no sense in asking for every call."""
        for key, (item, until) in list(self._kept.items()):
            code = await self._tell(item)
            if code is RefusalCode.NO_JOURNAL:
                return
            if code in _CONCLUDED or until < asyncio.get_running_loop().time():
                self._forget(key)

    def _forget(self, key: tuple[str, object]) -> None:
        del self._kept[key]
        self._of_calls[key[0]] -= 1
        if not self._of_calls[key[0]]:
            del self._of_calls[key[0]]

    def _ended(self, telling: asyncio.Task[None]) -> None:
        self._telling = None
        if not telling.cancelled() and telling.exception() is not None:
            log.error("untold calls given up", count=len(self._kept), exc_info=telling.exception())
            self._kept.clear()
            self._of_calls.clear()
