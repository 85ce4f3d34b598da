"""Outboxes: what others are to be told, kept in an order beside the journal until they have been.

An outbox is no part of the journal's promises: what is put into it is put there after the event stands, and it holds so
much and no more. It outlives control nodes, and any of them may go on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from events.values import value

MOST = 100_000
"""So many letters an outbox holds, about; the oldest go for new ones."""


@value
class Letter:
    """What is in an outbox. `id` is its place there, and has no other meaning."""

    id: str
    content: bytes


class Outbox(Protocol):
    """An outbox. All its methods raise JournalUnavailable."""

    async def put(self, contents: Sequence[bytes], keep: float) -> None:
        """Put in letters, in this order; they may be in after a failure.

        keep: for how many seconds from now on the outbox is kept if no others come, with all that is in it. Without
        letters that holds for an outbox that would never go; any other stays as it is.
        """

    async def letters(self, after: str, count: int) -> list[Letter]:
        """Return up to `count` letters, the oldest first: those put in after the one of this id, all for ""."""

    async def remove(self, letter: Letter) -> None:
        """Take a letter out."""


class MemoryOutbox:
    """An outbox in memory, kept for as long as its process runs."""

    def __init__(self, most: int = MOST) -> None:
        self._letters: dict[int, bytes] = {}
        self._last, self._most = 0, most

    async def put(self, contents: Sequence[bytes], keep: float) -> None:  # noqa: ARG002
        """Put in letters."""
        for content in contents:
            self._last += 1
            self._letters[self._last] = content
            if len(self._letters) > self._most:
                del self._letters[next(iter(self._letters))]

    async def letters(self, after: str, count: int) -> list[Letter]:
        """Return the oldest letters after one."""
        later = (place for place in self._letters if place > int(after or 0))
        return [Letter(str(place), self._letters[place]) for place in islice(later, count)]

    async def remove(self, letter: Letter) -> None:
        """Take a letter out."""
        self._letters.pop(int(letter.id), None)
