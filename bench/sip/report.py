"""What was measured, as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.sip.measure import Measured
from bench.sip.options import SipOptions
from bench.usage import Machine

_NUMBERS = ("asked/s", "calls/s", "p50 ms", "p90 ms", "p99 ms", "max ms", "failed", "refused", "repeats", "busy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was measured."""

    machine: Machine
    options: SipOptions
    measured: Sequence[Measured]


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON has it: set-up times in ms, CPU in ms a call, other times in s."""
    document = asdict(report)
    for entry, measured in zip(document["measured"], report.measured, strict=True):
        entry["calls"]["calls_a_second"] = measured.calls.rate
    return document


def show(report: Report) -> None:
    """Print the report."""
    console = Console(width=150)
    machine, options = report.machine, report.options
    console.print(
        f"{machine.cores} x {machine.cpu}, {machine.memory_gib} GiB, {machine.system}, {machine.python},"
        f" load average before: {machine.load}\n"
        f"{options.seconds:g} s at each rate, hold {options.hold} ms, durability: {options.durability}",
        highlight=False,
    )
    for relays in options.relays:
        rows = [measured for measured in report.measured if measured.relays is relays]
        console.print(_table(f"SIPp to SIPp, {relays} relay", rows))


def _table(title: str, rows: Sequence[Measured]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("way")
    for column in _NUMBERS:
        table.add_column(column, justify="right")
    table.add_column("CPU ms a call")
    for measured in rows:
        table.add_row(measured.way, *_cells(measured))
    return table


def _cells(measured: Measured) -> Iterator[str]:
    calls = measured.calls
    yield str(measured.asked)
    yield f"{calls.rate:.0f}"
    yield from (f"{value:.2f}" for value in (calls.p50, calls.p90, calls.p99, calls.max))
    yield from (str(number) for number in (calls.failed, calls.refused, calls.retransmissions))
    yield f"{measured.busy:.0%}"
    yield ", ".join(f"{name} {used:.2f}" for name, used in measured.cpu.items())
