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


def load_or_exit(path: Path | None) -> Config:
    """Load the configuration; when it is wrong, name all that is wrong and end."""
    try:
        return load(path)
    except ConfigError as error:
        fail(Exit.USAGE, f"the configuration cannot be used\n{error}")
