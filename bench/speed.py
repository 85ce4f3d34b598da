"""Throughput and latency: the relay asked directly, through the floor, and through the service; the same load each."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from bench.children import Child, Forwarder, NgChild
from bench.load import Load, Outcome
from bench.options import Options
from bench.stage import Relay, progress, send, stage
from bench.usage import Meter

_prefixes = map("bench{:03d}".format, itertools.count())


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One way to the relay. CPU is in microseconds an operation, by the program that used it."""

    outcome: Outcome
    cpu: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """The three ways, each with the CPU of the program in the middle under its name."""

    rate: float
    direct: Measured
    floor: Measured
    service: Measured

    @property
    def ratio(self) -> float:
        """How many times the floor's CPU an operation of the service costs."""
        floor = self.floor.cpu["forwarder"]
        return self.service.cpu["service"] / floor if floor else 0.0

    def added(self, percentile: str) -> float:
        """Return the latency (ms) that the service adds at p50, p90, p99 or max to that of the relay asked directly."""
        return float(getattr(self.service.outcome, percentile) - getattr(self.direct.outcome, percentile))


async def measure_speed(options: Options, rate: float) -> Speed:
    """Measure at `rate` operations a second, or as fast as the window lets it with 0."""
    progress(
        f"offer, answer, delete: {options.calls} calls " + (f"at {rate:g} operations/s" if rate else "at full load")
    )
    async with stage(options, options.relays) as on:
        direct = await _measure("the relay directly", options, rate, on.relay, {"relay": on.relay})
        async with Forwarder(on.relay.address) as forwarder:
            floor = await _measure("the floor", options, rate, forwarder, {"forwarder": forwarder})
        watched = {"service": on.service, "redis": on.journal, "relay": on.relay}
        service = await _measure("the service", options, rate, on.service, watched)
    return Speed(rate=rate, direct=direct, floor=floor, service=service)


async def _measure(
    what: str, options: Options, rate: float, target: NgChild | Relay, watched: Mapping[str, Child]
) -> Measured:
    progress(f"  {what}")
    host, port = target.address
    if options.warm_up:
        await send(
            Load(host=host, port=port, prefix=next(_prefixes), calls=options.warm_up, window=options.window, rate=rate)
        )
    meters = {name: Meter(child.pid) for name, child in watched.items()}
    outcome = await send(
        Load(host=host, port=port, prefix=next(_prefixes), calls=options.calls, window=options.window, rate=rate)
    )
    operations = max(1, outcome.operations)
    return Measured(outcome=outcome, cpu={name: meter.microseconds() / operations for name, meter in meters.items()})
