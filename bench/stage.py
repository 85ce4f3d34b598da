"""Everything a measurement needs, started in order, and ended whatever happens."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass

from bench.children import FakeRelay, Journal, RealRelay, Section, Service, replica_of, run_module
from bench.load import Load, Outcome
from bench.options import Durability, Options, Relays

Relay = FakeRelay | RealRelay


@dataclass(frozen=True, slots=True)
class Stage:
    """The journal's Redis, a relay, and the service between them."""

    journal: Journal
    relay: Relay
    service: Service


@asynccontextmanager
async def stage(options: Options, relays: Relays, settings: Section | None = None) -> AsyncIterator[Stage]:
    """Start a stage; `settings` are keys of the service's section in its configuration."""
    async with (
        journal(options.durability) as redis,
        make_relay(options, relays) as relay,
        Service(redis.journal_url, options.durability, relay.address, settings) as service,
    ):
        yield Stage(redis, relay, service)


@asynccontextmanager
async def journal(durability: Durability, *, on_disk: bool = True) -> AsyncIterator[Journal]:
    """Start the Redis of a journal, and the replica that a durability needs."""
    async with Journal(durability, on_disk=on_disk) as redis:
        if durability is not Durability.REPLICA:
            yield redis
            return
        async with replica_of(redis):
            yield redis


def make_relay(options: Options, relays: Relays) -> Relay:
    """Make the relay that is asked for."""
    if relays is Relays.FAKE:
        return FakeRelay(options.delete_reply)
    return RealRelay(options.window)


class RunningLoad:
    """A load generator under way."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def outcome(self) -> Outcome:
        """Wait for its end."""
        output, _ = await self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"the load generator ended with {self._process.returncode}")
        return Outcome(**json.loads(output))


async def begin(load: Load) -> RunningLoad:
    """Start a load generator; it is about to send when this returns."""
    command = run_module("bench.generator", json.dumps(asdict(load)))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    return RunningLoad(process)


async def send(load: Load) -> Outcome:
    """Send a load and give what came of it."""
    return await (await begin(load)).outcome()


def progress(what: str) -> None:
    """Print the progress to standard error."""
    print(f"bench: {what}", file=sys.stderr, flush=True)
