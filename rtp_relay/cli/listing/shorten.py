"""Long ids told with less: their middle is left out, and two of them never look the same where that can be helped."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from rtp_relay.cli.listing.text import end, head, width

ELLIPSIS: Final = "…"

REMEMBERED: Final = 20_000
"""So many shortened texts of a column are kept apart from each other: memory stays bounded."""

_TRIED: Final = 400
"""So many ways to shorten a text are tried before two may look the same."""


def cut(text: str, cells: int) -> str:
    """Return a cleaned text without its end where it has more than these cells."""
    if width(text) <= cells:
        return text
    return head(text, cells - 1) + ELLIPSIS if cells > 0 else ""


class Shortener:
    """Shortens the texts of one column, and remembers how, so that the same text always looks the same."""

    def __init__(self) -> None:
        self._taken: OrderedDict[str, str] = OrderedDict()

    def shorten(self, text: str, cells: int) -> str:
        """Return a cleaned text without its middle where it has more than these cells."""
        first = None
        for made in _ways(text, cells):
            first = made if first is None else first
            if self._taken.setdefault(made, text) == text:
                self._taken.move_to_end(made)
                if len(self._taken) > REMEMBERED:
                    self._taken.popitem(last=False)
                return made
        return first or ""


def _ways(text: str, cells: int) -> Iterator[str]:
    """Return the ways to tell a text with so many cells, the best first."""
    if width(text) <= cells:
        yield text
        return
    room = cells - 1
    if room < 2:
        yield cut(text, cells)
        return
    for tail in sorted(range(room + 1), key=lambda tail: abs(tail - room // 2)):
        yield head(text, room - tail) + ELLIPSIS + end(text, tail)
    if room < 3:
        return
    last = max(len(text) - room, 1)
    for start in range(1, last, max(1, last // _TRIED)):
        yield ELLIPSIS + head(text[start:].lstrip(), room - 1) + ELLIPSIS
