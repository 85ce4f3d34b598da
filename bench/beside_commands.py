"""`python -m bench.beside_commands`: what the calls at the ng door notice of the commands about many calls.

As in `bench.beside`, the latency of paced calls is measured in turns: while a command runs, a process of its own on the
same machine, and while none does. `nothing` says what the method itself tells apart: two measurements in which nothing
goes on; `waking` what calls notice of any process beside them that wakes up again and again (`bench.waking`). What
blocked the journal's server for longer than a millisecond is counted, too (its SLOWLOG).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bench.beside import GoesOn, Ground, Plan, going_on, paced, report
from bench.beside_stage import busy_stage
from bench.children import ROOT, Journal
from bench.fill import fill
from bench.histories import Plan as Histories
from bench.histories import command_line, tasks, write_config
from bench.loaders import Kind, load
from bench.stage import progress
from rtp_relay.cli import reconcile, verify

_STARTED = 2.0
"""Seconds that a command has to begin with its reading, before anything is measured."""

_SLOW = 1000
"""A command of the journal's server that takes more microseconds is counted."""

NOTHING, WAKING = "nothing", "waking"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    *,
    calls: Annotated[int, typer.Option(min=1, help="Ended calls in the journal.")] = 100_000,
    live: Annotated[int, typer.Option(min=1, help="Live calls in the journal.")] = 20_000,
    seconds: Annotated[float, typer.Option(min=1, help="Of each measurement.")] = 8,
    rate: Annotated[float, typer.Option(min=1, help="Operations a second.")] = 300,
    pairs: Annotated[int, typer.Option(min=1, help="Measurements with and without.")] = 7,
    only: Annotated[str, typer.Option(help="Only beside these commands: search,export,...")] = "",
) -> None:
    """Measure beside each command, and print the latencies with and without it."""
    asyncio.run(
        _measure(
            Plan(seconds=seconds, rate=rate, pairs=pairs, live=live, events=0), calls, only.split(",") if only else ()
        )
    )


async def _measure(plan: Plan, calls: int, wanted: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        async with busy_stage(on_disk=False) as (redis, service, mute):
            folder, ground = Path(name), Ground(plan, service, mute, {})
            config = write_config(folder, redis.journal_url, service.relay)
            progress(f"{calls} ended calls and {plan.live} live ones into the journal")
            await load(redis.journal_url, Kind.ENDED, "ended", calls)
            await fill(redis.journal_url, "live", plan.live)
            await paced(ground)
            for kind, goes_on in _kinds(Histories(calls=calls, live=plan.live, exported=calls), folder, config).items():
                if not wanted or kind in wanted:
                    progress(kind)
                    await _beside(kind, goes_on, ground, redis)


async def _beside(kind: str, goes_on: GoesOn, ground: Ground, redis: Journal) -> None:
    without, with_it, slow = [], [], 0
    for _ in range(ground.plan.pairs):
        without.append(await paced(ground))
        async with going_on(goes_on, ground):
            await asyncio.sleep(_STARTED)
            async with _slow(redis) as found:
                with_it.append(await paced(ground))
            slow += len(found)
    report(kind, without, with_it)
    print(f"{'':12} {slow} times the journal's server was held up for more than {_SLOW} us")


def _kinds(plan: Histories, folder: Path, config: Path) -> Mapping[str, GoesOn]:
    """Return what goes on, by name: commands run again and again, as operators run them by default."""
    bounded = {"verify": verify.RATE, "reconcile": reconcile.RATE}
    waking = [sys.executable, "-m", "bench.waking"]
    kinds: dict[str, GoesOn] = {NOTHING: _nothing, WAKING: partial(_again, waking, folder)}
    for name, task in tasks(plan).items():
        if name != "archive":
            words = command_line(task, config)
            words = [f"{bounded[name]:g}" if name in bounded and word == "0" else word for word in words]
            kinds[name] = partial(_again, words, folder)
    return kinds


async def _nothing(_: Ground) -> None:
    await asyncio.Event().wait()


async def _again(words: list[str], folder: Path, _: Ground) -> None:
    """Run a command, again and again; it ends with this."""
    while True:
        _clear(folder)
        process = await asyncio.create_subprocess_exec(
            *words, cwd=folder, env={"PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            if await process.wait():
                raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _clear(folder: Path) -> None:
    for written in folder.glob("calls.*"):
        written.unlink()


@asynccontextmanager
async def _slow(redis: Journal) -> AsyncIterator[list[object]]:
    """Collect what took the journal's server long meanwhile."""
    found: list[object] = []
    async with redis.client() as client:
        await client.config_set("slowlog-log-slower-than", _SLOW)
        await client.slowlog_reset()
        yield found
        found += await client.slowlog_get(1000)


if __name__ == "__main__":
    app()
