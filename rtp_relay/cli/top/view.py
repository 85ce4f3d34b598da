"""What is looked at, and what keys do to it: a pure function from a view and a key to the next view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from engines.health import AdminState


class Pane(StrEnum):
    """The lists that there are."""

    NODES = "nodes"
    CALLS = "calls"


class Mode(StrEnum):
    """What keys are for."""

    LIST = "list"
    FILTER = "filter"
    CONFIRM = "confirm"
    LADDER = "ladder"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Decide:
    """That a node is to be drained or enabled."""

    node: str
    state: AdminState


@dataclass(frozen=True, slots=True)
class Listed:
    """What stands in the list: the names of its rows in their order; how many have room; how many columns there are."""

    names: Sequence[str] = ()
    room: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is looked at.

    selected: the name of the row, which stays selected wherever it moves. words: what rows must have in them.
    sorted_by: the number of a column, negative (beginning at -1) for the other way round; None as it comes.
    node: the node whose calls are listed alone. call: whose ladder is open; scrolled: lines above what is seen of it.
    question: what is decided if the answer is yes. notice: what is said of the last decision. over: whether to end.
    """

    pane: Pane = Pane.NODES
    mode: Mode = Mode.LIST
    selected: Mapping[Pane, str] = field(default_factory=dict)
    words: Mapping[Pane, str] = field(default_factory=dict)
    sorted_by: Mapping[Pane, int | None] = field(default_factory=dict)
    node: str = ""
    call: str = ""
    scrolled: int = 0
    question: Decide | None = None
    notice: str = ""
    over: bool = False

    def place(self, names: Sequence[str]) -> int:
        """Return the place of the selected row; the first where it is gone."""
        name = self.selected.get(self.pane, "")
        return names.index(name) if name in names else 0


Pressed = tuple[View, Decide | None]

_DECISIONS: Final = {"d": AdminState.DRAINING, "e": AdminState.ACTIVE}

_STEPS: Final[Mapping[str, Callable[[int, int, int], int]]] = {
    "up": lambda place, _room, _last: place - 1,
    "k": lambda place, _room, _last: place - 1,
    "down": lambda place, _room, _last: place + 1,
    "j": lambda place, _room, _last: place + 1,
    "page up": lambda place, room, _last: place - room,
    "page down": lambda place, room, _last: place + room,
    "home": lambda _place, _room, _last: 0,
    "end": lambda _place, _room, last: last,
}


def press(view: View, key: str, listed: Listed) -> Pressed:
    """Return the view after a key was pressed, and what is decided by it."""
    match view.mode:
        case Mode.FILTER:
            return _type(view, key), None
        case Mode.CONFIRM:
            return replace(view, mode=Mode.LIST, question=None), view.question if key == "y" else None
        case Mode.HELP:
            return replace(view, mode=Mode.LIST), None
        case Mode.LADDER:
            return _in_ladder(view, key, listed), None
        case Mode.LIST:
            return _in_list(replace(view, notice=""), key, listed), None


_ALWAYS: Final[Mapping[str, Callable[[View], View]]] = {
    "q": lambda view: replace(view, over=True),
    "?": lambda view: replace(view, mode=Mode.HELP),
    "h": lambda view: replace(view, mode=Mode.HELP),
    "/": lambda view: replace(view, mode=Mode.FILTER),
    "tab": lambda view: replace(view, pane=Pane.CALLS if view.pane is Pane.NODES else Pane.NODES),
    "escape": lambda view: replace(view, node="", words={**view.words, view.pane: ""}),
}


def _in_list(view: View, key: str, listed: Listed) -> View:
    if key in _ALWAYS:
        return _ALWAYS[key](view)
    if key in ("s", "r"):
        return replace(view, sorted_by={**view.sorted_by, view.pane: _sorted(view, key, listed.columns)})
    if not listed.names:
        return view
    place = view.place(listed.names)
    if key in _STEPS:
        last = len(listed.names) - 1
        place = min(max(_STEPS[key](place, listed.room, last), 0), last)
        return replace(view, selected={**view.selected, view.pane: listed.names[place]})
    return _of_row(view, key, listed.names[place])


def _of_row(view: View, key: str, row: str) -> View:
    """Return the view after a key that is about the selected row."""
    if view.pane is Pane.CALLS:
        return replace(view, mode=Mode.LADDER, call=row, scrolled=0) if key == "enter" else view
    if key == "enter":
        return replace(view, pane=Pane.CALLS, node=row)
    if key in _DECISIONS:
        return replace(view, mode=Mode.CONFIRM, question=Decide(row, _DECISIONS[key]))
    return view


def _sorted(view: View, key: str, columns: int) -> int | None:
    """Return by which column rows are sorted next: s takes one after the other, r turns the order round."""
    before = view.sorted_by.get(view.pane)
    if key == "r":
        return -1 if before is None else ~before
    column = -1 if before is None else max(before, ~before)
    return column + 1 if column + 1 < columns else None


def _in_ladder(view: View, key: str, listed: Listed) -> View:
    if key in _STEPS:
        last = max(len(listed.names) - listed.room, 0)
        return replace(view, scrolled=min(max(_STEPS[key](view.scrolled, listed.room, last), 0), last))
    return replace(view, mode=Mode.LIST, call="") if key in ("q", "escape", "enter") else view


def _type(view: View, key: str) -> View:
    """Change the words that rows must have."""
    words = view.words.get(view.pane, "")
    match key:
        case "enter":
            return replace(view, mode=Mode.LIST)
        case "escape":
            return replace(view, mode=Mode.LIST, words={**view.words, view.pane: ""})
        case "backspace":
            words = words[:-1]
        case _ if len(key) == 1:
            words += key
    return replace(view, words={**view.words, view.pane: words})
