"""What is decided about relay nodes: the fold of the stream of their events, and nothing else.

What a configuration file says of a node is not in here: `actors/roster.py` puts the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from events.names import NodeName
from events.node_events import (
    AdminState,
    NodeAdded,
    NodeChanged,
    NodeEvent,
    NodeLeaving,
    NodeRemoved,
    NodeReset,
    NodesSummarized,
    NodeStateSet,
)
from events.records import Recorded
from replay.node_decisions import NodeDecisions, summed_up


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedNodes:
    """What is decided about all nodes, as of a version of the stream."""

    version: int = 0
    nodes: Mapping[NodeName, NodeDecisions] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def newest(self) -> Recorded | None:
        """The entry at the version; None if it is not known, since what is older than another one was summed up."""
        return next((one.last for one in self.nodes.values() if one.last.version == self.version), None)

    @property
    def removed(self) -> frozenset[NodeName]:
        """The nodes that are none any more, whatever a configuration says."""
        return frozenset(name for name, decisions in self.nodes.items() if decisions.removed)


NOTHING_DECIDED = DecidedNodes()


def fold_nodes(records: Iterable[Recorded], state: DecidedNodes = NOTHING_DECIDED) -> DecidedNodes:
    """Return what is decided after these entries, which follow those of `state`."""
    nodes, version = dict(state.nodes), state.version
    for record in records:
        version = record.version
        event = record.event
        if isinstance(event, NodesSummarized):
            nodes = summed_up(event)
        elif isinstance(event, NodeEvent):
            nodes[event.node] = _decided(nodes.get(event.node), record, event)
    return DecidedNodes(version=version, nodes=MappingProxyType(nodes))


def _decided(before: NodeDecisions | None, record: Recorded, event: NodeEvent) -> NodeDecisions:
    known = NodeDecisions(last=record) if before is None else replace(before, last=record)
    match event:
        case NodeRemoved():
            return NodeDecisions(added=known.added, removed=True, last=record)
        case NodeReset():
            return NodeDecisions(added=known.added, last=record)
        case NodeAdded():
            return NodeDecisions(added=event, last=record)
        case _:
            return _adjusted(known, event)


def _adjusted(known: NodeDecisions, event: NodeEvent) -> NodeDecisions:
    """Return what is decided of a node that stays, after another decision about it."""
    match event:
        case NodeStateSet():
            return replace(known, state=event.state, leaving=known.leaving and event.state is not AdminState.ACTIVE)
        case NodeChanged():
            return _changed(known, event)
        case NodeLeaving():
            return replace(known, leaving=True)
        case _:
            return known


def _changed(known: NodeDecisions, event: NodeChanged) -> NodeDecisions:
    return replace(
        known,
        weight=known.weight if event.weight is None else event.weight,
        set=known.set if event.set is None else event.set,
        priority=known.priority if event.priority is None else event.priority,
    )
