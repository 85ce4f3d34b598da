"""What a list shows: its columns, what each takes from a row, and what matters most where there is little room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Generic, TypeVar

from actors.control.documents import iso
from rtp_relay.ages import age

Row = TypeVar("Row")


class Cut(Enum):
    """Where a text is cut that has no room: in its middle (ids), or at its end (words)."""

    MIDDLE = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Since:
    """A time, ms since the epoch, that is told as how long ago it was."""

    at: int


@dataclass(frozen=True, slots=True)
class At:
    """A time, ms since the epoch, that people are told in these words."""

    at: int
    words: str


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long something lasts, in ms: programs are told seconds with their fraction."""

    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """A column. of: what a row has in it.

    rank: 0 is always shown; of the others those of the highest number are left out first where there is little room.
    least: the cells that it is not to be cut below. usual: its cells where no rows are known yet.
    colour: how a value is to stand out, as names of colours; "" for not at all.
    only_wide: shown only where all is. field: its name for programs, where that is another one.
    """

    name: str
    of: Callable[[Row], object]
    rank: int = 1
    least: int = 8
    usual: int = 8
    cut: Cut = Cut.END
    right: bool = False
    colour: Callable[[Row], str] | None = None
    only_wide: bool = False
    field: str = ""

    @property
    def key(self) -> str:
        """Its name for programs."""
        return self.field or self.name.replace(" ", "_").replace("-", "_")


Columns = Sequence[Column[Row]]


def number(name: str, of: Callable[[Row], object], rank: int = 1, **more: Any) -> Column[Row]:
    """Return a column of numbers, which are never cut and stand on the right."""
    return Column(name=name, of=of, rank=rank, least=12, usual=max(6, len(name)), right=True, **more)


def shown(value: object, now: int) -> str:
    """Write a value for people; `now`: ms since the epoch."""
    match value:
        case Since():
            return age(now - value.at)
        case At():
            return value.words
        case Lasting():
            return age(value.ms)
    return "" if value is None else str(value)


def plain(value: object) -> str:
    """Write a value for programs."""
    match value:
        case Since() | At():
            return iso(value.at)
        case Lasting():
            return f"{value.ms / 1000:.3f}"
    return "" if value is None else str(value)
