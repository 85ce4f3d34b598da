"""How the relay nodes are, as samples."""

from __future__ import annotations

from collections.abc import Iterator

from actors.control.counters import Sample, Together
from actors.node_table import NodeTable
from engines.health import NodeState


class NodeGauges:
    """The nodes as the table has them; of several workers, as the one sees them that thinks least of them."""

    def __init__(self, nodes: NodeTable) -> None:
        self._nodes = nodes

    def samples(self) -> Iterator[Sample]:
        """Return the samples."""
        for node in self._nodes.all():
            spec, name = node.spec, (("node", str(node.spec.name)),)
            yield Sample("node", "up", int(node.health.takes_commands), name, gauge=True, together=Together.LEAST)
            info = (*name, ("engine", str(spec.engine)), ("set", spec.set))
            yield Sample("node", "info", 1, info, gauge=True, together=Together.MOST)
            yield Sample("node", "weight", spec.weight, name, gauge=True, together=Together.MOST)
            for state in NodeState:
                labels = (*name, ("state", str(state)))
                is_in = int(node.health.state is state)
                yield Sample("node", "state", is_in, labels, gauge=True, together=Together.MOST)
