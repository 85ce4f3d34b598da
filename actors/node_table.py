"""The nodes as calls see them: which there are, how they are, and the actor of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pykka import ActorRef

from engines.health import Health
from engines.sets import EVERY_SET, NodeSpec, rank


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the configuration: its description, its health (which its actor keeps) and its actor."""

    spec: NodeSpec
    health: Health
    actor: ActorRef[Any]


class NodeTable:
    """The nodes by name."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self._nodes = {node.spec.name: node for node in nodes}
        self.notices = ""
        """Where nodes may tell that a session's media timed out (unix:PATH, tcp:HOST:PORT); "" for nowhere."""

    def add(self, node: Node) -> None:
        """Add a node. Calls that were placed before do not move."""
        self._nodes[node.spec.name] = node

    def all(self) -> list[Node]:
        """Return the nodes, in the order of the configuration."""
        return list(self._nodes.values())

    def actor(self, name: str) -> ActorRef[Any] | None:
        """Return the actor of a node, or None if the configuration has no such node."""
        node = self._nodes.get(name)
        return node.actor if node else None

    def reachable(self, name: str) -> bool:
        """Return whether commands of a call that is on the node can be sent to it now."""
        node = self._nodes.get(name)
        return node is not None and node.health.takes_commands

    def candidates(self, set_name: str, call_id: str, engine: str = "") -> Sequence[NodeSpec]:
        """Return the nodes of a set that take new calls now, in the order in which this call prefers them.

        With `engine` only those of that kind; without it, none of those that are in every set.
        """
        fit = [
            node.spec
            for node in self._nodes.values()
            if _fits(node.spec, set_name, engine) and node.health.takes_new_calls
        ]
        return rank(call_id, fit) if len(fit) > 1 else [spec for spec in fit if spec.weight > 0]


def _fits(spec: NodeSpec, set_name: str, engine: str) -> bool:
    if spec.set == EVERY_SET:
        return spec.engine == engine
    return spec.set == set_name and engine in ("", spec.engine)
