"""`python -m bench.live`: what an operation costs while many calls are live, beside while few are.

Two services, each with a journal of its own, get the same load in turns. The live calls are in the journals alone, as
those are that nobody has asked about for ten seconds, and none is due: that nodes are asked about calls that were quiet
for long costs something by itself, however few operations there are.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
from dataclasses import dataclass
from typing import Annotated

import typer

from bench.fill import fill
from bench.load import Load
from bench.options import Options, Relays
from bench.stage import Stage, progress, send, stage
from bench.usage import Meter

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_prefixes = map("among{:03d}".format, itertools.count())


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of an operation in us: of the service, and of Redis."""

    service: float
    redis: float

    @property
    def both(self) -> float:
        """CPU of both."""
        return self.service + self.redis


@app.command()
def main(
    *,
    few: Annotated[int, typer.Option(min=0, help="Live calls of the one service.")] = 1_000,
    many: Annotated[int, typer.Option(min=1, help="Live calls of the other.")] = 100_000,
    pairs: Annotated[int, typer.Option(min=1, help="Measurements of each.")] = 9,
    calls: Annotated[int, typer.Option(min=1, help="Calls of each measurement.")] = 1500,
    window: Annotated[int, typer.Option(min=1, help="Requests under way at a time.")] = 64,
) -> None:
    """Measure both in turns, and print what an operation costs and the ratio."""
    asyncio.run(_measure(few, many, pairs, calls, window))


async def _measure(few: int, many: int, pairs: int, calls: int, window: int) -> None:
    async with stage(Options(), Relays.FAKE) as small, stage(Options(), Relays.FAKE) as large:
        for on, number in ((small, few), (large, many)):
            progress(f"{number} live calls into a journal")
            await fill(on.journal.journal_url, "live", number, spread=False)
        for on in (small, large):
            await _cost(on, calls // 3, window)
        costs = [(await _cost(small, calls, window), await _cost(large, calls, window)) for _ in range(pairs)]
    for number, of in ((few, [cost for cost, _ in costs]), (many, [cost for _, cost in costs])):
        service, redis = (statistics.median(getattr(cost, name) for cost in of) for name in ("service", "redis"))
        print(f"{number:8} live calls: service {service:6.1f} us, Redis {redis:5.1f} us an operation")
    ratio = statistics.median(dear.both / cheap.both for cheap, dear in costs)
    print(f"an operation among {many} costs {ratio:.2f} times one among {few} (median of {pairs} pairs)")


async def _cost(on: Stage, calls: int, window: int) -> Cost:
    host, port = on.service.address
    meters = Meter(on.service.pid), Meter(on.journal.pid)
    outcome = await send(Load(host=host, port=port, prefix=next(_prefixes), calls=calls, window=window, timeout=10))
    service, redis = (meter.microseconds() / outcome.operations for meter in meters)
    return Cost(service, redis)


if __name__ == "__main__":
    app()
