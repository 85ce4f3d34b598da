"""The roster: which relay nodes there are to be, by the configuration and by what is decided beside it.

What is decided goes before what the configuration says, each thing by itself, until it is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from actors.engine_actor import OpenWay
from actors.engine_settings import EngineSettings
from actors.transports import open_transport
from engines.health import AdminState
from engines.sdp.tcp import TcpStreams
from engines.sets import NodeSpec
from events.names import NodeName
from events.node_events import NodeAdded
from replay.node_decisions import NodeDecisions
from replay.nodes import DecidedNodes

LEAST_TIMEOUT = 10
"""The shortest time (ms) in which a node may have to answer."""


@dataclass(frozen=True, slots=True)
class RosterNode:
    """A node that is to be there: its description, how it is talked to, and what is wanted of it (`settings.admin`).

    gone: it is none any more, and there for the calls that it has.
    """

    spec: NodeSpec
    settings: EngineSettings
    open_way: OpenWay = open_transport
    gone: bool = False

    def talks_as(self, other: RosterNode) -> bool:
        """Return whether an actor that was made for the other one does for this one, too."""
        return self._way() == other._way()

    def _way(self) -> tuple[object, ...]:
        spec, admin = self.spec, AdminState.ACTIVE
        return spec.engine, spec.url, spec.tcp_streams, replace(self.settings, admin=admin), self.open_way


def roster(configured: Sequence[RosterNode], decided: DecidedNodes) -> list[RosterNode]:
    """Return the nodes there are to be: those of the configuration in its order, then those that were added."""
    names = {node.spec.name for node in configured}
    others = [
        described(decisions.added)
        for name, decisions in decided.nodes.items()
        if decisions.added is not None and name not in names
    ]
    return [_decided(node, decided.nodes.get(node.spec.name)) for node in [*configured, *others]]


def described(added: NodeAdded) -> RosterNode:
    """Return an added node as it is described."""
    spec = NodeSpec(
        name=added.node,
        engine=added.engine,
        url=added.url,
        set=added.set,
        weight=added.weight,
        priority=added.priority,
        tcp_streams=TcpStreams(added.tcp_streams) if added.tcp_streams in list(TcpStreams) else TcpStreams.OFF,
    )
    # What stands in the journal may be another program's: none of it ends this one.
    timeout = max(added.timeout, LEAST_TIMEOUT) / 1000
    return RosterNode(spec, EngineSettings(timeout=timeout, max_in_flight=added.max_in_flight))


def _decided(node: RosterNode, decisions: NodeDecisions | None) -> RosterNode:
    if decisions is None:
        return node
    spec = replace(
        node.spec,
        weight=node.spec.weight if decisions.weight is None else decisions.weight,
        set=decisions.set or node.spec.set,
        priority=node.spec.priority if decisions.priority is None else decisions.priority,
    )
    admin = decisions.state or node.settings.admin
    if (decisions.leaving or decisions.removed) and admin is AdminState.ACTIVE:
        admin = AdminState.DRAINING
    return RosterNode(spec, replace(node.settings, admin=admin), node.open_way, gone=decisions.removed)


def overruled(configured: Sequence[RosterNode], decided: DecidedNodes) -> Iterator[tuple[NodeName, str]]:
    """Yield what the configuration says of nodes in vain, in words: another thing is decided."""
    for node in configured:
        decisions = decided.nodes.get(node.spec.name)
        if decisions is None:
            continue
        says = _decided(node, decisions)
        if says.gone:
            yield node.spec.name, "the node is removed"
            continue
        for what in ("weight", "set", "priority"):
            configured_as, decided_as = getattr(node.spec, what), getattr(says.spec, what)
            if configured_as != decided_as:
                yield node.spec.name, f"{what} is {decided_as}, not {configured_as}"
        if node.settings.admin is not says.settings.admin:
            yield node.spec.name, f"the node is {says.settings.admin}, not {node.settings.admin}"
