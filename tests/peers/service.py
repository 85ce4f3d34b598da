"""The service itself, as an operator runs it: `rtp-relay serve -c FILE`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import psutil

from events.names import CallId
from events.records import Recorded
from events.redis import RedisJournal
from tests.peers.datagram import Address
from tests.peers.forked import PROGRAM, Forked, can_be_forked, run_command
from tests.peers.ng_client import NgClient, answers_ping
from tests.peers.peer import Peer, PeerError
from tests.peers.ports import HOST
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

Value = str | int | float | bool | list[str] | Mapping[str, str]
Table = Mapping[str, Value]

ROOT = Path(__file__).parents[2]

_QUICK: Mapping[str, Table] = {
    "service": {"shutdown_grace": 4},
    "calls": {"retry_interval": 0.5},
}


@dataclass(frozen=True, slots=True)
class Node:
    """A relay node as the configuration names it.

    `unix` is for an rtpproxy's other control socket, `metrics` for an rtpengine's page of metrics.
    """

    name: str
    relay: Rtpengine | Rtpproxy
    weight: int = 1
    priority: int = 0
    draining: bool = False
    unix: bool = False
    timeout: float = 1.5
    max_in_flight: int = 1000
    set: str = "default"
    ping_every: float = 5.0
    metrics: bool = False

    def table(self) -> Table:
        """Return the node's table in the configuration."""
        url = self.relay.unix_url if self.unix and isinstance(self.relay, Rtpproxy) else self.relay.url
        table: Table = {
            "name": self.name,
            "engine": self.relay.name,
            "url": url,
            "weight": self.weight,
            "priority": self.priority,
            "draining": self.draining,
            "timeout": self.timeout,
            "max_in_flight": self.max_in_flight,
            "set": self.set,
            "ping_every": self.ping_every,
        }
        if self.metrics and isinstance(self.relay, Rtpengine):
            table = {**table, "metrics": f"http://{HOST}:{self.relay.http_port}/metrics"}
        return table


