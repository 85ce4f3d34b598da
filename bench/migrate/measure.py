"""A run: calls are placed, nothing moves, all are moved, the node that they are on is killed."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.migrate.account import Direction
from bench.migrate.meters import Used, count, used
from bench.migrate.moves import Moves, drain, move_all
from bench.migrate.options import Engine, How, Media, MoveOptions, Nat, Part
from bench.migrate.stage import NODES, Stage, stage
from bench.stage import progress
from tests.peers.rtpengine import Rtpengine

_PLACED_A_SECOND = 25.0
_SETTLES = 4.0
"""Seconds for media to flow before anything is measured: an rtpengine takes three until it has settled on addresses."""
_AFTERWARDS = 2.0
"""Seconds after the last move that belong to its part, in which the old sessions are to go."""
_DEAD = 60.0
"""Seconds in which all calls of a dead node are to be heard again."""
_QUIET = 0.2


class NoMedia(Exception):
    """Calls were not answered, or no media flowed in them: nothing can be said of their moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOfRun:
    """What one part of a run came to.

    moved: calls that were, in so many `seconds`. found: seconds from a node's death to when the first of its calls was
    heard again; the `seconds` count from there. failed: how often each thing was said of the others. ended: calls that
    the service ended. left: sessions that the node which calls have left still has. load: the machine's, before.
    """

    part: Part
    moved: int
    seconds: float
    found: float
    failed: Mapping[str, int]
    ended: int
    left: int
    directions: Sequence[Direction]
    used: Used
    load: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run with one kind of relay, media and NAT. strange: packets that came to parties and were not for them."""

    engine: Engine
    media: Media
    nat: Nat
    calls: int
    parts: Sequence[PartOfRun]
    strange: int


async def measure(options: MoveOptions) -> list[Run]:
    """Measure everything that is asked for. Raises NoMedia."""
    return [
        await _run(options, engine, media, nat)
        for engine in options.engines
        for media in options.media
        for nat in options.nats
    ]


async def _run(options: MoveOptions, engine: Engine, media: Media, nat: Nat) -> Run:
    name = f"{engine}, {media}, NAT {nat}"
    async with stage(options, engine, media, nat) as on:
        progress(f"{name}: {options.calls} calls are placed")
        placed = await on.parties.ask("place", proxy=on.door.sip_address[1], calls=options.calls, rate=_PLACED_A_SECOND)
        if placed["failed"]:
            raise NoMedia(f"{name}: calls were not answered: {placed['failed']}")
        await asyncio.sleep(_SETTLES)
        await _all_talk(on, name)
        parts: list[PartOfRun] = []
        idle = 0.0
        for part in (part for part in Part if part in options.parts):
            progress(f"{name}: {part}")
            parts.append(await _part(options, on, part, placed["calls"], idle))
            if part is Part.CONTROL:
                idle = parts[-1].used.commands / parts[-1].used.seconds
        strange = (await on.parties.ask("count"))["strange"]
        await on.parties.ask("hang_up")
    return Run(engine=engine, media=media, nat=nat, calls=options.calls, parts=parts, strange=strange)


async def _all_talk(on: Stage, name: str) -> None:
    silent = (await on.parties.ask("silent", seconds=_QUIET))["calls"]
    if silent:
        raise NoMedia(f"{name}: no media flow in {len(silent)} calls: {silent}")


async def _part(options: MoveOptions, on: Stage, part: Part, calls: Sequence[str], idle: float) -> PartOfRun:
    load = os.getloadavg()[0]
    before, begin = await count(on), time.time()
    ended_before = len((await on.parties.ask("count"))["ended"])
    match part:
        case Part.CONTROL:
            await asyncio.sleep(options.control)
            moves = Moves(0, {}, options.control)
        case Part.PLANNED:
            moves = await _move(options, on, calls)
        case Part.KILLED:
            moves = await _kill(on, calls, 1 if Part.PLANNED in options.parts else 0)
    end, after = time.time(), await count(on)
    ended = len((await on.parties.ask("count"))["ended"]) - ended_before
    account = await on.parties.ask("account", begin=begin, end=end)
    directions = [Direction(**one) for one in account["directions"]]
    found, last = _heard_again(directions, begin) if part is Part.KILLED else (0.0, moves.seconds)
    return PartOfRun(
        part=part,
        moved=moves.moved,
        seconds=last - found,
        found=found,
        failed=moves.failed,
        ended=ended,
        left=await _left(on) if part is Part.PLANNED else 0,
        directions=directions,
        used=used(before, after, idle),
        load=load,
    )


async def _move(options: MoveOptions, on: Stage, calls: Sequence[str]) -> Moves:
    by, node = (drain, NODES[0]) if options.how is How.DRAIN else (move_all, NODES[1])
    moves = await by(on.door.mi_url, calls, node, rate=options.rate, in_flight=options.in_flight)
    await asyncio.sleep(_AFTERWARDS)
    return moves


async def _kill(on: Stage, calls: Sequence[str], node: int) -> Moves:
    """Kill the node that calls are on, and wait until they are heard again. Those that are not have failed."""
    on.relays[node].kill()
    began = time.monotonic()
    await asyncio.sleep(2 * _QUIET)
    silent = calls
    while silent and time.monotonic() < began + _DEAD:
        await asyncio.sleep(_QUIET / 2)
        silent = (await on.parties.ask("silent", seconds=_QUIET))["calls"]
    await asyncio.sleep(_AFTERWARDS)
    return Moves(len(calls) - len(silent), {"not heard again": len(silent)} if silent else {}, 0.0)


def _heard_again(directions: Sequence[Direction], killed: float) -> tuple[float, float]:
    """Return after how many seconds the first and the last call were heard again in both directions."""
    calls: dict[str, float] = {}
    for one in directions:
        calls[one.call] = max(calls.get(one.call, killed), one.silence_ended)
    return min(calls.values()) - killed, max(calls.values()) - killed


async def _left(on: Stage) -> int:
    relay = on.relays[0]
    return len(await relay.sessions()) if isinstance(relay, Rtpengine) else await relay.sessions()
