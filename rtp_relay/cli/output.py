"""How the commands write: text for people, one JSON document for programs, complaints to standard error."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NoReturn

import typer
from rich.console import Console
from rich.text import Text

from replay.history.timeline import printable
from rtp_relay.cli.exits import Exit

WIDTH_WITHOUT_TERMINAL = 240
"""Columns of a table that goes into a file or a pipe."""

PAPER = 100
"""Columns at which lines are wrapped that go into a file or a pipe, unless COLUMNS says otherwise."""


def console() -> Console:
    """Return a console for standard output that takes text as it is: no markup, no guessing what to highlight."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(width=width, markup=False, highlight=False, emoji=False)


def paper_width() -> int:
    """Return the columns at which lines are wrapped: those of the terminal, where there is one."""
    return shutil.get_terminal_size((PAPER, 24)).columns


def print_lines(lines: Iterable[str]) -> None:
    """Write lines as they are; what failed and what was slow in them stands out on a terminal."""
    screen = console()
    for line in lines:
        text = Text(line)
        text.highlight_words(["FAILED"], "bold red")
        text.highlight_words(["SLOW"], "bold yellow")
        screen.print(text, soft_wrap=True)


def print_json(document: object) -> None:
    """Write one JSON document to standard output."""
    typer.echo(json.dumps(document, indent=2))


def say(message: str) -> None:
    """Write a line to standard output, some of which may have come from elsewhere."""
    typer.echo(printable(message))


def fail(code: Exit, message: str) -> NoReturn:
    """Print to standard error what is wrong, and exit."""
    typer.echo(f"rtp-relay: {printable(message)}", err=True)
    raise typer.Exit(code)


def utc(at: int) -> str:
    """Write a time, ms since the epoch, as date and time of day to the second, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def to_the_second(text: str) -> str:
    """Write a time that a document has (RFC 3339, UTC) as `utc` does."""
    return text[:19].replace("T", " ")
