"""The events of relay nodes: what operators decide about them, for all control nodes.

They stand in one stream, `NODES`, of their own (events.decisions). Each says who asked for it, and why. What is older
than anybody asks about is summed up in `NodesSummarized`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from events.event import Event, Summary
from events.names import NodeName
from events.values import value


class AdminState(StrEnum):
    """What an operator wants of a node.

    ACTIVE: it serves and gets new calls. DRAINING: it serves the calls it has. DISABLED: it is asked for nothing but
    the removal of what it has.
    """

    ACTIVE = "active"
    DRAINING = "draining"
    DISABLED = "disabled"


@value(kw_only=True)
class NodeEvent(Event):
    """Base of what is decided about a node. asked_by: who wanted it, and by which way. reason: why, in their words."""

    node: NodeName
    asked_by: str
    reason: str = ""


@value(kw_only=True)
class NodeStateSet(NodeEvent):
    """The node is to be active, draining or disabled. ACTIVE also takes back that it is to leave."""

    name: ClassVar[str] = "node state set"

    state: AdminState


@value(kw_only=True)
class NodeChanged(NodeEvent):
    """How the node takes part in the choice for new calls is another than configured; None leaves it as it was."""

    name: ClassVar[str] = "node changed"

    weight: int | None = None
    set: str | None = None
    priority: int | None = None


@value(kw_only=True)
class NodeAdded(NodeEvent):
    """There is a node beside those of the configuration. What was decided about one of that name before is over.

    timeout: in ms. The fields are those of the node's table in the configuration.
    """

    name: ClassVar[str] = "node added"

    engine: str
    url: str
    set: str = "default"
    weight: int = 1
    priority: int = 0
    timeout: int = 1500
    max_in_flight: int = 1000
    tcp_streams: str = "off"


@value(kw_only=True)
class NodeLeaving(NodeEvent):
    """The node gets no new calls, and is removed when it has none left."""

    name: ClassVar[str] = "node leaving"


@value(kw_only=True)
class NodeRemoved(NodeEvent):
    """The node is none any more, whatever configurations say. What was decided about it before is over."""

    name: ClassVar[str] = "node removed"


@value(kw_only=True)
class NodeReset(NodeEvent):
    """All that was decided about the node is taken back: what the configuration says of it holds again."""

    name: ClassVar[str] = "node reset"


NODE_EVENT_TYPES: tuple[type[NodeEvent], ...] = (
    NodeStateSet,
    NodeChanged,
    NodeAdded,
    NodeLeaving,
    NodeRemoved,
    NodeReset,
)


@value(kw_only=True)
class NodeSummary:
    """What is decided about a node, as `replay.nodes.NodeDecisions` has it.

    version, at, by: where the newest decision stood, as a record has them; what was decided is in the last one of the
    fields that is not None, from `state_set` on.
    """

    node: NodeName
    state: AdminState | None = None
    weight: int | None = None
    set: str | None = None
    priority: int | None = None
    added: NodeAdded | None = None
    is_leaving: bool = False
    is_removed: bool = False
    version: int
    at: int
    by: str
    state_set: NodeStateSet | None = None
    change: NodeChanged | None = None
    addition: NodeAdded | None = None
    leaving: NodeLeaving | None = None
    removal: NodeRemoved | None = None
    reset: NodeReset | None = None


@value(kw_only=True)
class NodesSummarized(Summary):
    """What all decisions up to here come to. A node of which nothing is left to say is not among them.

    Whoever raises the schema of an event that a NodeSummary holds raises this one's, too.
    """

    name: ClassVar[str] = "nodes summarized"

    nodes: tuple[NodeSummary, ...] = ()
