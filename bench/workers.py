"""`python -m bench.workers`: one worker against several, in turns, with the same load.

What counts is what a service can do when each of its workers has a CPU: the operations for each second of CPU that its
busiest worker used. Load generator, relay and Redis share the machine, so operations a second say less.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
from dataclasses import dataclass
from typing import Annotated

import psutil
import typer

from bench.children import Service
from bench.load import Load
from bench.options import Options, Relays
from bench.stage import progress, send, stage
from bench.usage import Meter
from tests.peers.peer import wait_until

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_prefixes = map("workers{:03d}".format, itertools.count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: CPU (us an operation) of each process that serves calls, and operations a second."""

    workers: tuple[float, ...]
    rate: float

    @property
    def capacity(self) -> float:
        """Operations for each second of the busiest worker's CPU."""
        return 1e6 / max(self.workers)


@app.command()
def main(
    *,
    workers: Annotated[int, typer.Option(min=2, help="How many workers to compare with one.")] = 2,
    pairs: Annotated[int, typer.Option(min=1, help="How often.")] = 3,
    calls: Annotated[int, typer.Option(min=1, help="Calls of each run.")] = 5000,
    window: Annotated[int, typer.Option(min=1, help="Requests under way at a time.")] = 64,
    sockets: Annotated[int, typer.Option(min=1, help="Sockets that each call's requests come from in turns.")] = 16,
) -> None:
    """Measure pair by pair, and print the CPU an operation and the ratio of what both can do."""
    asyncio.run(_measure(workers, pairs, Load(host="", port=0, prefix="", calls=calls, window=window, sockets=sockets)))


async def _measure(workers: int, pairs: int, load: Load) -> None:
    ratios: list[float] = []
    for _ in range(pairs):
        one, several = await _run(1, load), await _run(workers, load)
        ratios.append(several.capacity / one.capacity)
        print(
            f"one worker {one.workers[0]:6.1f} us at {one.rate:6.0f}/s; {workers} workers "
            + " + ".join(f"{cpu:.1f}" for cpu in several.workers)
            + f" = {sum(several.workers):6.1f} us at {several.rate:6.0f}/s; ratio {ratios[-1]:.2f}"
        )
    print(f"{workers} workers can do {statistics.median(ratios):.2f} times what one can (median of {pairs})")


async def _run(workers: int, load: Load) -> Run:
    progress(f"{workers} worker(s), {load.sockets} socket(s)")
    async with stage(Options(), Relays.FAKE, {"workers": workers, "log_level": "info"}) as on:
        host, port = on.service.address
        pids = await _serving(on.service, workers)
        await send(_to(load, host, port, load.calls // 5))
        meters = [Meter(pid) for pid in pids]
        outcome = await send(_to(load, host, port, load.calls))
        used = tuple(meter.microseconds() / outcome.operations for meter in meters)
    return Run(workers=used, rate=outcome.rate)


async def _serving(service: Service, workers: int) -> list[int]:
    """Wait until all workers are there; return the ids of the processes that serve calls."""
    if workers == 1:
        return [service.pid]

    async def told() -> bool:
        return "all workers are ready" in service.log(1000)

    await wait_until(told, "all workers are ready")
    return [child.pid for child in psutil.Process(service.pid).children()]


def _to(load: Load, host: str, port: int, calls: int) -> Load:
    return Load(
        host=host, port=port, prefix=next(_prefixes), calls=calls, window=load.window, sockets=load.sockets, timeout=10
    )


if __name__ == "__main__":
    app()
