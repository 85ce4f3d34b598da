"""Keeps the node table as the roster says: actors of nodes come, change and go while calls go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from actors.engine_actor import EngineActor, OpenWay
from actors.messages import SetAdminState
from actors.node_table import Node, NodeTable
from actors.roster import RosterNode
from actors.transports import open_transport
from engines.health import AdminState, NodeSnapshot, NodeState
from engines.sets import NodeSpec
from events.names import NodeName

log = structlog.get_logger()

BY_CONFIGURATION = "by the configuration"

_AT_FIRST = {
    AdminState.ACTIVE: NodeState.UP,
    AdminState.DRAINING: NodeState.DRAINING,
    AdminState.DISABLED: NodeState.DISABLED,
}


@dataclass(frozen=True, slots=True)
class Unopened:
    """A node whose socket cannot be opened: its host has no address. `why` says more."""

    spec: NodeSpec
    why: str


class NodeKeeper:
    """The one who changes a node table. A node that is gone stays until it is let go."""

    def __init__(self, table: NodeTable) -> None:
        self.table = table
        self._kept: dict[NodeName, RosterNode] = {}
        self.patience: float | None = None
        """For how many seconds a node's host may be looked for; None for as long as it takes."""
        self.way_to: Callable[[RosterNode], OpenWay] = lambda node: node.open_way
        """Gives what opens the way to a node, for who listens to what is said on it."""

    async def keep(
        self, wanted: Sequence[RosterNode], calls: Mapping[str, int], why: Mapping[NodeName, str]
    ) -> list[Unopened]:
        """Make the table what is wanted; return the nodes that cannot be had, which are left out.

        calls: how many calls are on each node. One that is gone is opened only if it has some. why: the reasons of
        states, for the log. What needs no socket is done first, for an address may be long in coming.
        """
        left = [_gone(node) for name, node in self._kept.items() if name not in {one.spec.name for one in wanted}]
        to_open: list[RosterNode] = []
        for node in (*wanted, *left):
            kept = self._kept.get(node.spec.name)
            if kept is not None and kept.talks_as(node):
                self._change(kept, node, why.get(node.spec.name, BY_CONFIGURATION))
            elif kept is not None or not node.gone or calls.get(node.spec.name):
                to_open.append(node)
        return [unopened for node in to_open if (unopened := await self._try_to_open(node)) is not None]

    @property
    def slowest(self) -> float:
        """The longest time, in seconds, that a command to one of the nodes elsewhere may take."""
        elsewhere = (node for node in self._kept.values() if node.open_way is open_transport)
        return max((node.settings.timeout for node in elsewhere), default=0.0)

    @property
    def gone(self) -> list[NodeName]:
        """The nodes that are none any more, and that may have calls."""
        return [name for name, node in self._kept.items() if node.gone]

    def let_go(self, names: Iterable[NodeName]) -> None:
        """Remove nodes that are gone and that no call needs."""
        for name in names:
            log.info("node removed", node=name)
            del self._kept[name]
            self.table.remove(name)

    def _change(self, kept: RosterNode, node: RosterNode, why: str) -> None:
        """Change how a node takes part, whose actor stays."""
        name, admin = node.spec.name, node.settings.admin
        actor = self.table.actor(name)
        if actor is not None and kept.settings.admin is not admin:
            actor.tell(SetAdminState(admin, why))
        if kept != node:
            self.table.change(name, node.spec, gone=node.gone)
        self._kept[name] = node

    async def _try_to_open(self, node: RosterNode) -> Unopened | None:
        try:
            async with asyncio.timeout(self.patience):
                await self._open(node)
        except OSError as error:
            return Unopened(node.spec, error.strerror or str(error) or "its host is not found in time")
        except (LookupError, ValueError) as error:  # no engine, or no url, that this program knows
            return Unopened(node.spec, str(error))
        self._kept[node.spec.name] = node
        return None

    async def _open(self, node: RosterNode) -> None:
        """Give a node an actor, in place of the one that it may have."""
        actor = EngineActor.start(node.spec, node.settings, self.way_to(node), self.table.counters.of(node.spec.name))
        try:
            # The proxy's future gives the coroutine, which runs here: no call knows the actor yet.
            await (await actor.proxy().connect())
        except BaseException:
            actor.stop(block=False)
            raise
        admin = node.settings.admin
        self.table.add(Node(node.spec, actor, NodeSnapshot(admin=admin, state=_AT_FIRST[admin]), node.gone))


def _gone(node: RosterNode) -> RosterNode:
    admin = AdminState.DRAINING if node.settings.admin is AdminState.ACTIVE else node.settings.admin
    return replace(node, settings=replace(node.settings, admin=admin), gone=True)
