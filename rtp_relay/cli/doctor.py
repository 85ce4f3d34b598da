"""`rtp-relay doctor`: what is wrong with an installation, and how to mend it."""

from __future__ import annotations

import asyncio
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from rtp_relay.cli.exits import Exit
from rtp_relay.cli.listing.display import Display
from rtp_relay.cli.listing.text import clean
from rtp_relay.cli.options import ConfigOption, JsonOption
from rtp_relay.cli.output import paper_width, print_json
from rtp_relay.config import LogFormat, LogLevel
from rtp_relay.doctor.examination import examine
from rtp_relay.doctor.findings import Finding, Verdict
from rtp_relay.logs import set_up

TrialOption = Annotated[
    bool, typer.Option(help="Ask each relay for a session, to see where it takes media; it is removed at once.")
]

COLOURS: Final = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.WRONG: "red"}

_VERDICT, _AREA = 9, 15
"""Characters of the first two columns."""


def doctor(*, config: ConfigOption = None, trial: TrialOption = True, as_json: JsonOption = False) -> None:
    """Look at the configuration, Redis, relays, doors, clocks, files and limits, and say how to mend what is wrong.

    It takes some five seconds, changes nothing but for a key in Redis that is gone after ten, and works whether the
    service runs or not; as the user of the service it sees most.

    Ends with 1 if anything is wrong; warnings do not count.
    """
    set_up(LogLevel.ERROR, LogFormat.AUTO)  # that a node does not answer is told by a finding
    display = Display.of()
    found = asyncio.run(_examine(config, None if as_json else display, trial=trial))
    wrong, warned = (sum(each.verdict is verdict for each in found) for verdict in (Verdict.WRONG, Verdict.WARNING))
    if as_json:
        print_json({"ok": not wrong, "wrong": wrong, "warnings": warned, "findings": [asdict(each) for each in found]})
    else:
        typer.echo(f"{wrong} wrong, {warned} warning{'' if warned == 1 else 's'}")
    if wrong:
        raise typer.Exit(Exit.FAILED)


async def _examine(path: Path | None, display: Display | None, *, trial: bool) -> list[Finding]:
    """Return what is found, and with a display tell of each as it is found."""
    found: list[Finding] = []
    async for finding in examine(path, trial=trial):
        found.append(finding)
        if display is not None:
            typer.echo("\n".join(_lines(finding, display)))
    return found


def _lines(finding: Finding, display: Display) -> list[str]:
    width = max(paper_width(), _VERDICT + _AREA + 20)
    indent = " " * (_VERDICT + _AREA)
    lines = textwrap.wrap(clean(finding.what), width, initial_indent=indent, subsequent_indent=indent)
    if finding.mend:
        lines += textwrap.wrap(
            clean(finding.mend), width, initial_indent=f"{indent}→ ", subsequent_indent=f"{indent}  "
        )
    verdict = str(finding.verdict)
    if display.colours:
        verdict = typer.style(verdict, fg=COLOURS[finding.verdict], bold=finding.verdict is not Verdict.OK)
    gap = " " * (_VERDICT - len(finding.verdict))
    return [f"{verdict}{gap}{finding.area.ljust(_AREA)}{lines[0][len(indent) :]}", *lines[1:]]
