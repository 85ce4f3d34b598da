"""`python -m bench.beside`: what the calls at the ng door notice of what goes on beside them.

For each thing that can go on, the latency of paced calls is measured in turns: while it goes on, and while nothing
does. Rates are low: at full load latencies are those of queues.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any

import aiohttp
import typer

from bench import calls
from bench.beside_stage import MUTE, BusyService, MuteNode, busy_stage
from bench.fill import fill, fill_long
from bench.load import Load, Outcome
from bench.stage import begin, progress, send
from tests.peers.ng_client import NgClient

_LIVE, _DEAD, _LONG = "live", "dead", "long"
_DELETES_A_SECOND = 50
_REBUILDS_A_SECOND = 2
_SCRAPES_A_SECOND = 1
_RELOADS_A_SECOND = 1

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_prefixes = map("beside{:03d}".format, itertools.count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of everything. seconds, rate: of a measurement. live: calls in the journal. events: of a long call."""

    seconds: float
    rate: float
    pairs: int
    live: int
    events: int

    @property
    def rebuilds(self) -> int:
        """How many long calls are rebuilt in one measurement."""
        return max(1, round(self.seconds * _REBUILDS_A_SECOND))


@dataclass(slots=True)
class Ground:
    """What a measurement has under it. used: how many calls of each kind were taken already."""

    plan: Plan
    service: BusyService
    mute: MuteNode
    used: dict[str, int]

    def take(self, kind: str, number: int) -> range:
        """Return the numbers of calls that nobody has had."""
        first = self.used.get(kind, 0)
        self.used[kind] = first + number
        return range(first, first + number)


GoesOn = Callable[[Ground], Awaitable[None]]


async def dead_node(ground: Ground) -> None:
    """Let a node say nothing, while calls that it has are deleted."""
    number = round(ground.plan.seconds * _DELETES_A_SECOND)
    host, port = ground.service.address
    ground.mute.mute = True
    try:
        load = Load(
            host=host, port=port, prefix=_DEAD, calls=number, verbs=("delete",), rate=_DELETES_A_SECOND, timeout=10
        )
        await (await begin(load)).outcome()
    finally:
        ground.mute.mute = False


async def scrape(ground: Ground) -> None:
    """Have the page of metrics read, as Prometheus does, but far more often than it would."""
    await _every(1 / _SCRAPES_A_SECOND, lambda: _read(ground.service.metrics_url))


async def search(ground: Ground) -> None:
    """List all live calls' sessions, one list after the other."""
    await _every(0, lambda: _mi(ground, "rtp_relay_list", {}))


async def rebuild(ground: Ground) -> None:
    """Ask for long calls that nobody has in memory, and that have no snapshot."""
    async with NgClient(ground.service.address, timeout=10) as client:
        for number in ground.take(_LONG, ground.plan.rebuilds):
            await client.command(
                "query", **{"call-id": calls.call_id(_LONG, number), "from-tag": calls.from_tag(number)}
            )
            await asyncio.sleep(1 / _REBUILDS_A_SECOND / 2)


async def reload(ground: Ground) -> None:
    """Have the routing script read anew, again and again."""
    await _every(1 / _RELOADS_A_SECOND, ground.service.reload)


KINDS: Mapping[str, GoesOn] = {
    "a dead node": dead_node,
    "scrapes": scrape,
    "searches": search,
    "rebuilds": rebuild,
    "reloads": reload,
}


@app.command()
def main(
    *,
    seconds: Annotated[float, typer.Option(min=1, help="Of each measurement.")] = 6,
    rate: Annotated[float, typer.Option(min=1, help="Operations a second.")] = 300,
    pairs: Annotated[int, typer.Option(min=1, help="Measurements with and without.")] = 3,
    live: Annotated[int, typer.Option(min=0, help="Live calls in the journal.")] = 20_000,
    events: Annotated[int, typer.Option(min=10, help="Of a long call.")] = 10_000,
    only: Annotated[str, typer.Option(help="The kinds to measure, separated by commas; all of them without.")] = "",
) -> None:
    """Measure each kind, and print the latencies with and without it."""
    names = only.split(",") if only else list(KINDS)
    unknown = ", ".join(set(names) - KINDS.keys())
    if unknown:
        raise typer.BadParameter(f"{unknown}: there are {', '.join(KINDS)}", param_hint="--only")
    asyncio.run(_measure(Plan(seconds=seconds, rate=rate, pairs=pairs, live=live, events=events), names))


async def _measure(plan: Plan, names: Sequence[str]) -> None:
    async with busy_stage() as (redis, service, mute):
        ground, journal_url = Ground(plan, service, mute, {}), redis.journal_url
        progress(f"{plan.live} live calls, and long ones of {plan.events} events, into the journal")
        await fill(journal_url, _LIVE, plan.live)
        await fill_long(journal_url, _LONG, plan.rebuilds * plan.pairs, plan.events)
        await paced(ground)
        for name in names:
            goes_on = KINDS[name]
            if goes_on is dead_node:
                await fill(journal_url, _DEAD, round(plan.seconds * _DELETES_A_SECOND), node=MUTE)
            progress(name)
            without, with_it = [], []
            for _ in range(plan.pairs):
                without.append(await paced(ground))
                async with going_on(goes_on, ground):
                    with_it.append(await paced(ground))
            report(name, without, with_it)


@asynccontextmanager
async def going_on(goes_on: GoesOn, ground: Ground) -> AsyncIterator[None]:
    """Let something go on meanwhile."""
    task = asyncio.ensure_future(goes_on(ground))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def paced(ground: Ground) -> Outcome:
    """Measure paced calls."""
    host, port = ground.service.address
    number = round(ground.plan.seconds * ground.plan.rate / 3)
    return await send(
        Load(host=host, port=port, prefix=next(_prefixes), calls=number, rate=ground.plan.rate, timeout=10)
    )


async def _every(pause: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await work()
        await asyncio.sleep(pause)


async def _mi(ground: Ground, method: str, parameters: Mapping[str, Any]) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
    async with aiohttp.ClientSession() as session, session.post(ground.service.mi_url, json=request) as reply:
        async for _ in reply.content.iter_any():
            pass
        reply.raise_for_status()


async def _read(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        await reply.read()
        reply.raise_for_status()


def report(name: str, without: list[Outcome], with_it: list[Outcome]) -> None:
    """Print what was measured without something and with it, in pairs."""

    def of(outcomes: list[Outcome], part: str) -> float:
        return statistics.median(float(getattr(outcome, part)) for outcome in outcomes)

    added = sorted(there.p99 - calm.p99 for calm, there in zip(without, with_it, strict=True))
    bad = sum(outcome.errors + outcome.timeouts for outcome in (*without, *with_it))
    print(
        f"{name:12} p50 {of(without, 'p50'):5.2f} -> {of(with_it, 'p50'):5.2f} ms,"
        f" p99 {of(without, 'p99'):6.2f} -> {of(with_it, 'p99'):6.2f} ms,"
        f" added at p99 {statistics.median(added):+.2f} ms (median of pairs, {added[0]:+.2f} to {added[-1]:+.2f});"
        f" {bad} errors"
    )


if __name__ == "__main__":
    app()
