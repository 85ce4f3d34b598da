"""The relay nodes: an actor for each, with its socket open."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from actors.engine_actor import EngineActor, EngineSettings
from actors.node_table import Node, NodeTable
from actors.route_transport import way_to
from engines.health import AdminState, Hysteresis, NodeSnapshot, NodeState
from engines.route.kind import RouteKind
from engines.route.routes import Routes
from engines.sets import EVERY_SET, NodeSpec
from events.names import NodeName
from rtp_relay.assembly.errors import StartError, UnusableError
from rtp_relay.config import NodeConfig

ROUTE_NODE = NodeSpec(name=NodeName(RouteKind.name), engine=RouteKind.name, url="route:", set=EVERY_SET)
"""The node of the route engine: this program itself."""

ROUTE_GRACE = 1.0
"""So many seconds after a callable's time the node would count as silent; the callable's failure is told before."""

NEVER_DOWN = sys.maxsize
"""What a callable fails at is no fault of the node's, however often."""


@asynccontextmanager
async def open_nodes(
    configs: Sequence[NodeConfig], routes: Routes | None = None, route_timeout: float = 5.0
) -> AsyncIterator[NodeTable]:
    """Start the actors of nodes, and with `routes` that of the route engine; stop them in the end.

    `route_timeout` is what a callable may take, in seconds. Raises StartError for a name without an address.
    """
    table = NodeTable()
    try:
        if routes is not None:
            await _add(table, _start_route(configs, routes, route_timeout))
        for config in configs:
            await _add(table, _start(config))
        yield table
    finally:
        await table.close()


async def _add(table: NodeTable, node: Node) -> None:
    table.add(node)
    await _connect(node)


def _start_route(configs: Sequence[NodeConfig], routes: Routes, timeout: float) -> Node:
    if any(config.name == ROUTE_NODE.name for config in configs):
        raise UnusableError(f"a node of [[nodes]] is named {ROUTE_NODE.name}, as that of the route engine is")
    settings = EngineSettings(timeout=timeout + ROUTE_GRACE, down_after=NEVER_DOWN)
    return Node(ROUTE_NODE, EngineActor.start(ROUTE_NODE, settings, way_to(routes, timeout)))


def _start(config: NodeConfig) -> Node:
    spec = NodeSpec(
        name=config.name,
        engine=config.engine.value,
        url=str(config.url),
        set=config.set,
        weight=config.weight,
        tcp_streams=config.tcp_streams,
    )
    admin = AdminState.DRAINING if config.draining else AdminState.ACTIVE
    settings = EngineSettings(
        timeout=config.timeout,
        max_in_flight=config.max_in_flight,
        ping_every=config.ping_every,
        down_after=config.down_after,
        hysteresis=Hysteresis(window=config.flap_window, answers=config.flap_answers, hold=config.flap_hold),
        admin=admin,
    )
    health = NodeSnapshot(admin=admin, state=NodeState.DRAINING if config.draining else NodeState.UP)
    return Node(spec, EngineActor.start(spec, settings), health)


async def _connect(node: Node) -> None:
    try:
        # The proxy's future gives the coroutine, which runs here: no call knows the actor yet.
        await (await node.actor.proxy().connect())
    except OSError as error:
        raise StartError(f"node {node.spec.name} at {node.spec.url}: {error.strerror or error}") from error
