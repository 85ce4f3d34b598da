"""A real rtpengine, in userspace."""

from __future__ import annotations

import re
import subprocess

from tests.peers.datagram import Address
from tests.peers.ng_client import NgClient, answers_ping
from tests.peers.peer import Peer
from tests.peers.ports import HOST


def release() -> tuple[int, ...]:
    """Return which release is installed: (10, 5), for one."""
    said = subprocess.run(["rtpengine", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)\.(\d+)", said.stdout + said.stderr)
    assert found, said
    return int(found[1]), int(found[2])


class Rtpengine(Peer):
    """An rtpengine that listens for ng over UDP (`address`) and TCP (`tcp_address`).

    `options` are those of its command line with `_` for `-`: `Rtpengine(max_sessions=2)`. A deleted session is gone
    at once, unless `delete_delay` says otherwise. `media_ports` is roughly the size of its own range for media; a
    call of two parties with one stream takes four. With `http` it listens for that, too (`http_port`).
    """

    name = "rtpengine"

    def __init__(self, *, media_ports: int = 90, http: bool = False, **options: str | int) -> None:
        super().__init__(ports=media_ports)
        self.port = 0
        self.tcp_port = 0
        self.http_port = 0
        self.media_ports = (0, 0)
        self._http = http
        self._options = options

    @property
    def address(self) -> Address:
        """Where it listens for ng over UDP."""
        return HOST, self.port

    @property
    def tcp_address(self) -> Address:
        """Where it listens for ng over TCP."""
        return HOST, self.tcp_port

    @property
    def url(self) -> str:
        """The address as SIP servers and our configuration write it."""
        return f"udp:{HOST}:{self.port}"

    def client(self, timeout: float = 1) -> NgClient:
        """Return an ng client, to be entered with `async with`."""
        return NgClient(self.address, timeout=timeout)

    async def sessions(self) -> list[str]:
        """Return the call-ids it holds."""
        async with self.client() as client:
            reply = await client.command("list", limit=100_000)
        calls = reply[b"calls"]
        assert isinstance(calls, list)
        return sorted(call.decode() for call in calls if isinstance(call, bytes))

    def prepare(self) -> None:
        """Take the ports."""
        self.port = self.ports.take()
        self.tcp_port = self.ports.take()
        if self._http:
            self.http_port = self.ports.take()
        self.media_ports = self.ports.rest()

    def command(self) -> list[str]:
        """Return the command line."""
        options: dict[str, str | int] = {
            "config-file": "none",
            "table": -1,
            "interface": HOST,
            "listen-ng": f"{HOST}:{self.port}",
            "listen-tcp-ng": f"{HOST}:{self.tcp_port}",
            "port-min": self.media_ports[0],
            "port-max": self.media_ports[1],
            "delete-delay": 0,
            "num-threads": 2,
        }
        if self._http:
            options["listen-http"] = f"{HOST}:{self.http_port}"
        options |= {key.replace("_", "-"): value for key, value in self._options.items()}
        return ["rtpengine", "--foreground", "--log-stderr", *(f"--{key}={value}" for key, value in options.items())]

    async def ready(self) -> bool:
        """Return whether it answers a ping."""
        return await answers_ping(self.address)