class Service(Peer):
    """A control node with the journal at `redis_url` and the given `nodes`.

    `settings` are sections of the configuration with the keys that differ from the defaults and from what makes
    tests quick. `nodes` may be changed before a `restart`. With `sip`, the keys of that section, it has a SIP door,
    too, for UDP and TCP on one port: `sip_port`, or a free one. With `ng_http` it takes ng over UDP and HTTP
    (`ng_http_port`). At the end of `async with` its log must tell of no fault (a traceback): nothing that a test does
    to it may cause one.
    """

    name = "service"

    def __init__(
        self,
        redis_url: str,
        nodes: Sequence[Node],
        *,
        name: str = "control-1",
        settings: Mapping[str, Table] | None = None,
        sip: Table | None = None,
        sip_port: int = 0,
        ng_http: bool = False,
    ) -> None:
        super().__init__()
        self.nodes = list(nodes)
        self.control_node = name
        self.port = self.http_port = self.ng_http_port = 0
        self._ng_http = ng_http
        self.sip_port = sip_port
        self._given_sip_port = sip_port
        self._sip = sip
        self._redis_url = redis_url
        self._settings = settings or {}

    @property
    def address(self) -> Address:
        """Where it listens for ng, over UDP and TCP."""
        return HOST, self.port

    @property
    def url(self) -> str:
        """The address as SIP servers write it."""
        return f"udp:{HOST}:{self.port}"

    @property
    def http(self) -> str:
        """Where its HTTP server is."""
        return f"http://{HOST}:{self.http_port}"

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "rtp-relay.toml"

    def client(self, *, host: str = HOST, tries: int = 6, timeout: float = 1, tcp: bool = False) -> NgClient:
        """Return an ng client of it that sends from `host`, for `async with`."""
        return NgClient(self.address, host=host, tries=tries, timeout=timeout, tcp=tcp)

    async def events(self, call_id: str) -> list[Recorded]:
        """Return what the journal says of a call; the service need not run."""
        journal = await RedisJournal.open(self._redis_url)
        try:
            return await journal.read(CallId(call_id))
        finally:
            await journal.close()

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Run another command of the program with the same configuration: its exit code, output and complaints."""
        return await run_command(*words, "-c", str(self.config), environment=self.environment())

    async def history(self, call_id: str) -> list[str]:
        """Return the names of a call's events as `rtp-relay history --json` tells them."""
        code, output, complaint = await self.run("history", call_id, "--json")
        if code:
            raise PeerError(self.describe(f"has no history of {call_id!r}: {complaint}"))
        return [row["event"] for row in json.loads(output)["events"]]

    def reload(self) -> None:
        """Write the configuration anew, and have the program read it."""
        self.config.write_text(self._toml())
        self.send_hangup()

    def send_hangup(self) -> None:
        """Have the program read its configuration file, as that is."""
        os.kill(self.pid, signal.SIGHUP)

    def workers(self) -> dict[str, int]:
        """Return the process ids of its workers by their names; none without `[service] workers`."""
        found: dict[str, int] = {}
        for child in psutil.Process(self.pid).children():
            with contextlib.suppress(psutil.Error):  # it has just ended
                command = child.cmdline()
                if "rtp_relay.workers.worker" in command:
                    found[command[-1]] = child.pid
        return found

    def faults(self) -> list[str]:
        """Return the lines of its log that tell of a fault of its own."""
        return [line for line in self.log(lines=100_000).splitlines() if "Traceback" in line]

    def prepare(self) -> None:
        """Take the ports."""
        self.port, self.http_port = self.ports.take(), self.ports.take()
        if self._ng_http:
            self.ng_http_port = self.ports.take()
        if self._sip is not None:
            self.sip_port = self._given_sip_port or self.ports.take()

    def environment(self) -> dict[str, str]:
        """Return the environment in which the program is found from its own folder."""
        return {**os.environ, "PYTHONPATH": str(ROOT)}

    def command(self) -> list[str]:
        """Write the configuration anew, and return the command line."""
        self.config.write_text(self._toml())
        return [*PROGRAM, "serve", "-c", str(self.config)]

    def launch(self, log: BinaryIO) -> subprocess.Popen[bytes] | Forked:
        """Begin the process, as a copy of one that has read the program."""
        command = self.command()
        if not can_be_forked(command):
            return super().launch(log)
        return Forked(command[len(PROGRAM) :], self.folder, self.environment(), log)

    async def ready(self) -> bool:
        """Return whether it answers a ping with its readiness, and all its workers are there."""
        if self._settings.get("service", {}).get("workers", 1) != 1 and "all workers are ready" not in self._said():
            return False
        return await self.answers()

    async def answers(self) -> bool:
        """Return whether it answers a ping with its readiness."""
        return await answers_ping(self.address)

    def _toml(self) -> str:
        base: dict[str, Table] = {
            "service": {"name": self.control_node, "state_dir": str(self.folder / "state")},
            "journal": {"url": self._redis_url},
            "ng": {"listen": [f"{kind}:{HOST}:{self.port}" for kind in ("udp", "tcp")]},
            "http": {"listen": [f"{HOST}:{self.http_port}"]},
        }
        if self._ng_http:
            base["ng"] = {"listen": [f"udp:{HOST}:{self.port}", f"http:{HOST}:{self.ng_http_port}"]}
        if self._sip is not None:
            base["sip"] = {"listen": [f"{kind}:{HOST}:{self.sip_port}" for kind in ("udp", "tcp")], **self._sip}
        for section, table in [*_QUICK.items(), *self._settings.items()]:
            base[section] = {**base.get(section, {}), **table}
        sections = [f"[{section}]\n{_lines(table)}" for section, table in base.items()]
        return "\n".join([*sections, *(f"[[nodes]]\n{_lines(node.table())}" for node in self.nodes)])

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        faults = self.faults()
        await super().__aexit__(kind, error, trace)
        if error is None:
            assert not faults, faults


def _lines(table: Table) -> str:
    return "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())


def _toml(value: Value) -> str:
    # What JSON writes of the other types, TOML reads.
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {json.dumps(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
