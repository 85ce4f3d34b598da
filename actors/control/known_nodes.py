"""The relay nodes that there are, as far as anyone knows: control nodes, configurations, and what is decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from actors.control.status import ControlNodeStatus, NodeStatus
from actors.engine_settings import EngineSettings
from actors.node_table import Node
from actors.roster import RosterNode, roster
from engines.health import AdminState
from engines.sets import EVERY_SET, NodeSpec
from events.names import NodeName
from replay.nodes import DecidedNodes


def known_nodes(
    configured: Collection[NodeSpec],
    statuses: Sequence[ControlNodeStatus],
    here: Sequence[Node],
    decided: DecidedNodes,
) -> Mapping[NodeName, RosterNode]:
    """Return the nodes with as much as is known of each: its description, and what is wanted of it.

    statuses: what control nodes say of theirs. here: those that this process talks to. Later ones go before earlier
    ones, and what is decided before all of them.
    """
    known = {spec.name: _wanted(spec) for spec in configured}
    told = (node for status in statuses for node in status.nodes if not node.gone)
    known.update((NodeName(node.name), _wanted(_spec_of(node), node.admin)) for node in told)
    known.update((node.spec.name, _wanted(node.spec, node.health.admin)) for node in here if not node.gone)
    return {node.spec.name: node for node in roster(list(known.values()), decided) if not node.gone}


def no_such_node(given: str, known: Iterable[NodeSpec]) -> str:
    """Return that no node is named so, and which nodes there are."""
    named = ", ".join(f"{spec.name} ({spec.url})" for spec in known)
    return f"there is no node {given!r}; known ones: {named or 'none'}"


def why_no_calls(node: RosterNode) -> str:
    """Return why a node gets no new calls, however it is: it is not wanted to have any. "" if it is."""
    if node.settings.admin is not AdminState.ACTIVE:
        return f"it is {node.settings.admin}"
    return "" if node.spec.weight else "its weight is 0"


def closed_sets(nodes: Iterable[NodeStatus]) -> Sequence[str]:
    """Return the sets of which no node is to have new calls, however they are; one that is of every set is of each."""
    there = [node for node in nodes if not node.gone]
    is_open = {node.set for node in there if node.admin is AdminState.ACTIVE and node.weight}
    return [] if EVERY_SET in is_open else sorted({node.set for node in there} - is_open)


def _spec_of(node: NodeStatus) -> NodeSpec:
    return NodeSpec(name=NodeName(node.name), engine=node.engine, url=node.url, set=node.set, weight=node.weight)


def _wanted(spec: NodeSpec, admin: AdminState = AdminState.ACTIVE) -> RosterNode:
    return RosterNode(spec, EngineSettings(admin=admin))
