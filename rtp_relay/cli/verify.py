"""`rtp-relay verify`: whether the journal is whole, and its tables say what its streams say."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field, replace
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from actors.control.documents import Document
from events.journal import JournalMismatch, JournalUnavailable
from replay.privacy.numbers import ALL_SHOWN, Numbers
from replay.verify import Finding
from rtp_relay.assembly.deadlines import deadlines_of
from rtp_relay.assembly.errors import what_ails
from rtp_relay.audit.verifier import BEGIN, Verified, Verifier
from rtp_relay.cli.exits import Exit
from rtp_relay.cli.options import ConfigOption, JsonOption, load_or_exit
from rtp_relay.cli.output import fail, print_json, say
from rtp_relay.cli.reading import give_way
from rtp_relay.config import Config
from rtp_relay.service import open_journal

RepairOption = Annotated[
    bool, typer.Option("--repair", help="Make tables and snapshots that are wrong anew from the streams.")
]
FromOption = Annotated[
    str, typer.Option("--from", metavar="CURSOR", help="Go on where an interrupted run says that it ended.")
]
RateOption = Annotated[float, typer.Option("--rate", min=0, help="Verify so many calls a second at most; 0: no bound.")]

RATE = 1000.0
"""Calls that are verified a second unless asked otherwise: a Redis and its control nodes hardly notice."""


@dataclass(slots=True)
class Outcome:
    """What came of it so far. cursor: where to go on, "" at the end. numbers: how those of parties are shown."""

    as_json: bool
    cursor: str = ""
    numbers: Numbers = ALL_SHOWN
    calls: int = 0
    changing: int = 0
    faults: int = 0
    mended: int = 0
    notes: int = 0
    findings: list[Document] = field(default_factory=list)

    def take(self, verified: Verified) -> None:
        """Count a call, and write or keep what was found of it."""
        self.calls += 1
        self.changing += not verified.checked
        for found in verified.findings:
            finding = replace(found, what=self.numbers.text(found.what))
            mended = finding.kind in verified.mended
            self.faults += finding.kind.is_fault
            self.notes += not finding.kind.is_fault
            self.mended += mended
            if self.as_json:
                self.findings.append(_document(finding, mended=mended))
            else:
                say(_line(finding, mended=mended))

    @property
    def is_well(self) -> bool:
        """Whether no fault is left."""
        return self.faults == self.mended

    def show(self) -> None:
        """Write the end of it."""
        if self.as_json:
            counts = ("calls", "changing", "faults", "mended", "notes", "cursor", "findings")
            print_json({name: getattr(self, name) for name in counts})
            return
        parts = [f"{self.calls} calls", f"{self.faults} faults"]
        parts += [f"{self.mended} of them mended"] if self.mended else []
        parts += [f"{self.notes} notes"] if self.notes else []
        parts += [f"{self.changing} calls changed all the time: not compared with the tables"] if self.changing else []
        say(", ".join(parts))


def verify(
    *,
    config: ConfigOption = None,
    repair: RepairOption = False,
    begin: FromOption = "",
    rate: RateOption = RATE,
    as_json: JsonOption = False,
) -> None:
    """Fold every stream of the journal, and compare its tables and snapshots with what comes of that.

    It reads the journal itself, beside control nodes that go on. Exit code 1 if a fault was found that is not mended.
    """
    loaded = load_or_exit(config)
    give_way()
    outcome = Outcome(as_json, begin, loaded.privacy.shown)
    try:
        asyncio.run(_verify(loaded, outcome, repair=repair, rate=rate))
    except KeyboardInterrupt:
        outcome.show()
        fail(Exit.FAILED, f"interrupted; to go on: --from {outcome.cursor or BEGIN}")
    except JournalUnavailable as error:
        fail(Exit.UNREACHABLE, f"the journal {what_ails(error)}; to go on: --from {outcome.cursor or BEGIN}")
    except JournalMismatch as error:
        fail(Exit.USAGE, f"the journal cannot be used: {error}")
    except ValueError as error:
        fail(Exit.USAGE, f"--from: {error}")
    outcome.show()
    if not outcome.is_well:
        raise typer.Exit(Exit.FAILED)


async def _verify(config: Config, outcome: Outcome, *, repair: bool, rate: float) -> None:
    async with open_journal(config) as journal:
        ahead = round(await journal.time()) - _clock()
        verifier = Verifier(
            journal,
            deadlines_of(config, max((node.timeout for node in config.nodes), default=0.0)),
            retention=config.journal.kept,
            now=lambda: _clock() + ahead,
            rate=rate,
            repair=repair,
        )
        await _with_bar(verifier, outcome)


async def _with_bar(verifier: Verifier, outcome: Outcome) -> None:
    """Verify all; on a terminal a bar says how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("calls", total=None)
        async for page in verifier.pages(outcome.cursor):
            for verified in page.calls:
                outcome.take(verified)
            outcome.cursor = page.cursor
            bar.update(task, completed=outcome.calls)


def _clock() -> int:
    return time.time_ns() // 1_000_000


def _document(finding: Finding, *, mended: bool) -> Document:
    return {
        "call_id": finding.call_id,
        "kind": str(finding.kind),
        "version": finding.version,
        "what": finding.what,
        "fault": finding.kind.is_fault,
        "mended": mended,
    }


def _line(finding: Finding, *, mended: bool) -> str:
    end = " (mended)" if mended else ""
    note = "" if finding.kind.is_fault else "note, "
    return f"{finding.call_id}: {note}{finding.kind}, version {finding.version}: {finding.what}{end}"
