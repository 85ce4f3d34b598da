"""The programs that the bench starts, each a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.options import DeleteReply, Durability
from tests.peers.datagram import Address
from tests.peers.ng_client import NgClient
from tests.peers.peer import Peer
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine

ROOT = Path(__file__).parents[1]
NODE = "relay"
"""The relay node's name in the service's configuration."""

Section = Mapping[str, str | int | float | list[str]]


class Child(Peer):
    """A program with a process id that tells what it used."""

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None, "not started"
        return self._process.pid


class PortChild(Child):
    """A program that listens at `address`, over UDP."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0

    @property
    def address(self) -> Address:
        """Where it listens."""
        return HOST, self.port

    def prepare(self) -> None:
        """Reserve the port."""
        self.port = self.ports.take()


class NgChild(PortChild):
    """A program of this repository that answers ng over UDP at `address`."""

    async def ready(self) -> bool:
        """Return whether it answers a ping."""
        async with NgClient(self.address, tries=1, timeout=0.2) as client:
            try:
                return (await client.command("ping"))[b"result"] == b"pong"
            except TimeoutError:
                return False


class FakeRelay(NgChild):
    """The relay that carries nothing."""

    name = "fake-relay"

    def __init__(self, delete_reply: DeleteReply) -> None:
        super().__init__()
        self._delete_reply = delete_reply

    def command(self) -> list[str]:
        """Return the command line."""
        return run_module("bench.fake_relay", str(self.port), self._delete_reply)


class RealRelay(Child, Rtpengine):
    """An rtpengine, quiet and with ports for many calls."""

    def __init__(self, calls_at_a_time: int) -> None:
        super().__init__(media_ports=min(10_000, 400 + 8 * calls_at_a_time), log_level=3)


class Forwarder(NgChild):
    """The floor."""

    name = "forwarder"

    def __init__(self, relay: Address) -> None:
        super().__init__()
        self._relay = relay

    def command(self) -> list[str]:
        """Return the command line."""
        return run_module("bench.forwarder", str(self.port), str(self._relay[1]))


class Service(NgChild):
    """`rtp-relay serve` with one node, the relay; `settings` are further keys of the section `[service]`."""

    name = "service"

    def __init__(
        self, journal_url: str, durability: Durability, relay: Address, settings: Section | None = None
    ) -> None:
        super().__init__()
        self._journal_url, self._durability, self.relay = journal_url, durability, relay
        self._settings = settings or {}
        self.http: list[str] = []
        """Where its HTTP server listens."""

    def command(self) -> list[str]:
        """Write the configuration and return the command line."""
        file = self.folder / "rtp-relay.toml"
        file.write_text("".join(_section(head, keys) for head, keys in self.sections()))
        return run_module("rtp_relay", "serve", "-c", str(file))

    def sections(self) -> list[tuple[str, Section]]:
        """Return the configuration's sections, each with its head."""
        service = {"name": "bench", "state_dir": str(self.folder), "log_level": "warning", **self._settings}
        return [
            ("[service]", service),
            ("[journal]", {"url": self._journal_url, "durability": str(self._durability)}),
            ("[ng]", {"listen": [f"udp:{HOST}:{self.port}"]}),
            ("[http]", {"listen": self.http}),
            ("[[nodes]]", {"name": NODE, "engine": "rtpengine", "url": f"udp:{HOST}:{self.relay[1]}"}),
        ]


class Journal(Child, RedisServer):
    """The journal's Redis: with an append-only file, as the embedded one, synced as the durability needs it.

    Without `on_disk` it has none, for journals that are so large that what is measured would be the disk.
    """

    def __init__(self, durability: Durability, *, on_disk: bool = True) -> None:
        sync = "always" if durability is Durability.FSYNC else "everysec"
        # A replica reaches its master over TCP only.
        unix = durability is not Durability.REPLICA
        super().__init__(appendonly=on_disk, unix=unix, args=["--appendfsync", sync])

    @property
    def journal_url(self) -> str:
        """Where it is, as the service's configuration says it."""
        return f"redis://{HOST}:{self.port}" if self.port else f"unix://{self.folder / 'socket'}"


def replica_of(journal: Journal) -> RedisServer:
    """Make a replica of a journal's Redis."""
    return RedisServer(args=["--replicaof", HOST, str(journal.port)])


def run_module(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module of this repository, wherever it is run."""
    program = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv[1:] = {list(map(str, arguments))!r};"
        f" runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", program]


def _section(head: str, keys: Section) -> str:
    # What JSON writes of these types, TOML reads.
    return f"{head}\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
