"""A ladder as lines of text, for terminals and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from replay.history.ladder import Ladder, Step
from replay.history.timeline import delta, one_line
from replay.history.ways import Direction

NARROWEST: Final = 13
WIDEST: Final = 26
"""Columns between two participants."""

DETAIL: Final = 34
"""Columns that what a step tells gets at least, where there is room for it."""


def text_of(ladder: Ladder, width: int) -> Iterator[str]:
    """Return the lines of a ladder, none wider than `width` columns unless the participants alone are."""
    drawing = _Drawing(ladder, width)
    yield drawing.header()
    for step in ladder.steps:
        yield drawing.line(step)


class _Drawing:
    """Where things stand: on the left versions and times, then a line of life for each participant, then words."""

    def __init__(self, ladder: Ladder, width: int) -> None:
        self._names = ladder.participants
        self._version = max((len(str(step.version)) for step in ladder.steps), default=1)
        self._time = max((len(delta(step.since)) for step in ladder.steps), default=0)
        self._left = self._version + self._time + 3
        gaps = max(len(self._names) - 1, 1)
        room = (width - self._left - DETAIL) // (gaps + 1)
        self._gap = min(max(room, NARROWEST), WIDEST)
        self._right = self._left + self._gap * len(self._names)
        self._width = max(width, self._right)

    def header(self) -> str:
        """Return the names of the participants."""
        row = [" "] * self._right
        for place, name in enumerate(self._names):
            shown = shortened(_plain(name), self._gap - 1)
            start = max(self._centre(place) - len(shown) // 2, 0)
            row[start : start + len(shown)] = shown
        return "".join(row).rstrip()

    def line(self, step: Step) -> str:
        """Return the line of a step."""
        row = [" "] * self._right
        for place in range(len(self._names)):
            row[self._centre(place)] = "│"
        words = self._drawn(row, step)
        row[: self._left] = f"{step.version:>{self._version}} {delta(step.since):>{self._time}}  "
        told = "  ".join(part for part in (*_marks(step), *words, _plain(step.detail)) if part)
        return shortened_end("".join(row) + told, self._width).rstrip()

    def _drawn(self, row: list[str], step: Step) -> Sequence[str]:
        """Draw a step's arrow; return what has found no place in it."""
        label = _plain(step.way.label)
        source, target = (self._centre(self._names.index(name)) for name in (step.way.source, step.way.target))
        if source == target:
            row[source] = "●"
            return [label]
        left, right = sorted((source, target))
        row[left + 1 : right] = "─" * (right - left - 1)
        both = step.way.direction is Direction.BOTH
        if both or target == right:
            row[right - 1] = ">"
        if both or target == left:
            row[left + 1] = "<"
        room = right - left - 5
        if len(label) > room:
            return [label]
        start = left + 1 + (right - left - 1 - len(label) - 2) // 2
        row[start : start + len(label) + 2] = f" {label} "
        return []

    def _centre(self, place: int) -> int:
        return self._left + self._gap * place + self._gap // 2


def _marks(step: Step) -> Iterator[str]:
    if step.way.failed:
        yield "FAILED"
    if step.took is not None:
        yield f"{'SLOW, ' if step.took.slow else ''}after {delta(step.took.ms).removeprefix('+')}:"


def _plain(text: str) -> str:
    """Return text of which each character takes one column."""
    return one_line(text).encode("ascii", "backslashreplace").decode("ascii")


def shortened(text: str, width: int) -> str:
    """Return a text that is too long without its middle."""
    if len(text) <= width:
        return text
    kept = width - 1
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"


def shortened_end(text: str, width: int) -> str:
    """Return a text that is too long without its end."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
