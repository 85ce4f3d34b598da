"""`python -m bench.histories`: how long the commands about ended calls take, and what these calls take up.

Each command is a process of its own that reads the journal itself, as operators run it.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.table import Table

from bench.children import ROOT
from bench.fill import fill_ended
from bench.options import Durability
from bench.stage import journal, progress

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

COMMANDS: Sequence[tuple[str, ...]] = (
    ("search", "--text", "nobody has this"),
    ("stats",),
    ("export", "--to", "calls.jsonl"),
    ("export", "--to", "calls.parquet"),
    ("search", "--text", "nobody has this", "--archive", "calls.jsonl"),
)


@dataclass(frozen=True, slots=True)
class Run:
    """A command's time and its own CPU, seconds; memory: its resident bytes at most. redis: the server's CPU."""

    command: str
    seconds: float
    cpu: float
    memory: int
    redis: float


@app.command()
def main(*, calls: Annotated[int, typer.Option(min=1, help="Ended calls in the journal.")] = 100_000) -> None:
    """Fill a journal, run each command, and print a table."""
    asyncio.run(_measure(calls))


async def _measure(calls: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with journal(Durability.MEMORY) as redis:
            server = psutil.Process(redis.pid)
            config = folder / "rtp-relay.toml"
            config.write_text(f'[journal]\nurl = "{redis.journal_url}"\n')
            empty = server.memory_info().rss
            progress(f"{calls} ended calls into a journal")
            await fill_ended(redis.journal_url, "ended", calls)
            taken = server.memory_info().rss - empty
            runs = [_run(words, folder, config, server) for words in COMMANDS]
        _report(calls, taken, _sizes(folder), runs)


def _run(words: Sequence[str], folder: Path, config: Path, server: psutil.Process) -> Run:
    progress(" ".join(words))
    source = [] if "--archive" in words else ["-c", str(config)]
    command = [sys.executable, "-m", "rtp_relay", *words, "--since", "1d", *source]
    before, busy, begun = resource.getrusage(resource.RUSAGE_CHILDREN), _cpu(server), time.monotonic()
    process = psutil.Popen(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=-3)
    memory = 0
    while process.poll() is None:
        try:
            memory = max(memory, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    if process.wait():
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(" ".join(words), time.monotonic() - begun, cpu, memory, _cpu(server) - busy)


def _sizes(folder: Path) -> dict[str, int]:
    return {path.suffix: path.stat().st_size for path in folder.glob("calls.*")}


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _report(calls: int, taken: int, sizes: dict[str, int], runs: Sequence[Run]) -> None:
    table = Table(title=f"{calls} ended calls, {taken / calls:.0f} bytes each in Redis", title_justify="left")
    for column in ("command", "s", "calls/s", "CPU us/call", "Redis' CPU us/call", "memory MB"):
        table.add_column(column, justify="left" if column == "command" else "right")
    for run in runs:
        cpu, redis = (f"{seconds * 1e6 / calls:.1f}" for seconds in (run.cpu, run.redis))
        rate, memory = f"{calls / run.seconds:.0f}", f"{run.memory / 1e6:.0f}"
        table.add_row(run.command, f"{run.seconds:.2f}", rate, cpu, redis, memory)
    screen = Console()
    screen.print(table)
    for suffix, size in sorted(sizes.items()):
        screen.print(f"{suffix}: {size / calls:.0f} bytes a call")


if __name__ == "__main__":
    app()
