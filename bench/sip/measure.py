"""The same calls through each proxy, at one rate after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import psutil

from bench.options import Options, Relays
from bench.sip.options import SipOptions, Way
from bench.sip.outcome import Calls
from bench.sip.proxies import Door, Floor, KamailioProxy
from bench.sip.sipp import Callees, place_calls
from bench.stage import Relay, journal, make_relay, progress
from bench.usage import Meter
from tests.peers.datagram import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One way at one rate (`asked`, calls a second).

    CPU is in ms for each call that was to be placed, by program. busy: the part of the machine's time that was used,
    from 0 to 1, SIPp's own among it.
    """

    way: Way
    relays: Relays
    asked: int
    calls: Calls
    cpu: Mapping[str, float]
    busy: float


@dataclass(frozen=True, slots=True)
class _Subject:
    way: Way
    address: Address
    watched: Mapping[str, Sequence[int]]
    """The ids of the processes of each program that has to do with a call."""


@dataclass(frozen=True, slots=True)
class _Stage:
    relays: Relays
    callees: Callees
    subjects: Sequence[_Subject]


async def measure(options: SipOptions) -> list[Measured]:
    """Measure everything that is asked for."""
    results = []
    for relays in options.relays:
        async with _stage(options, relays) as stage:
            for rate in options.rates:
                for subject in stage.subjects:
                    progress(f"{relays} relay, {rate} calls/s, {subject.way}")
                    results.append(await _measure(options, stage, subject, rate))
    return results


@asynccontextmanager
async def _stage(options: SipOptions, relays: Relays) -> AsyncIterator[_Stage]:
    at_a_time = int(max(options.rates) * (1 + options.hold / 1000))
    wanted = Options(window=at_a_time, delete_reply=options.delete_reply)
    async with AsyncExitStack() as stack:
        relay = make_relay(wanted, relays)
        await stack.enter_async_context(relay)
        callees = await stack.enter_async_context(Callees())
        subjects = [await _subject(stack, options, way, relay, callees) for way in options.ways]
        yield _Stage(relays, callees, subjects)


async def _subject(stack: AsyncExitStack, options: SipOptions, way: Way, relay: Relay, callees: Callees) -> _Subject:
    if way is Way.DIRECT:
        return _Subject(way, callees.address, {})
    if way is Way.KAMAILIO:
        kamailio = await stack.enter_async_context(KamailioProxy(relay.address, callees.address))
        return _Subject(way, kamailio.address, {"kamailio": kamailio.pids, "relay": [relay.pid]})
    if way is Way.DOOR:
        return await _door(stack, options, relay, callees)
    return await _floor(stack, options, way, relay, callees)


async def _door(stack: AsyncExitStack, options: SipOptions, relay: Relay, callees: Callees) -> _Subject:
    redis = await stack.enter_async_context(journal(options.durability))
    door = Door(redis.journal_url, options.durability, relay.address, callees.address, workers=options.workers)
    await stack.enter_async_context(door)
    return _Subject(Way.DOOR, door.sip_address, {"service": door.pids, "redis": [redis.pid], "relay": [relay.pid]})


async def _floor(stack: AsyncExitStack, options: SipOptions, way: Way, relay: Relay, callees: Callees) -> _Subject:
    watched, url = {}, None
    if way in (Way.FLOOR, Way.FLOOR_WITHOUT_RELAY):
        redis = await stack.enter_async_context(journal(options.durability))
        watched["redis"], url = [redis.pid], redis.journal_url
    asked = relay.address if way in (Way.FLOOR, Way.FLOOR_WITHOUT_REDIS) else None
    if asked is not None:
        watched["relay"] = [relay.pid]
    floor = await stack.enter_async_context(Floor(url, asked, callees.address))
    return _Subject(way, floor.address, {"floor": [floor.pid], **watched})


async def _measure(options: SipOptions, stage: _Stage, subject: _Subject, rate: int) -> Measured:
    if options.warm_up:
        await _place(options, stage, subject, rate, options.warm_up)
    meters = {name: [Meter(pid) for pid in pids] for name, pids in subject.watched.items()}
    psutil.cpu_percent()
    calls = await _place(options, stage, subject, rate, options.seconds)
    busy = psutil.cpu_percent() / 100
    cpu = {name: sum(meter.microseconds() for meter in each) / calls.asked / 1000 for name, each in meters.items()}
    return Measured(way=subject.way, relays=stage.relays, asked=rate, calls=calls, cpu=cpu, busy=busy)


async def _place(options: SipOptions, stage: _Stage, subject: _Subject, rate: int, seconds: float) -> Calls:
    calls = max(1, round(rate * seconds))
    return await place_calls(stage.callees, subject.address, calls=calls, rate=rate, hold=options.hold)
