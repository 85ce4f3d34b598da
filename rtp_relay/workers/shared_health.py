"""How nodes are, shared between workers: a dead node is found out once. What operators want, the journal tells all."""

from __future__ import annotations

from typing import Any

from actors.messages import HealthTold
from actors.node_table import Node, NodeTable
from engines.health import NodeState
from gateways.handoff.mesh import Kind, Mesh


class SharedHealth:
    """Tells the other workers what becomes of this one's nodes, and the nodes what the others tell."""

    def __init__(self, mesh: Mesh, nodes: NodeTable) -> None:
        self._mesh, self._nodes = mesh, nodes
        # Whether each is down: what the others know, from here or by themselves.
        self._known = {node.spec.name: node.health.state is NodeState.DOWN for node in nodes.all()}
        nodes.watch(self._changed)
        mesh.on(Kind.NODE, self._told)
        mesh.watch(self)

    def _changed(self, _before: Node, node: Node, why: str) -> None:
        """Tell the others how a node is, unless that is what they told. Of a disabled one nothing is found out."""
        if node.health.state is NodeState.DISABLED:
            return
        name, is_down = node.spec.name, node.health.state is NodeState.DOWN
        known = self._known.get(name)
        self._known[name] = is_down
        if known is not None and known != is_down:
            self._mesh.tell_all(Kind.NODE, name, is_down, why)

    def joined(self, worker: int, *, is_new: bool) -> None:
        """Tell a new worker how all nodes are."""
        if is_new:
            for name, is_down in self._known.items():
                self._mesh.send(worker, Kind.NODE, name, is_down, "known before")

    def left(self, worker: int) -> None:
        """Handle the end of a worker: what it told holds, until a probe of this one's tells better."""

    def _told(self, _worker: int, fields: list[Any]) -> None:
        name, is_down, why = fields
        actor = self._nodes.actor(name)
        if actor is not None:
            self._known[name] = is_down
            actor.tell(HealthTold(is_down, why))
