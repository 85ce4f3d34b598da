"""The relay nodes: an actor for each, with its socket open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from actors.engine import EngineActor, EngineSettings
from actors.nodes import Node, NodeTable
from engines.health import Health
from engines.sets import NodeSpec
from rtp_relay.assembly.errors import StartError
from rtp_relay.config import NodeConfig


@asynccontextmanager
async def open_nodes(configs: Sequence[NodeConfig]) -> AsyncIterator[NodeTable]:
    """Start the actors of nodes, and stop them in the end. Raises StartError for a name without an address."""
    table = NodeTable()
    try:
        for config in configs:
            node = _start(config)
            table.add(node)
            await _connect(node)
        yield table
    finally:
        for node in table.all():
            await node.actor.stop(block=False)


def _start(config: NodeConfig) -> Node:
    spec = NodeSpec(
        name=config.name, engine=config.engine.value, url=str(config.url), set=config.set, weight=config.weight
    )
    settings = EngineSettings(timeout=config.timeout, max_in_flight=config.max_in_flight)
    health = Health(since=asyncio.get_running_loop().time(), draining=config.draining)
    return Node(spec, health, EngineActor.start(spec, settings, health))


async def _connect(node: Node) -> None:
    try:
        # The proxy's future gives the coroutine, which runs here: no call knows the actor yet.
        await (await node.actor.proxy().connect())
    except OSError as error:
        raise StartError(f"node {node.spec.name} at {node.spec.url}: {error.strerror or error}") from error
