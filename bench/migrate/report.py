"""What was measured, as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.migrate.measure import PartOfRun, Run
from bench.migrate.options import MoveOptions, Part
from bench.migrate.summary import Spread, noticed
from bench.usage import Machine

_COLUMNS = ("moved", "a second", "lost", "late", "reordered", "silence ms", "SIP a call", "commands a call")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was measured."""

    machine: Machine
    options: MoveOptions
    runs: Sequence[Run]

    @property
    def failures(self) -> list[str]:
        """What did not go as it should, in words."""
        return [
            f"{run.engine}, {run.media}, NAT {run.nat}, {part.part}: {what}"
            for run in self.runs
            for part in run.parts
            for what in _failures(part)
        ]


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON has it; silences in ms, other times in s, CPU as parts of one processor."""
    document = asdict(report)
    for entry, run in zip(document["runs"], report.runs, strict=True):
        for part, measured in zip(entry["parts"], run.parts, strict=True):
            del part["directions"]
            part["noticed"] = asdict(noticed(measured.directions))
    document["failures"] = report.failures
    return document


def show(report: Report) -> None:
    """Print the report."""
    console = Console(width=130)
    machine, options = report.machine, report.options
    console.print(
        f"{machine.cores} x {machine.cpu}, {machine.memory_gib} GiB, {machine.system}, {machine.python},"
        f" load average before: {machine.load}\n"
        f"{options.rate:g} planned moves ({options.how}) begun a second, {options.in_flight} at a time;"
        f" {options.pace:g} a second off a dead node, a ping every {options.ping_every:g} s\n"
        "lost, late, reordered: packets a call and direction; silence: the longest; each median / p99 / worst",
        highlight=False,
    )
    for run in report.runs:
        console.print(_table(run))
        for part in run.parts:
            console.print(_beside(part), highlight=False)
    for failure in report.failures:
        console.print(f"FAILED: {failure}", highlight=False)


def _failures(part: PartOfRun) -> Iterator[str]:
    yield from (f"{number} calls not moved: {why}" for why, number in part.failed.items())
    if part.ended:
        yield f"{part.ended} calls ended by the service"
    if part.left:
        yield f"{part.left} sessions left behind"


def _table(run: Run) -> Table:
    title = f"{run.engine}, {run.media}, NAT {run.nat}: {run.calls} calls"
    table = Table(title=title, title_justify="left")
    table.add_column("part")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    for part in run.parts:
        table.add_row(part.part, *_cells(run, part))
    return table


def _cells(run: Run, part: PartOfRun) -> Iterator[str]:
    figures, moves = noticed(part.directions), part.part is not Part.CONTROL
    yield str(part.moved) if moves else ""
    yield f"{part.moved / part.seconds:.1f}" if moves and part.seconds else ""
    yield from (_three(one) for one in (figures.lost, figures.late, figures.reordered, figures.silence))
    yield f"{part.used.messages / run.calls:.1f}"
    yield f"{part.used.commands / run.calls:.1f}"


def _beside(part: PartOfRun) -> str:
    busy = ", ".join(f"{name} {used:.0%}" for name, used in part.used.cpu.items())
    if part.moved:
        busy += (
            f"; {part.used.cpu['service'] * part.used.seconds / part.moved * 1000:.1f} ms of the service a call moved"
        )
    found = f"; the first call heard again after {part.found:.2f} s" if part.part is Part.KILLED else ""
    return f"{part.part}: CPU {busy}; load average {part.load:.1f}{found}"


def _three(spread: Spread) -> str:
    return f"{spread.median:.0f} / {spread.p99:.0f} / {spread.worst:.0f}"
