"""What the demonstration runs: a service with everything embedded, in a folder and on ports of its own."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from rtp_relay.assembly.embedded_nodes import end_all
from rtp_relay.config import Config, load
from rtp_relay.demo.doors import DoorName
from rtp_relay.demo.party import Address

MEDIA_PORTS = 400
STOP_TIMEOUT = 15.0

_CONFIG = """\
[service]
name = "demo"
state_dir = "state"
log_format = "json"

[{door}]
listen = ["udp:127.0.0.1:{port}"]
{also}

[http]
listen = []

[embedded]
relays = 2
media_ports = "{first_port}-{last_port}"

[web]
beside_serve = "never"
"""

_NO_NG = """
[ng]
listen = []
"""


class Stage:
    """The folder, the configuration, and the service's process. `clear` ends all that runs there."""

    def __init__(self, door: DoorName) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rtp-relay-demo-"))
        self.door: Address = ("127.0.0.1", _free_port())
        self._file = self.folder / "rtp-relay.toml"
        first = random.randrange(
            20000, 31000, 2
        )  # below the ports that systems give to clients; relays skip taken ones
        values = {"door": door, "also": _NO_NG if door is DoorName.SIP else "", "port": self.door[1]}
        self._file.write_text(_CONFIG.format(**values, first_port=first, last_port=first + MEDIA_PORTS - 1))
        self.config: Config = load(self._file)
        self._service: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start the service, and return its process id. It may not be ready yet."""
        with (self.folder / "service.log").open("ab") as log:
            self._service = subprocess.Popen(
                [sys.executable, "-m", "rtp_relay", "serve", "-c", self._file],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": _python_path()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demonstration, which ends it in order
            )
        return self._service.pid

    def ended(self) -> int | None:
        """Return the service's exit code (of a signal: negative), or None while it runs."""
        return self._service.poll() if self._service else None

    def end(self, number: signal.Signals) -> int:
        """Send the service a signal, and return its exit code. Raises TimeoutExpired."""
        assert self._service is not None, "not started"
        self._service.send_signal(number)
        return self._service.wait(STOP_TIMEOUT)

    def last_words(self) -> str:
        """Return the last line that the service has written."""
        file = self.folder / "service.log"
        lines = file.read_text(errors="replace").strip().splitlines() if file.exists() else []
        return lines[-1] if lines else "it says nothing"

    def clear(self, *, keep: bool) -> None:
        """End the service, its Redis and its relays if any of them still runs; remove the folder unless `keep`."""
        if self._service is not None and self._service.poll() is None:
            self._service.kill()
            self._service.wait()
        if self.config.service.state_dir.exists():
            end_all(self.config.service.state_dir)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    """Return a UDP port below those that systems give to clients, so that none of them takes it before the service."""
    for port in random.sample(range(10000, 20000), 100):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port between 10000 and 20000")


def _python_path() -> str:
    """Return the PYTHONPATH with which the service's process finds this program from another folder."""
    here = str(Path(__file__).parents[2])
    inherited = os.environ.get("PYTHONPATH")
    return f"{here}{os.pathsep}{inherited}" if inherited else here
