"""How a list is to be shown: the options that the commands with lists have, and what standard output is."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from rtp_relay.cli.exits import Exit
from rtp_relay.cli.output import fail


class Form(StrEnum):
    """What is written: text for people, or JSON or CSV for programs."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputOption = Annotated[
    Form, typer.Option("--output", "-o", help="Write a table, one JSON document, or CSV with a line of names.")
]
WideOption = Annotated[
    bool, typer.Option("--wide", "-w", help="Show all columns, and nothing shortened, however long the lines become.")
]
WatchOption = Annotated[bool, typer.Option("--watch", help="Draw it again and again until Ctrl-C; needs a terminal.")]


@dataclass(frozen=True, slots=True)
class Display:
    """How a list is shown. cells: of a line, None without bounds. colours: whether states stand out by colour, too."""

    form: Form = Form.TABLE
    cells: int | None = None
    colours: bool = False
    wide: bool = False

    @classmethod
    def of(cls, form: Form = Form.TABLE, *, as_json: bool = False, wide: bool = False) -> Display:
        """Return what options and standard output make of it: in a file or a pipe nothing is shortened."""
        terminal = sys.stdout.isatty()
        bound = shutil.get_terminal_size().columns if terminal and not wide else None
        return cls(Form.JSON if as_json else form, bound, terminal and takes_colours(), wide)


def watched(form: Form) -> None:
    """End where a list cannot be watched."""
    if form is not Form.TABLE:
        fail(Exit.USAGE, "--watch draws a table; programs ask again by themselves")
    if not sys.stdout.isatty():
        fail(Exit.USAGE, "--watch needs a terminal")


def takes_colours() -> bool:
    """Return whether colours are wanted (no-color.org) and understood."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
