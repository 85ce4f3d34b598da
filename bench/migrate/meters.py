"""What is counted while a part runs: CPU of each program, SIP messages, commands to the relays."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from bench.migrate.stage import NODES, Relay, Stage
from tests.peers.rtpengine import Rtpengine

_OF_NO_CALL = {"totalpingcount", "totalstatscount", "totallistcount"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What there was until a time (seconds since the epoch). CPU is in seconds, by program; commands by node.

    A relay that is dead counts no more. own: how many relays count the question itself.
    """

    at: float
    cpu: Mapping[str, float]
    messages: int
    commands: Mapping[str, int]
    own: int


async def count(stage: Stage) -> Counts:
    """Count."""
    programs = {"service": stage.door.pids, "redis": [stage.redis.pid], "parties": [stage.parties.pid]}
    relays = {name: relay for name, relay in zip(NODES, stage.relays, strict=True) if relay.running}
    programs |= {name: [relay.pid] for name, relay in relays.items()}
    return Counts(
        at=time.time(),
        cpu={name: sum(map(_cpu, pids)) for name, pids in programs.items()},
        messages=(await stage.parties.ask("count"))["messages"],
        commands={name: await _commands(relay) for name, relay in relays.items()},
        own=sum(not isinstance(relay, Rtpengine) for relay in relays.values()),
    )


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def _commands(relay: Relay) -> int:
    """Return how many commands a relay got: an rtpengine those of calls, an rtpproxy all, pings among them."""
    if not isinstance(relay, Rtpengine):
        return int(await relay.command_reply("G ncmds_rcvd"))
    async with relay.client() as client:
        reply = await client.command("statistics")
    statistics = reply[b"statistics"]
    assert isinstance(statistics, dict)
    control = statistics[b"controlstatistics"]
    assert isinstance(control, dict)
    totals = {name.decode(): number for name, number in control.items() if isinstance(number, int)}
    return sum(number for name, number in totals.items() if name.startswith("total") and name not in _OF_NO_CALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a part of a run took: CPU as parts of one processor, by program; SIP messages and relay commands."""

    seconds: float
    cpu: Mapping[str, float]
    messages: int
    commands: int


def used(before: Counts, after: Counts, idle: float) -> Used:
    """Return what there was between two counts, less the commands that relays get so often a second in any case."""
    seconds = after.at - before.at
    commands = sum(total - before.commands[name] for name, total in after.commands.items()) - after.own
    return Used(
        seconds=seconds,
        cpu={name: (total - before.cpu[name]) / seconds for name, total in after.cpu.items()},
        messages=after.messages - before.messages,
        commands=max(0, round(commands - idle * seconds)),
    )
