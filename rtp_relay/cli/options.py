"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtp_relay.cli.exits import Exit
from rtp_relay.cli.output import fail
from rtp_relay.config import Config, ConfigError, load

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        envvar="RTP_RELAY_CONFIG",
        help="The configuration, a TOML file. Without it the embedded default is used.",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON document instead of text.")]


LONGEST_REASON = 500
"""Characters of a reason."""


def not_empty(context: typer.Context, parameter: typer.CallbackParam, value: str) -> str:
    """Refuse an empty text for a filter: it may be that of a variable that is not set, and would leave all open."""
    if value == "" and is_given(context, parameter.name or ""):
        raise typer.BadParameter("it is empty; leave it out to leave it open")
    return value


def short(value: str | None) -> str | None:
    """Refuse a reason that lists could not be read with."""
    if value is not None and len(value) > LONGEST_REASON:
        raise typer.BadParameter(f"it has {len(value)} characters; {LONGEST_REASON} at most are expected")
    return value


def is_given(context: typer.Context, name: str) -> bool:
    """Return whether the command line says something of a parameter."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def load_or_exit(path: Path | None) -> Config:
    """Load the configuration; when it is wrong, name all that is wrong and end."""
    try:
        return load(path)
    except ConfigError as error:
        fail(Exit.USAGE, f"the configuration cannot be used\n{error}")
