"""The nodes that a control node has by its configuration: those of the start, or those that a reload brought since."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import structlog

from actors.node_follower import NodeFollower
from actors.node_keeper import NodeKeeper
from engines.route.routes import Routes
from events.journal import Journal
from rtp_relay.assembly.nodes import begin_following, configured_nodes
from rtp_relay.config import Config, NodeConfig

log = structlog.get_logger()


class ConfiguredNodes:
    """Has them followed, with what operators decide about nodes. `changed` is called when nodes come, change or go."""

    def __init__(self, config: Config, changed: Callable[[], None]) -> None:
        self._config, self._changed = config, changed
        self._routes: Routes | None = None
        self._follower: NodeFollower | None = None
        self._reloaded: tuple[NodeConfig, ...] | None = None
        self._taking: asyncio.Task[None] | None = None

    async def follow(
        self,
        nodes: Sequence[NodeConfig],
        routes: Routes | None,
        journal: Journal,
        keeper: NodeKeeper,
        now: Callable[[], int],
    ) -> NodeFollower:
        """Open the nodes of the start, and with `routes` the route engine's; begin to follow. Raises StartError."""
        self._routes = routes
        configured = configured_nodes(nodes, routes, self._config.route.timeout)
        name = self._config.service.name
        follower = NodeFollower(journal, keeper, configured, name=name, now=now, changed=self._changed)
        await begin_following(follower)
        self._follower = follower
        return follower

    def reload(self, nodes: tuple[NodeConfig, ...]) -> None:
        """Begin to take other nodes."""
        self._reloaded = nodes
        self._taking = asyncio.get_running_loop().create_task(self.take())

    async def taken(self) -> None:
        """Wait until the nodes of the newest reload are taken."""
        if self._taking is not None:
            await asyncio.wait([self._taking])

    async def take(self) -> None:
        """Take the nodes of the newest reload, if there was one; not yet while those of the start are being opened."""
        if self._follower is None or self._reloaded is None:
            return
        await self._follower.configure(configured_nodes(self._reloaded, self._routes, self._config.route.timeout))
        self._changed()
        log.info("nodes reloaded", nodes=[node.name for node in self._reloaded])

    def metrics_pages(self) -> Mapping[str, str]:
        """Return where the nodes that are configured by now, and not removed, tell of themselves."""
        nodes = self._config.nodes if self._reloaded is None else self._reloaded
        removed = () if self._follower is None else self._follower.decided.removed
        return {node.name: node.metrics for node in nodes if node.metrics and node.name not in removed}
