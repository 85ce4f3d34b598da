"""What is decided about one node, and how a summary of decisions has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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
    NodeSummary,
)
from events.records import Recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDecisions:
    """What is decided about one node. None: nothing is, so that what its description says holds.

    added: its description, where it was added beside the configurations. leaving: it is removed when it has no calls.
    removed: it is none any more. last: the newest decision, with who wanted it, when and why.
    """

    state: AdminState | None = None
    weight: int | None = None
    set: str | None = None
    priority: int | None = None
    added: NodeAdded | None = None
    leaving: bool = False
    removed: bool = False
    last: Recorded

    @property
    def last_event(self) -> NodeEvent:
        """The newest decision."""
        assert isinstance(self.last.event, NodeEvent)
        return self.last.event

    @property
    def says_nothing(self) -> bool:
        """Whether all that was decided is taken back, and only the word that it is is left."""
        nothing = NodeDecisions(last=self.last)
        return self == nothing and isinstance(self.last.event, NodeReset)

    @property
    def is_over(self) -> bool:
        """Whether the node was there only because it was decided, and is there no more."""
        return self.removed and self.added is not None


def summary_of(decisions: NodeDecisions) -> NodeSummary:
    """Return what a summary has of a node."""
    last, event = decisions.last, decisions.last_event
    return NodeSummary(
        node=event.node,
        state=decisions.state,
        weight=decisions.weight,
        set=decisions.set,
        priority=decisions.priority,
        added=decisions.added,
        is_leaving=decisions.leaving,
        is_removed=decisions.removed,
        version=last.version,
        at=last.at,
        by=last.by,
        state_set=event if isinstance(event, NodeStateSet) else None,
        change=event if isinstance(event, NodeChanged) else None,
        addition=event if isinstance(event, NodeAdded) else None,
        leaving=event if isinstance(event, NodeLeaving) else None,
        removal=event if isinstance(event, NodeRemoved) else None,
        reset=event if isinstance(event, NodeReset) else None,
    )


def summed_up(summary: NodesSummarized) -> dict[NodeName, NodeDecisions]:
    """Return what is decided about each node of a summary."""
    return {node.node: _decisions(node) for node in summary.nodes}


def _decisions(node: NodeSummary) -> NodeDecisions:
    return NodeDecisions(
        state=node.state,
        weight=node.weight,
        set=node.set,
        priority=node.priority,
        added=node.added,
        leaving=node.is_leaving,
        removed=node.is_removed,
        last=Recorded(node.version, node.at, node.by, _last_event(node)),
    )


def _last_event(node: NodeSummary) -> NodeEvent:
    events = (node.state_set, node.change, node.addition, node.leaving, node.removal)
    event = next((event for event in events if event is not None), node.reset)
    # What stands in the journal may be another program's: none of it ends this one.
    return NodeReset(node=node.node, asked_by="") if event is None else event


def told_again(nodes: Mapping[NodeName, NodeDecisions], version: int) -> list[Recorded]:
    """Return entries that come to these decisions, in a stream that has nothing of them and is at a version."""
    told: list[Recorded] = []
    for decisions in nodes.values():
        last = decisions.last
        for event in _events_of(decisions):
            told.append(Recorded(version + len(told) + 1, last.at, last.by, event))
    return told


def _events_of(decisions: NodeDecisions) -> Iterator[NodeEvent]:
    """Return events that come to what is decided about a node; the newest decision is the last of them."""
    last = decisions.last_event
    node, asked_by, reason = last.node, last.asked_by, last.reason
    added, state = decisions.added, decisions.state
    if added is not None and added != last:
        yield added
    if decisions.removed and not isinstance(last, NodeRemoved):
        yield NodeRemoved(node=node, asked_by=asked_by, reason=reason)
    if state is not None and not isinstance(last, NodeStateSet):
        yield NodeStateSet(node=node, asked_by=asked_by, reason=reason, state=state)
    shares = decisions.weight, decisions.set, decisions.priority
    if shares != (None, None, None):
        weight, set_name, priority = shares
        yield NodeChanged(node=node, asked_by=asked_by, reason=reason, weight=weight, set=set_name, priority=priority)
    if decisions.leaving and not isinstance(last, NodeLeaving):
        yield NodeLeaving(node=node, asked_by=asked_by, reason=reason)
    yield last
