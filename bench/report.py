"""What was measured, as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.memory import Memory
from bench.options import Options
from bench.recovery import Recovery
from bench.speed import Measured, Speed
from bench.usage import Machine

_PERCENTILES = ("p50", "p90", "p99", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that was measured; what was not asked for is None."""

    machine: Machine
    options: Options
    throughput: Speed | None = None
    paced: Speed | None = None
    memory: Memory | None = None
    recovery: Recovery | None = None


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as JSON has it: latencies in ms, CPU in microseconds, memory in bytes, other times in s."""
    document = asdict(report)
    for name, speed in (("throughput", report.throughput), ("paced", report.paced)):
        if speed is not None:
            for way, measured in _ways(speed):
                document[name][way]["outcome"]["operations_a_second"] = measured.outcome.rate
            document[name]["ratio_to_floor"] = speed.ratio
            document[name]["added_ms"] = {percentile: speed.added(percentile) for percentile in _PERCENTILES}
    if report.memory is not None:
        document["memory"]["resident_call"] = report.memory.resident_call
        document["memory"]["passive_call"] = report.memory.passive_call
    return document


def show(report: Report) -> None:
    """Print the report."""
    console = Console(width=120)
    machine, options = report.machine, report.options
    console.print(
        f"{machine.cores} x {machine.cpu}, {machine.memory_gib} GiB, {machine.system}, {machine.python},"
        f" load average before: {machine.load}\n"
        f"relays: {options.relays}, delete reply: {options.delete_reply}, durability: {options.durability},"
        f" window: {options.window}, calls: {options.calls}",
        highlight=False,
    )
    for title, speed in (("Full load", report.throughput), ("Paced", report.paced)):
        if speed is not None:
            _show_speed(console, f"{title}, {speed.rate:g} operations/s" if speed.rate else title, speed)
    if report.memory is not None:
        _show_rows(console, "Memory of the service's process", _memory_rows(report.memory))
    if report.recovery is not None:
        _show_rows(console, "Recovery after kill -9", _recovery_rows(report.recovery))


def _ways(speed: Speed) -> Iterator[tuple[str, Measured]]:
    yield from (("direct", speed.direct), ("floor", speed.floor), ("service", speed.service))


def _show_speed(console: Console, title: str, speed: Speed) -> None:
    table = Table(title=title, title_justify="left")
    for column in ("way", "operations/s", "p50 ms", "p90 ms", "p99 ms", "max ms", "errors", "timeouts", "CPU us/op"):
        table.add_column(column, justify="left" if column in ("way", "CPU us/op") else "right")
    for way, measured in _ways(speed):
        table.add_row(way, *_speed_cells(measured))
    console.print(table)
    added = ", ".join(f"{percentile} {speed.added(percentile):.2f}" for percentile in _PERCENTILES)
    console.print(
        f"service to floor: {speed.ratio:.1f} times the CPU; latency added to the relay's (ms): {added}\n",
        highlight=False,
    )


def _speed_cells(measured: Measured) -> Iterator[str]:
    outcome = measured.outcome
    yield f"{outcome.rate:.0f}"
    yield from (f"{getattr(outcome, percentile):.2f}" for percentile in _PERCENTILES)
    yield str(outcome.errors)
    yield str(outcome.timeouts)
    yield ", ".join(f"{name} {used:.1f}" for name, used in measured.cpu.items())


def _show_rows(console: Console, title: str, rows: Iterator[tuple[str, str]]) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _memory_rows(memory: Memory) -> Iterator[tuple[str, str]]:
    yield "a resident call", f"{memory.resident_call / 1000:.2f} kB"
    yield "a passive call", f"{memory.passive_call / 1000:.2f} kB"
    yield "the process before any call", _mb(memory.begun)
    yield f"after the requests of {memory.calls} calls that have ended", _mb(memory.warm)
    yield f"with {memory.calls} resident calls", _mb(memory.resident)
    yield f"with {memory.calls} passive calls", _mb(memory.passive_once)
    yield f"with {2 * memory.calls} passive calls", _mb(memory.passive_twice)


def _recovery_rows(recovery: Recovery) -> Iterator[tuple[str, str]]:
    yield "live calls in the journal", str(recovery.calls)
    yield "from the start of the process to the first answer", f"{recovery.first:.3f} s"
    yield f"to answer {recovery.requests}", f"{recovery.thousandth:.3f} s"
    yield "answers that were errors, requests without one", f"{recovery.errors}, {recovery.timeouts}"
    yield "CPU of the new process until then", f"{recovery.cpu / 1e6:.2f} s"
    yield "its memory then", _mb(recovery.resident)


def _mb(number: int) -> str:
    return f"{number / 1e6:.1f} MB"
