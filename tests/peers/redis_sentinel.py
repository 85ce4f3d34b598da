"""A Redis Sentinel."""

from __future__ import annotations

from pathlib import Path

from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer


class Sentinel(RedisServer):
    """One sentinel that guards a master under the name "journal"."""

    name = "redis-sentinel"

    def __init__(self, master: RedisServer) -> None:
        super().__init__()
        self._master = master

    def prepare(self) -> None:
        super().prepare()
        self._configuration.write_text(
            f"port {self.port}\nbind {HOST}\nsentinel monitor journal {HOST} {self._master.port} 1\n"
        )

    @property
    def _configuration(self) -> Path:
        return self.folder / "sentinel.conf"

    def command(self) -> list[str]:
        return [self.binary, str(self._configuration), "--sentinel"]

    @property
    def journal_url(self) -> str:
        """The address as our configuration writes it."""
        return f"redis+sentinel://{HOST}:{self.port}/journal"

    async def knows_replica(self) -> bool:
        async with self.client() as client:
            replicas = await client.execute_command("SENTINEL", "REPLICAS", "journal")  # type: ignore[no-untyped-call]
        return bool(replicas) and "'master-link-status': 'ok'" in str(replicas).replace("b'", "'")
