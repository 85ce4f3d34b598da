"""`python -m bench.histories`: how long the commands about ended calls take, and what these calls take up.

Each command is a process of its own that reads the journal itself, as operators run it, as fast as it can: `verify` and
`reconcile` without the rate that bounds them otherwise. Rates count what a command reads: `export` the newest calls
only, if so many are enough; `reconcile` the live calls, for whose sessions it asks a relay that answers at once.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.table import Table

from bench.children import NODE, ROOT, FakeRelay
from bench.fill import HOUR as HOUR_IN_MS
from bench.loaders import Kind, load
from bench.options import DeleteReply, Durability
from bench.stage import journal, progress
from tests.peers.datagram import Address

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_NOTHING = ("search", "--text", "nobody has this")
_LINES, _PARQUET = "calls.jsonl", "calls.parquet"

HOUR = timedelta(milliseconds=HOUR_IN_MS)
"""In which the calls have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many calls of each kind there are, and how many are exported at most. begun: when they were written."""

    calls: int
    live: int
    exported: int
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Task:
    """A command, and how many calls it reads."""

    words: tuple[str, ...]
    calls: int


@dataclass(frozen=True, slots=True)
class Run:
    """A task's time and its own CPU, seconds; memory: its resident bytes at most. redis: the server's CPU."""

    name: str
    calls: int
    seconds: float
    cpu: float
    memory: int
    redis: float


def tasks(plan: Plan) -> Mapping[str, Task]:
    """Return the commands by name, in the order in which they run: what is exported is read after it."""
    exported = min(plan.exported, plan.calls)
    newest = ("--since", (plan.begun - HOUR * exported / plan.calls).isoformat())
    return {
        "search": Task((*_NOTHING, "--since", "1d"), plan.calls),
        "stats": Task(("stats", "--since", "1d"), plan.calls),
        "export": Task(("export", "--to", _LINES, *newest), exported),
        "parquet": Task(("export", "--to", _PARQUET, *newest), exported),
        "archive": Task((*_NOTHING, "--since", "1d", "--archive", _LINES), exported),
        "verify": Task(("verify", "--rate", "0"), plan.calls + plan.live),
        "reconcile": Task(("reconcile", "--rate", "0"), plan.live),
    }


@app.command()
def main(
    *,
    calls: Annotated[int, typer.Option(min=1, help="Ended calls in the journal.")] = 100_000,
    live: Annotated[int, typer.Option(min=1, help="Live calls in the journal.")] = 5_000,
    exported: Annotated[int, typer.Option(min=1, help="Export so many calls at most, the newest.")] = 100_000,
    only: Annotated[str, typer.Option(help="Only these commands: search,export,...")] = "",
) -> None:
    """Fill a journal, run each command, and print a table."""
    plan = Plan(calls=calls, live=live, exported=exported)
    wanted = only.split(",") if only else list(tasks(plan))
    if unknown := set(wanted) - set(tasks(plan)):
        raise typer.BadParameter(f"--only: {', '.join(sorted(unknown))}: not among {', '.join(tasks(plan))}")
    asyncio.run(_measure(plan, wanted))


async def _measure(plan: Plan, wanted: Iterable[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with journal(Durability.MEMORY, on_disk=False) as redis, FakeRelay(DeleteReply.SHORT) as relay:
            server = psutil.Process(redis.pid)
            config = write_config(folder, redis.journal_url, relay.address)
            progress(f"{plan.calls} ended calls into a journal")
            empty, begun = server.memory_info().rss, time.monotonic()
            await load(redis.journal_url, Kind.ENDED, "ended", plan.calls)
            taken = server.memory_info().rss - empty
            progress(f"done in {time.monotonic() - begun:.0f} s; {plan.live} live ones")
            await load(redis.journal_url, Kind.LIVE, "live", plan.live)
            runs = [_run(one, task, folder, config, server) for one, task in tasks(plan).items() if one in wanted]
        _report(plan, taken, _sizes(folder), runs)


def write_config(folder: Path, journal_url: str, relay: Address) -> Path:
    """Write what the commands need to know of a journal and its relay; return the file."""
    path = folder / "rtp-relay.toml"
    path.write_text(
        f'[service]\nstate_dir = "{folder}"\n\n[journal]\nurl = "{journal_url}"\n\n'
        f'[[nodes]]\nname = "{NODE}"\nengine = "rtpengine"\nurl = "udp:{relay[0]}:{relay[1]}"\n'
    )
    return path


def command_line(task: Task, config: Path) -> list[str]:
    """Return the command line of a task."""
    source = [] if "--archive" in task.words else ["-c", str(config)]
    return [sys.executable, "-m", "rtp_relay", *task.words, *source]


def _run(name: str, task: Task, folder: Path, config: Path, server: psutil.Process) -> Run:
    progress(" ".join(task.words))
    before, busy, begun = resource.getrusage(resource.RUSAGE_CHILDREN), _cpu(server), time.monotonic()
    process = psutil.Popen(command_line(task, config), cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=-3)
    memory = 0
    while process.poll() is None:
        try:
            memory = max(memory, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    if process.wait():
        raise RuntimeError(f"{name} ended with {process.returncode}")
    if not all(_sizes(folder).values()):
        raise RuntimeError(f"{name} found no calls")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(name, task.calls, time.monotonic() - begun, cpu, memory, _cpu(server) - busy)


def _sizes(folder: Path) -> dict[str, int]:
    return {path.suffix: path.stat().st_size for path in folder.glob("calls.*")}


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _report(plan: Plan, taken: int, sizes: Mapping[str, int], runs: Sequence[Run]) -> None:
    title = f"{plan.calls} ended calls, {taken / plan.calls:.0f} bytes each in Redis, and {plan.live} live ones"
    table = Table(title=title, title_justify="left")
    for column in ("command", "calls", "s", "calls/s", "CPU us/call", "Redis' CPU us/call", "memory MB"):
        table.add_column(column, justify="left" if column == "command" else "right")
    for run in runs:
        cpu, redis = (f"{seconds * 1e6 / run.calls:.1f}" for seconds in (run.cpu, run.redis))
        rate, memory = f"{run.calls / run.seconds:.0f}", f"{run.memory / 1e6:.0f}"
        table.add_row(run.name, str(run.calls), f"{run.seconds:.2f}", rate, cpu, redis, memory)
    screen = Console()
    screen.print(table)
    exported = min(plan.exported, plan.calls)
    for suffix, size in sorted(sizes.items()):
        screen.print(f"{suffix}: {size / exported:.0f} bytes a call")


if __name__ == "__main__":
    app()
