"""The relay nodes as configured, and opened: an actor for each, with its socket open."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from actors.engine_settings import EngineSettings
from actors.node_follower import NodeFollower, complain
from actors.node_keeper import NodeKeeper, Unopened
from actors.node_table import NodeTable
from actors.node_watcher import stop
from actors.roster import RosterNode
from actors.route_transport import way_to
from engines.health import AdminState, Hysteresis
from engines.route.kind import RouteKind
from engines.route.routes import Routes
from engines.sets import EVERY_SET, NodeSpec
from events.journal import Journal, JournalUnavailable
from events.names import NodeName
from rtp_relay.assembly.errors import StartError, UnreachableError, UnusableError, what_ails
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
    """Start the actors of nodes as configured, and with `routes` that of the route engine; stop them in the end.

    `route_timeout` is what a callable may take, in seconds. Raises StartError for a name without an address.
    """
    async with node_keeper() as keeper:
        refuse_unopened(await keeper.keep(configured_nodes(configs, routes, route_timeout), {}, {}))
        yield keeper.table


@asynccontextmanager
async def node_keeper() -> AsyncIterator[NodeKeeper]:
    """Return the keeper of a node table; stop the nodes' actors in the end."""
    table = NodeTable()
    try:
        yield NodeKeeper(table)
    finally:
        await stop(table.actors())


@asynccontextmanager
async def nodes_beside(
    journal: Journal, configured: Sequence[RosterNode], name: str, now: Callable[[], int]
) -> AsyncIterator[NodeTable]:
    """Open the configured nodes and those that are decided beside them, with sockets of their own; close them again.

    What becomes of commands there says nothing to those who serve calls. The route engine's node is left out. Raises
    StartError.
    """
    relays = [node for node in configured if node.spec.engine != RouteKind.name]
    async with node_keeper() as keeper:
        await begin_following(NodeFollower(journal, keeper, relays, name=name, now=now))
        yield keeper.table


async def begin_following(follower: NodeFollower) -> None:
    """Open the nodes as they are decided. Raises StartError for a configured one that cannot be opened.

    One that was added beside the configuration is tried again: it is no reason not to serve calls on others.
    """
    names = {node.spec.name for node in follower.configured}
    try:
        unopened = await follower.begin()
    except JournalUnavailable as error:
        raise UnreachableError(f"the journal {what_ails(error)}") from error
    refuse_unopened([node for node in unopened if node.spec.name in names])
    complain(unopened)


def refuse_unopened(unopened: Sequence[Unopened]) -> None:
    """Raise StartError for a node that cannot be opened."""
    for node in unopened:
        raise StartError(f"node {node.spec.name} at {node.spec.url}: {node.why}")


def configured_nodes(
    configs: Sequence[NodeConfig], routes: Routes | None = None, route_timeout: float = 5.0
) -> list[RosterNode]:
    """Return the nodes that the configuration has. Raises UnusableError if two have one name."""
    nodes = [_configured(config) for config in configs]
    return nodes if routes is None else [_of_routes(configs, routes, route_timeout), *nodes]


def _of_routes(configs: Sequence[NodeConfig], routes: Routes, timeout: float) -> RosterNode:
    if any(config.name == ROUTE_NODE.name for config in configs):
        raise UnusableError(f"a node of [[nodes]] is named {ROUTE_NODE.name}, as that of the route engine is")
    settings = EngineSettings(timeout=timeout + ROUTE_GRACE, down_after=NEVER_DOWN)
    return RosterNode(ROUTE_NODE, settings, way_to(routes, timeout))


def spec_of(config: NodeConfig) -> NodeSpec:
    """Return the description of a configured node."""
    return NodeSpec(
        name=config.name,
        engine=config.engine.value,
        url=str(config.url),
        set=config.set,
        weight=config.weight,
        priority=config.priority,
        tcp_streams=config.tcp_streams,
    )


def _configured(config: NodeConfig) -> RosterNode:
    admin = AdminState.DRAINING if config.draining else AdminState.ACTIVE
    settings = EngineSettings(
        timeout=config.timeout,
        max_in_flight=config.max_in_flight,
        ping_every=config.ping_every,
        down_after=config.down_after,
        hysteresis=Hysteresis(window=config.flap_window, answers=config.flap_answers, hold=config.flap_hold),
        admin=admin,
    )
    return RosterNode(spec_of(config), settings)
