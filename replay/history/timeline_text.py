"""A timeline as lines of text, for terminals and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from replay.history.durations import Took
from replay.history.timeline import Moment, delta, one_line

FACTS: Final = 32
"""Columns that what an event tells gets at least."""

NAME: Final = 24
"""Columns that an event's name or a control node's takes at most, before the rest of the line moves on."""


def text_of(call_id: str, moments: Sequence[Moment], width: int, *, bodies: bool = False) -> Iterator[str]:
    """Return the lines of a timeline, wrapped at `width` columns; with `bodies`, session descriptions too.

    What all moments have in common, the day and the control node, stands in the first line alone.
    """
    count = f"{len(moments)} event{'' if len(moments) == 1 else 's'}"
    days, writers = {moment.day for moment in moments}, {moment.by for moment in moments}
    shared = [*(days if len(days) == 1 else ()), *(f"by {one}" for one in writers if len(writers) == 1)]
    yield ", ".join([f"call {one_line(call_id)}", count, *shared])
    rows = [_cells(moment, day=len(days) > 1, by=len(writers) > 1) for moment in moments]
    widths = [min(max(map(len, column)), NAME) for column in zip(*rows, strict=True)] if rows else []
    for moment, row in zip(moments, rows, strict=True):
        head = "  ".join(cell.ljust(room) for cell, room in zip(row, widths, strict=True)) + "  "
        room = max(width - len(head), FACTS)
        yield from _beside(head, wrap(_words(moment), room) or [""])
        if bodies:
            yield from _bodies(moment, " " * sum(widths[:2], 4))


def _cells(moment: Moment, *, day: bool, by: bool) -> list[str]:
    when = f"{moment.day} {moment.time_of_day}" if day else moment.time_of_day
    return [when, moment.delta, str(moment.version), *([moment.by] if by else []), moment.title]


def _words(moment: Moment) -> str:
    return f"{_told(moment.took)}{moment.facts}" if moment.took is not None else moment.facts


def _told(took: Took) -> str:
    return f"{'SLOW, ' if took.slow else ''}after {delta(took.ms).removeprefix('+')}: "


def _beside(head: str, parts: Sequence[str]) -> Iterator[str]:
    for number, part in enumerate(parts):
        yield f"{head if not number else ' ' * len(head)}{part}".rstrip()


def _bodies(moment: Moment, indent: str) -> Iterator[str]:
    for name, body in moment.bodies.items():
        yield f"{indent}{name}:"
        yield from (f"{indent}{line}".rstrip() for line in body.rstrip().split("\n"))
