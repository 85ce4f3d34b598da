"""`rtp-relay check`: what is wrong with the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer

from replay.history.timeline import printable
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import print_json
from rtp_relay.config import Config, ConfigError, Problem, load
from rtp_relay.config.warnings import warnings


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check the configuration, and name everything that is wrong in it.

    Each problem is named with its file, line and key, what was found and what was expected. Ends with 2 if there are
    any. What is allowed and should be looked at once more is named, too.
    """
    try:
        loaded = load(config)
    except ConfigError as error:
        _report(config, error.problems, "\n".join(map(str, error.problems)), as_json=as_json)
        raise typer.Exit(Exit.USAGE) from None
    warned = warnings(loaded)
    text = "\n".join([_summary(config, loaded), *(f"warning: {line}" for line in warned)])
    _report(config, (), text, as_json=as_json, warned=warned)


def _report(
    path: Path | None, problems: Sequence[Problem], text: str, *, as_json: bool, warned: Sequence[str] = ()
) -> None:
    if as_json:
        print_json(_as_document(path, problems, warned))
    else:
        typer.echo(printable(text))


def _as_document(path: Path | None, problems: Sequence[Problem], warned: Sequence[str]) -> dict[str, object]:
    rows = [asdict(problem) | {"path": str(problem.path)} for problem in problems]
    return {"file": str(path) if path else None, "ok": not rows, "problems": rows, "warnings": list(warned)}


def _summary(path: Path | None, config: Config) -> str:
    file = str(path) if path else "no file given: the embedded default"
    nodes = f"relay nodes: {len(config.nodes)}" if config.nodes else f"embedded relays: {config.embedded.relays}"
    journal = "Redis as configured" if config.journal.url else "embedded Redis"
    ng, sip = (" ".join(map(str, door.listen)) or "nothing" for door in (config.ng, config.sip))
    workers = f" with {config.service.workers} workers" if config.service.workers > 1 else ""
    return f"{file}: ok\ncontrol node {config.service.name}{workers}, {nodes}, {journal}, ng on {ng}, sip on {sip}"
