"""What is drawn: lines that fill a terminal, from what was seen and what is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import typer

from actors.control.documents import Document
from engines.health import AdminState
from rtp_relay.cli.calls import COLUMNS as CALL_COLUMNS
from rtp_relay.cli.listing.columns import Column, Columns, Cut, Since, number, shown
from rtp_relay.cli.listing.display import Display
from rtp_relay.cli.listing.layout import lay_out
from rtp_relay.cli.listing.shorten import cut
from rtp_relay.cli.listing.text import clean, padded
from rtp_relay.cli.listing.writing import painted
from rtp_relay.cli.nodes import COLOURS, state_of
from rtp_relay.cli.top.gathering import NodeRow, Seen
from rtp_relay.cli.top.view import Listed, Mode, Pane, View

NODE_COLUMNS: Final[Columns[NodeRow]] = (
    Column(name="node", of=lambda row: row.status.name, rank=0, least=12, cut=Cut.MIDDLE),
    Column(name="state", of=lambda row: state_of(row.status), least=8, colour=lambda row: COLOURS[row.status.state]),
    number("calls", lambda row: row.status.calls, rank=1),
    number("ended/s", lambda row: f"{row.rates.ended:.1f}", rank=3),
    number(
        "failed/s",
        lambda row: f"{row.rates.failed:.1f}",
        rank=2,
        colour=lambda row: "bold red" if row.rates.failed else "",
    ),
    number("lost %", lambda row: f"{row.rates.loss:.2f}", rank=2),
    number("MOS", lambda row: f"{row.rates.mos / 10:.1f}" if row.rates.mos else "", rank=4),
    number("in flight", lambda row: row.status.in_flight, rank=6),
    Column(name="since", of=lambda row: Since(row.status.since), rank=5, least=6),
    Column(name="last failure", of=lambda row: row.status.last_failure, rank=7, least=12),
)

HELP: Final = (
    "tab        the other list: relays, calls",
    "↑ ↓ k j    another row; page up, page down, home, end",
    "enter      on a relay: its calls alone; on a call: its ladder",
    "escape     all calls again; no filter",
    "/          only rows with these words; enter ends it",
    "s r        sort by the next column; the other way round",
    "d e        drain the relay, enable it: it is asked first",
    "?          this; any key goes back",
    "q          the end",
)

_KEYS: Final = {
    Mode.LIST: "tab list  enter open  / filter  s sort  d drain  e enable  ? help  q quit",
    Mode.LADDER: "↑ ↓ page up, page down  escape back",
    Mode.HELP: "any key goes back",
}

_VERBS: Final = {AdminState.DRAINING: "drain", AdminState.ACTIVE: "enable"}

_ABOVE, _BELOW = 3, 1
"""Lines above and below what is listed: totals, the list's name, names of columns; keys."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """The lines of a screen, and what keys need to know of them."""

    lines: Sequence[str]
    listed: Listed


def draw(view: View, seen: Seen, display: Display, lines: int, trouble: str = "") -> Drawn:
    """Return the screen, of `display.cells` columns and so many lines, of which no more is filled."""
    columns = display.cells or 80
    room = max(lines - _ABOVE - _BELOW, 1)
    match view.mode:
        case Mode.HELP:
            body, listed = list(HELP[:room]), Listed()
        case Mode.LADDER:
            body, listed = _ladder(view, seen, room)
        case _:
            body, listed = _list(view, seen, display, room)
    head = [_totals(seen), painted(cut(clean(trouble or _name(view, seen)), columns), "bold", display)]
    filled = [cut(head[0], columns), head[1], *_fitted(view, body, columns)]
    filled += [""] * (lines - _BELOW - len(filled))
    return Drawn([*filled[: lines - _BELOW], cut(clean(_bottom(view)), columns)], listed)


def _fitted(view: View, body: Sequence[str], columns: int) -> list[str]:
    """Return lines of words without what has no room; those of lists fit, and have colours in them."""
    return [cut(clean(line), columns) for line in body] if view.mode in (Mode.HELP, Mode.LADDER) else list(body)


