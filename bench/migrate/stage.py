"""Everything that a run needs: two relays of a kind, the service with its SIP door, its Redis, and the parties."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bench.children import Journal, Section, run_module
from bench.migrate.options import Engine, Media, MoveOptions, Nat, Part
from bench.options import Durability
from bench.sip.proxies import Door
from bench.stage import journal
from tests.peers.datagram import Address
from tests.peers.ports import HOST
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

NODES = ("relay-1", "relay-2")
"""The nodes. Each call is on the first one at first: the other one's weight is next to nothing."""
_WEIGHTS = (1_000_000_000, 1)
_LINE = 2**26
"""Bytes of the longest line that the parties may answer with."""

Relay = Rtpengine | Rtpproxy


class MovingDoor(Door):
    """`rtp-relay serve` with a SIP door, a management interface, and both relays in one set."""

    def __init__(self, journal: Journal, options: MoveOptions, relays: Sequence[Relay], next_hop: Address) -> None:
        super().__init__(journal.journal_url, Durability.MEMORY, relays[0].address, next_hop, engine=relays[0].name)
        self._options, self._relays = options, relays
        self._mi_port = 0

    @property
    def mi_url(self) -> str:
        """Where its management interface is."""
        return f"http://{HOST}:{self._mi_port}/mi"

    def prepare(self) -> None:
        """Reserve the ports."""
        super().prepare()
        self._mi_port = self.ports.take()

    def sections(self) -> list[tuple[str, Section]]:
        """Return the configuration's sections."""
        sections = [section for section in super().sections() if section[0] != "[[nodes]]"]
        sections += [("[mi]", {"listen": [f"http:{HOST}:{self._mi_port}"]})]
        sections += [("[[nodes]]", self._node(index)) for index in range(len(NODES))]
        if Part.KILLED in self._options.parts:
            policy: Section = {"action": "migrate", "wait": 0, "pace": self._options.pace}
            sections.append(("[sets.on_node_down.default]", policy))
        return sections

    def _node(self, index: int) -> Section:
        relay = self._relays[index]
        return {
            "name": NODES[index],
            "engine": relay.name,
            "url": relay.url,
            "weight": _WEIGHTS[index],
            "ping_every": self._options.ping_every,
        }


class PartiesProcess:
    """The process of all parties."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.callees: Address = (HOST, 0)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def open(self) -> None:
        """Wait for it."""
        self.callees = (HOST, (await self._answer())["port"])

    async def ask(self, do: str, **wish: Any) -> dict[str, Any]:
        """Have it do something, and return what it tells of that."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **wish}).encode() + b"\n")
        return await self._answer()

    async def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the parties ended with {await self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@dataclass(frozen=True, slots=True)
class Stage:
    """What a run has: the relays in the order of `NODES`."""

    redis: Journal
    relays: Sequence[Relay]
    door: MovingDoor
    parties: PartiesProcess


@asynccontextmanager
async def stage(options: MoveOptions, engine: Engine, media: Media, nat: Nat) -> AsyncIterator[Stage]:
    """Start a stage, and end it whatever happens."""
    ports = 200 + 6 * options.calls
    async with (
        journal(Durability.MEMORY) as redis,
        make_relay(engine, ports) as first,
        make_relay(engine, ports) as second,
        _parties(media, nat) as parties,
        MovingDoor(redis, options, (first, second), parties.callees) as door,
    ):
        yield Stage(redis, (first, second), door, parties)


def make_relay(engine: Engine, ports: int) -> Relay:
    """Make a relay of a kind, quiet and with so many ports for media."""
    if engine is Engine.RTPPROXY:
        return Rtpproxy(media_ports=ports)
    return Rtpengine(media_ports=ports, log_level=3)


@asynccontextmanager
async def _parties(media: Media, nat: Nat) -> AsyncIterator[PartiesProcess]:
    settings = {"media": media, "nat": nat, "prefix": secrets.token_hex(4)}
    process = await asyncio.create_subprocess_exec(
        *run_module("bench.migrate.parties", json.dumps(settings)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE,
    )
    parties = PartiesProcess(process)
    try:
        await parties.open()
        yield parties
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
