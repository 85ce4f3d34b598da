"""A Redis Cluster of three masters."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import pairwise
from types import TracebackType
from typing import Self

from redis.asyncio import Redis

from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer

SLOTS = 16384


class ClusterNode(RedisServer):
    """One node of a cluster. Needs Redis 7, where the port of the cluster's bus can be chosen."""

    name = "redis-cluster-node"

    def __init__(self) -> None:
        super().__init__(appendonly=True, args=["--appendfsync", "always"])
        self.bus_port = 0

    def prepare(self) -> None:
        """Take both ports."""
        super().prepare()
        self.bus_port = self.ports.take()

    def command(self) -> list[str]:
        """Return the command line of a cluster's node."""
        cluster = {"enabled": "yes", "port": str(self.bus_port), "node-timeout": "2000", "config-file": "nodes.conf"}
        return super().command() + [word for key, value in cluster.items() for word in (f"--cluster-{key}", value)]


class RedisCluster:
    """Three masters without replicas that share all slots evenly; `nodes` can be killed and restarted singly."""

    def __init__(self) -> None:
        self.nodes = [ClusterNode() for _ in range(3)]
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """The address of one node, for `RedisCluster.from_url`."""
        return self.nodes[0].url

    async def __aenter__(self) -> Self:
        try:
            for node in self.nodes:
                await self._stack.enter_async_context(node)
            await self._join()
            await wait_until(self.whole, "all nodes of the cluster know all slots")
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def whole(self) -> bool:
        """Return whether every node sees three nodes and all slots served."""
        for node in self.nodes:
            async with node.client() as client:
                info = str(await _ask(client, "CLUSTER INFO"))
            if "'cluster_state': 'ok'" not in info or "'cluster_known_nodes': '3'" not in info:
                return False
        return True

    async def _join(self) -> None:
        bounds = pairwise(SLOTS * number // len(self.nodes) for number in range(len(self.nodes) + 1))
        for epoch, (node, (first, end)) in enumerate(zip(self.nodes, bounds, strict=True), start=1):
            async with node.client() as client:
                # Epochs of their own from the start: else the nodes settle a dispute first, which takes seconds.
                await _ask(client, "CLUSTER", "SET-CONFIG-EPOCH", epoch)
                await _ask(client, "CLUSTER", "ADDSLOTSRANGE", first, end - 1)
                if epoch > 1:
                    first_node = self.nodes[0]
                    await _ask(client, "CLUSTER", "MEET", HOST, first_node.port, first_node.bus_port)


async def _ask(client: Redis, *words: str | int) -> object:
    return await client.execute_command(*words)  # type: ignore[no-untyped-call]
