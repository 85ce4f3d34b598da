"""A real Prometheus."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession

from tests.peers.peer import Peer, PeerError
from tests.peers.ports import HOST

EXAMPLES = Path(__file__).parents[2] / "examples" / "prometheus"


class Prometheus(Peer):
    """Prometheus with the configuration and the rules of the examples, but for whom it scrapes, and each second."""

    name = "prometheus"

    def __init__(self, target: str) -> None:
        super().__init__()
        self._target = target
        self.port = 0

    @property
    def url(self) -> str:
        """Where its API is."""
        return f"http://{HOST}:{self.port}/api/v1"

    def prepare(self) -> None:
        """Write the configuration."""
        self.port = self.ports.take()
        text = (EXAMPLES / "prometheus.yml").read_text()
        for one, other in (("127.0.0.1:9223", self._target), ("scrape_interval: 15s", "scrape_interval: 1s")):
            assert one in text
            text = text.replace(one, other)
        text = text.replace("scrape_interval: 1s", "scrape_interval: 1s\n  evaluation_interval: 1s")
        (self.folder / "prometheus.yml").write_text(text)
        shutil.copy(EXAMPLES / "rtp-relay.rules.yml", self.folder)

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            "prometheus",
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
        ]

    async def ready(self) -> bool:
        """Return whether it has scraped its target."""
        try:
            return (await self.query('up{job="rtp-relay"}'))[:1] == [1.0]
        except (ClientError, OSError, PeerError):
            return False

    async def query(self, expression: str) -> list[float]:
        """Return the values of an instant query. Raises PeerError for one that it does not take."""
        data = await self._get("query", query=expression)
        return [float(each["value"][1]) for each in data["result"]]

    async def rules(self) -> Mapping[str, str]:
        """Return how each rule is: "ok", "unknown" or "err"."""
        groups = (await self._get("rules"))["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}

    async def _get(self, what: str, **parameters: str) -> Any:
        async with ClientSession() as client, client.get(f"{self.url}/{what}", params=parameters) as response:
            answer = await response.json()
        if answer["status"] != "success":
            raise PeerError(f"{parameters}: {answer.get('error')}")
        return answer["data"]