def _totals(seen: Seen) -> str:
    rates, time = seen.rates, datetime.fromtimestamp(seen.at / 1000, UTC).strftime("%H:%M:%S")
    control = ", ".join(seen.control_nodes) or "no control node alive"
    return clean(
        f"{time} UTC  {seen.total} calls  {rates.ended:.1f} ended/s  {rates.failed:.1f} failed/s"
        f"  {rates.loss:.2f} % lost  {control}"
    )


def _name(view: View, seen: Seen) -> str:
    if view.mode is Mode.HELP:
        return "keys"
    if view.mode is Mode.LADDER:
        return f"call {view.call}"
    words = f" with {view.words[view.pane]!r}" if view.words.get(view.pane) else ""
    if view.pane is Pane.NODES:
        return f"relays{words}"
    some = f", {len(seen.calls)} of them" if not view.node and len(seen.calls) < seen.total else ""
    return f"calls{f' of {view.node}' if view.node else ''}{some}{words}"


def _bottom(view: View) -> str:
    if view.mode is Mode.FILTER:
        return f"/{view.words.get(view.pane, '')}_"
    if view.question is not None:
        return f"{_VERBS[view.question.state]} {view.question.node}? y: yes, any other key: no"
    return view.notice or _KEYS[view.mode]


def _ladder(view: View, seen: Seen, room: int) -> tuple[list[str], Listed]:
    head, *steps = seen.ladder or ("the call is being read",)
    return [head, *steps[view.scrolled : view.scrolled + room]], Listed(names=steps, room=room)


def _list(view: View, seen: Seen, display: Display, room: int) -> tuple[list[str], Listed]:
    columns: Columns[Any] = NODE_COLUMNS if view.pane is Pane.NODES else CALL_COLUMNS
    rows: Sequence[Any] = seen.nodes if view.pane is Pane.NODES else seen.calls
    rows = _ordered(_with(rows, columns, view.words.get(view.pane, "")), columns, view.sorted_by.get(view.pane))
    names = [name_of(row) for row in rows]
    place = view.place(names)
    first = min(max(place - room // 2, 0), max(len(rows) - room, 0))
    body = _rows(columns, rows, slice(first, first + room), display, seen.at, selected=place)
    left = room - len(rows) - 2  # for an empty line and a name
    if view.pane is Pane.NODES and left > 1:
        name = painted(cut(clean(_name(replace(view, pane=Pane.CALLS), seen)), display.cells or 80), "bold", display)
        body += ["", name, *_rows(CALL_COLUMNS, seen.calls, slice(left - 1), display, seen.at)]
    return body, Listed(names=names, room=room, columns=len(columns))


def _rows(
    columns: Columns[Any], rows: Sequence[Any], some: slice, display: Display, now: int, *, selected: int = -1
) -> list[str]:
    """Return the names of the columns and some of the rows, each with a place for the mark of the selected one."""
    cells = max((display.cells or 80) - 2, 1)
    layout = lay_out(columns, rows, cells, now)
    body = [painted(f"  {layout.names}", "dim", display)]
    for place, row in list(enumerate(rows))[some]:
        parts = layout.line(row, now)
        if place == selected:
            body.append(typer.style("> " + padded("".join(part for part, _ in parts), cells), reverse=True))
        else:
            body.append("  " + "".join(painted(text, colour, display) for text, colour in parts).rstrip(" "))
    return body


def name_of(row: NodeRow | Document) -> str:
    """Return the name of a row: of a node or a call."""
    return row.status.name if isinstance(row, NodeRow) else str(row["call_id"])


def _with(rows: Sequence[Any], columns: Columns[Any], words: str) -> list[Any]:
    """Return the rows that have these words in them, in capitals or not."""
    wanted = words.casefold().split()
    if not wanted:
        return list(rows)
    texts = [" ".join(shown(column.of(row), 0) for column in columns).casefold() for row in rows]
    return [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in wanted)]


def _ordered(rows: list[Any], columns: Columns[Any], by: int | None) -> list[Any]:
    if by is None:
        return rows
    column = columns[max(by, ~by)]
    return sorted(rows, key=lambda row: _rank(column.of(row)), reverse=by < 0)


def _rank(value: object) -> tuple[int, float, str]:
    """Return what values are sorted by: numbers as numbers, and before words."""
    if isinstance(value, Since):
        return 0, value.at, ""
    text = str(value)
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text.casefold()
