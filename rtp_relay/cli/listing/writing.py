"""Lists on standard output: row by row as they are found, or tables whose rows are all there."""

from __future__ import annotations

import asyncio
import csv
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, cast

import typer

from rtp_relay.cli.listing.columns import Columns, Row, plain
from rtp_relay.cli.listing.display import Display, Form
from rtp_relay.cli.listing.layout import Layout, lay_out
from rtp_relay.cli.listing.shorten import cut
from rtp_relay.cli.listing.text import clean

SAMPLE: Final = 200
"""So many rows are looked at before the columns get their widths."""

PATIENCE: Final = 0.3
"""Seconds after which these are decided on with the rows that have come."""

_END: Final = object()


@dataclass(frozen=True, slots=True)
class Table(Generic[Row]):
    """A table whose rows are all there. title: above it, "" for none."""

    title: str
    columns: Columns[Row]
    rows: Sequence[Row]


def print_tables(tables: Sequence[Table[Any]], display: Display) -> None:
    """Write tables, one below the other; as CSV the first alone."""
    if display.form is Form.CSV:
        for table in tables[:1]:
            rows = csv.writer(sys.stdout, lineterminator="\n")
            _write_csv(rows, table.columns, None)
            for row in table.rows:
                _write_csv(rows, table.columns, row)
        return
    for line in lines_of(tables, display):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def lines_of(tables: Sequence[Table[Any]], display: Display) -> Iterator[str]:
    """Return the lines of tables."""
    now = clock()
    for number, table in enumerate(tables):
        if number:
            yield ""
        if table.title:
            title = clean(table.title)
            yield title if display.cells is None else cut(title, display.cells)
        layout = lay_out(table.columns, table.rows, display.cells, now)
        if table.rows:
            yield _names(layout, display)
        for row in table.rows:
            yield _row(layout, row, now, display)
        if table.rows:
            yield from _left_out(layout, display)


async def stream(columns: Columns[Row], rows: AsyncIterator[Row], display: Display) -> int:
    """Write each row as it is found, as a table or as CSV, in constant memory; return how many there were."""
    if display.form is Form.CSV:
        return await _stream_csv(columns, rows)
    now = clock()
    sample, coming = await _sampled(rows)
    layout = lay_out(columns, sample, display.cells, now)
    if sample or coming is not None:
        _out(_names(layout, display))
    for row in sample:
        _out(_row(layout, row, now, display))
    written = len(sample)
    if coming is not None and (first := await coming) is not _END:
        _out(_row(layout, cast("Row", first), clock(), display))
        written += 1
        async for row in rows:
            _out(_row(layout, row, clock(), display))
            written += 1
    for line in _left_out(layout, display):
        _out(line)
    return written


async def _sampled(rows: AsyncIterator[Row]) -> tuple[list[Row], asyncio.Future[Row | object] | None]:
    """Return the first rows, and what becomes the next one; None at the end."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    sample: list[Row] = []
    while True:
        coming: asyncio.Future[Row | object] = asyncio.ensure_future(_next(rows))
        if len(sample) >= SAMPLE:
            return sample, coming
        try:
            done, _ = await asyncio.wait({coming}, timeout=max(0.0, deadline - loop.time()))
        except asyncio.CancelledError:
            coming.cancel()
            raise
        if not done:
            return sample, coming
        row = coming.result()
        if row is _END:
            return sample, None
        sample.append(cast("Row", row))


async def _next(rows: AsyncIterator[Row]) -> Row | object:
    return await anext(rows, _END)


async def _stream_csv(columns: Columns[Row], rows: AsyncIterator[Row]) -> int:
    written, lines = 0, csv.writer(sys.stdout, lineterminator="\n")
    _write_csv(lines, columns, None)
    async for row in rows:
        _write_csv(lines, columns, row)
        sys.stdout.flush()
        written += 1
    return written


def _write_csv(lines: Any, columns: Columns[Row], row: Row | None) -> None:
    """Write a row, or without one the names, with nothing that a terminal acts on."""
    lines.writerow([column.key if row is None else clean(plain(column.of(row))) for column in columns])


def _names(layout: Layout[Any], display: Display) -> str:
    return painted(layout.names, "bold", display)


def _row(layout: Layout[Row], row: Row, now: int, display: Display) -> str:
    parts = layout.line(row, now)
    return "".join(painted(text, colour, display) for text, colour in parts).rstrip(" ")


def _left_out(layout: Layout[Any], display: Display) -> Iterator[str]:
    """Say on a terminal which columns have no room, in no more than a line."""
    if layout.left_out and display.cells is not None:
        told = f"without {', '.join(layout.left_out)} (--wide)"
        yield painted(told if len(told) <= display.cells else "--wide shows more"[: display.cells], "dim", display)


def painted(text: str, colour: str, display: Display) -> str:
    """Return a text in colour, by the names of colours, where colours are wanted."""
    if not display.colours or not colour:
        return text
    attributes = {word: True for word in colour.split() if word in ("bold", "dim")}
    names = [word for word in colour.split() if word not in attributes]
    return typer.style(text, fg=names[0] if names else None, **attributes)


def _out(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def clock() -> int:
    """Return the time of this machine, ms since the epoch."""
    return time.time_ns() // 1_000_000
