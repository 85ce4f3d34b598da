"""A control node in a process of its own: `rtp-relay serve`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from rtp_relay.assembly.embedded_nodes import end_all
from rtp_relay.config import Config, load
from tests.peers.datagram import Address
from tests.peers.ng_client import answers_ping
from tests.peers.peer import Peer
from tests.peers.ports import HOST

ROOT = Path(__file__).parents[2]


class ControlNode(Peer):
    """The service with everything embedded, or with what `more`, a part of a configuration file, says.

    `service` has further lines of the section of that name.
    """

    name = "control-node"

    def __init__(self, more: str = "", *, service: str = "") -> None:
        super().__init__(ports=200)
        self._more, self._service = more, service
        self.port = 0

    @property
    def address(self) -> Address:
        """Where its ng door listens."""
        return HOST, self.port

    @property
    def file(self) -> Path:
        """Its configuration."""
        return self.folder / "rtp-relay.toml"

    @property
    def config(self) -> Config:
        """Its configuration, read."""
        return load(self.file)

    def prepare(self) -> None:
        """Write the configuration."""
        self.port = self.ports.take()
        low, high = self.ports.rest()
        page = "" if "[web]" in self._more else '[web]\nbeside_serve = "never"\n'
        self.file.write_text(
            f'[service]\nname = "control-1"\nstate_dir = "{self.folder}"\nlog_format = "json"\n'
            f"{self._service}\n"
            f'[ng]\nlisten = ["udp:{HOST}:{self.port}"]\n[http]\nlisten = []\n'
            f'[embedded]\nmedia_ports = "{low}-{high}"\n{self._more}\n{page}'
        )

    def command(self) -> list[str]:
        """Return the command line; it runs from the sources."""
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from rtp_relay.cli import main; main()"
        return [sys.executable, "-c", program, "serve", "-c", str(self.file)]

    async def ready(self) -> bool:
        """Return whether it answers a ping."""
        return await answers_ping(self.address)

    def logged(self) -> list[dict[str, Any]]:
        """Return its log lines so far."""
        return [json.loads(line) for line in self.log(10_000).splitlines() if line.startswith("{")]

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        folder = self.folder
        try:
            self.kill()
            end_all(folder)
        finally:
            await super().__aexit__(kind, error, trace)


def serve(config: Path) -> subprocess.CompletedProcess[str]:
    """Run a service that is not to come up, and return how it ended."""
    command = [sys.executable, "-m", "rtp_relay", "serve", "-c", str(config)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
