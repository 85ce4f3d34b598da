"""What several places of the page read of the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from actors.control.control import Control
from actors.control.status import ControlNodeStatus, NodeStatus, merged, together
from events.names import NodeName
from events.values import value
from replay.node_decisions import NodeDecisions


@value
class Cluster:
    """The control nodes by service, the relay nodes as the worst of them sees each, and what is decided about these."""

    services: Mapping[str, Sequence[ControlNodeStatus]]
    nodes: Sequence[NodeStatus]
    decided: Mapping[NodeName, NodeDecisions]
    calls: Mapping[str, int]

    @property
    def total(self) -> int:
        """So many calls are live."""
        return self.calls.get("", 0)

    def seen(self, node: str) -> Sequence[tuple[str, NodeStatus]]:
        """Return how each service sees a node."""
        views = ((name, merged(name, workers).nodes) for name, workers in self.services.items())
        return [(name, one) for name, nodes in views for one in nodes if one.name == node]


async def cluster_of(control: Control) -> Cluster:
    """Read how all nodes are. A status that is none of ours counts as none. Raises JournalError."""
    try:
        statuses = await control.control_nodes()
    except ValueError:
        statuses = []
    decided = (await control.steering.decided()).nodes
    nodes = merged("", statuses).nodes if statuses else ()
    return Cluster(together(statuses), nodes, decided, await control.count_calls())
