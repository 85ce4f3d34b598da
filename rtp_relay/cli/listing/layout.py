"""Which columns have room, and how many cells each gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic

from rtp_relay.cli.listing.columns import Column, Columns, Cut, Row, shown
from rtp_relay.cli.listing.shorten import Shortener, cut
from rtp_relay.cli.listing.text import clean, padded, width

GAP: Final = "  "

FIRST: Final = 40
"""Percent of a line that a column of rank 0 may have before others get any."""

WIDEST: Final = 60
"""A column of a list without bounds is lined up as far as this; a longer value moves what follows it."""


@dataclass(frozen=True, slots=True)
class Place(Generic[Row]):
    """A column and its cells; without `bound` longer values are written whole."""

    column: Column[Row]
    cells: int
    bound: bool
    shortener: Shortener

    def text(self, row: Row, now: int) -> str:
        """Return what a row has here."""
        text = clean(shown(self.column.of(row), now))
        if not self.bound:
            return text
        return self.shortener.shorten(text, self.cells) if self.column.cut is Cut.MIDDLE else cut(text, self.cells)


class Layout(Generic[Row]):
    """The columns that are shown. left_out: the names of those that have no room."""

    def __init__(self, places: Sequence[Place[Row]], left_out: Sequence[str]) -> None:
        self.places = places
        self.left_out = left_out

    @property
    def names(self) -> str:
        """The line of names above the rows."""
        return _line(
            [
                padded(
                    cut(place.column.name, place.cells) if place.bound else place.column.name, place.cells, right=right
                )
                for place in self.places
                for right in (place.column.right,)
            ]
        )

    def line(self, row: Row, now: int) -> list[tuple[str, str]]:
        """Return the texts of a row, each with its colour; together they are one line."""
        parts: list[tuple[str, str]] = []
        for place in self.places:
            text = padded(place.text(row, now), place.cells, right=place.column.right)
            colour = place.column.colour(row) if place.column.colour else ""
            parts += [(GAP, "")] if parts else []
            parts.append((text, colour))
        parts[-1] = (parts[-1][0].rstrip(" "), parts[-1][1])
        return parts


def lay_out(columns: Columns[Row], rows: Sequence[Row], cells: int | None, now: int) -> Layout[Row]:
    """Return the layout for rows like these, in so many cells; None without bounds. Without rows usual widths hold."""
    wanted = [_wanted(column, rows, now) for column in columns]
    if cells is None:
        places = [
            Place(column, min(want, WIDEST), False, Shortener()) for column, want in zip(columns, wanted, strict=True)
        ]
        return Layout(places, ())
    order = sorted(
        (index for index, column in enumerate(columns) if not column.only_wide), key=lambda i: columns[i].rank
    )
    given = _shares(columns, wanted, order, cells)
    places = [Place(columns[index], given[index], True, Shortener()) for index in sorted(given)]
    return Layout(places, [columns[index].name for index in sorted(set(order) - set(given))])


def _shares(columns: Columns[Row], wanted: Sequence[int], order: Sequence[int], cells: int) -> dict[int, int]:
    """Return the cells of each column that has room: first what each needs at least, then more, as they matter."""
    given: dict[int, int] = {}
    left, share = cells, cells * FIRST // 100
    for index in order:
        least = min(wanted[index], columns[index].least if columns[index].rank else max(columns[index].least, share))
        room = left - (len(GAP) if given else 0)
        if least > room and given:
            break
        given[index] = max(min(least, room), 1)
        left = room - given[index]
    for index in order:
        if index in given:
            more = max(0, min(wanted[index] - given[index], left))
            given[index] += more
            left -= more
    return given


def _wanted(column: Column[Row], rows: Sequence[Row], now: int) -> int:
    values = [width(clean(shown(column.of(row), now))) for row in rows] or [column.usual]
    return max(len(column.name), *values)


def _line(texts: Sequence[str]) -> str:
    return GAP.join(texts).rstrip(" ")
