"""What the calls go through: the service with its SIP door, Kamailio, and the floor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

from bench.children import Child, PortChild, Section, Service, run_module
from bench.options import Durability
from tests.peers.datagram import Address
from tests.peers.kamailio import Kamailio
from tests.peers.ports import HOST

_CONFIG = Path(__file__).parent / "kamailio.cfg"
_SHARED_MEMORY = "512"
"""MB; transactions stay for some seconds after their end."""


class KamailioProxy(Child, Kamailio):
    """Kamailio with its module `rtpengine`, and two workers, as there are two processors where this is measured."""

    def __init__(self, relay: Address, next_hop: Address) -> None:
        defines = {"RELAY": f'"udp:{relay[0]}:{relay[1]}"', "NEXT_HOP": f'"{_uri(next_hop)}"'}
        super().__init__(_CONFIG, defines)

    @property
    def pids(self) -> Sequence[int]:
        """The ids of its processes: the first process, its workers, its timers."""
        return [self.pid, *(child.pid for child in psutil.Process(self.pid).children(recursive=True))]

    def command(self) -> list[str]:
        """Return the command line."""
        return [*super().command(), "-m", _SHARED_MEMORY]


class Door(Service):
    """`rtp-relay serve` with a SIP door that engages a relay, of the kind `engine`, for each call."""

    def __init__(
        self,
        journal_url: str,
        durability: Durability,
        relay: Address,
        next_hop: Address,
        *,
        workers: int = 1,
        engine: str = "rtpengine",
    ) -> None:
        super().__init__(journal_url, durability, relay, {"workers": workers, "log_level": "info"})
        self._workers, self._engine = workers, engine
        self._next_hop = next_hop
        self._sip_port = 0

    @property
    def sip_address(self) -> Address:
        """Where it listens for SIP over UDP."""
        return HOST, self._sip_port

    def prepare(self) -> None:
        """Reserve the ports."""
        super().prepare()
        self._sip_port = self.ports.take()

    def sections(self) -> list[tuple[str, Section]]:
        """Return the configuration's sections."""
        door: Section = {
            "listen": [f"udp:{HOST}:{self._sip_port}"],
            "engine": self._engine,
            "next_hop": _uri(self._next_hop),
        }
        return [*super().sections(), ("[sip]", door)]

    async def ready(self) -> bool:
        """Return whether both doors are open, those of all workers."""
        if self._workers > 1:
            return "all workers are ready" in self.log(1000)
        return await super().ready() and self.listens(self._sip_port)

    @property
    def pids(self) -> Sequence[int]:
        """The ids of its processes."""
        return [self.pid, *(child.pid for child in psutil.Process(self.pid).children())]


class Floor(PortChild):
    """The floor (bench/sip/floor), without the journal or the relay if it gets none."""

    name = "floor"

    def __init__(self, journal_url: str | None, relay: Address | None, next_hop: Address) -> None:
        super().__init__()
        self._next_hop = str(next_hop[1])
        self._behind = [journal_url or "-", str(relay[1]) if relay else "-"]

    def command(self) -> list[str]:
        """Return the command line."""
        return run_module("bench.sip.floor", str(self.port), self._next_hop, *self._behind)

    async def ready(self) -> bool:
        """Return whether it listens."""
        return self.listens(self.port)


def _uri(address: Address) -> str:
    return f"sip:{address[0]}:{address[1]}"
