"""The nodes as calls see them: which there are, how they are, and the actor of each.

How a node is, its actor knows; the table has what it told last. A node's word is there before the outcome of the
operation that it came of, since both are messages and leave in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from actors.messages import HealthChanged, Retire, Watch
from actors.node_counters import AllNodeCounters
from actors.node_watcher import NodeWatcher
from actors.runtime.ref import LoopRef
from engines.health import NodeSnapshot
from engines.sets import EVERY_SET, NodeSpec, rank
from events.names import CallId


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its description, its actor, and how it is by the last word of that.

    gone: it is none any more, and there for the calls that it has; it gets no new ones.
    """

    spec: NodeSpec
    actor: LoopRef[Any]
    health: NodeSnapshot = NodeSnapshot()  # noqa: RUF009 - it is a value
    gone: bool = False


Told: TypeAlias = Callable[[Node, Node, str], None]
"""Takes a node as it was, as it is by its newest word, and why it is in another state. It must not raise."""


class NodeTable:
    """The nodes by name."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self._nodes: dict[str, Node] = {}
        self._reachable: frozenset[str] = frozenset()
        self._watcher: LoopRef[Any] | None = None
        for node in nodes:
            self.add(node)
        self._told: list[Told] = []
        self.counters = AllNodeCounters()
        """What was asked of the nodes."""
        self.notices = ""
        """Where nodes may tell that a session's media timed out (unix:PATH, tcp:HOST:PORT); "" for nowhere."""
        self.decided = 0
        """The version of the decisions about nodes that the table is as of (events.decisions)."""

    def add(self, node: Node) -> None:
        """Add a node, or put it in the place of one of its name, whose actor ends when what is under way there has.

        Calls that were placed before do not move.
        """
        before = self._nodes.get(node.spec.name)
        if before is not None:
            before.actor.tell(Retire())
        self._put(node)
        self._watcher = self._watcher or NodeWatcher.start(self.take)
        node.actor.tell(Watch(self._watcher))

    def change(self, name: str, spec: NodeSpec, *, gone: bool = False) -> None:
        """Change what is known of a node that is there; its actor stays."""
        self._put(replace(self._nodes[name], spec=spec, gone=gone))

    def remove(self, name: str) -> None:
        """Remove a node that no call needs any more; its actor ends when what is under way has."""
        node = self._nodes.pop(name)
        self.counters.forget(name)
        self._note_reachable()
        node.actor.tell(Retire())

    def take(self, change: HealthChanged) -> None:
        """Update a node's snapshot; one that is not in the table is ignored."""
        node = self._nodes.get(change.node)
        if node is not None:
            after = replace(node, health=change.health)
            self._put(after)
            for tell in self._told:
                tell(node, after, change.why)

    def watch(self, tell: Told) -> None:
        """Add one who is told of each word of a node."""
        self._told.append(tell)

    def _put(self, node: Node) -> None:
        self._nodes[node.spec.name] = node
        self._note_reachable()

    def _note_reachable(self) -> None:
        self._reachable = frozenset(name for name, one in self._nodes.items() if one.health.takes_commands)

    def actors(self) -> list[LoopRef[Any]]:
        """Return the nodes' actors, and last the one that watches them."""
        return [node.actor for node in self._nodes.values()] + ([self._watcher] if self._watcher else [])

    def all(self) -> list[Node]:
        """Return the nodes, in the order of the configuration."""
        return list(self._nodes.values())

    def node(self, name: str) -> Node | None:
        """Return a node, or None if there is none of that name."""
        return self._nodes.get(name)

    def actor(self, name: str) -> LoopRef[Any] | None:
        """Return the actor of a node, or None if there is no such node."""
        node = self._nodes.get(name)
        return node.actor if node else None

    @property
    def reachable(self) -> frozenset[str]:
        """The names of the nodes that take commands of the calls that are on them."""
        return self._reachable

    def candidates(self, set_name: str, call_id: CallId, engine: str = "") -> Sequence[NodeSpec]:
        """Return the nodes of a set that take new calls now, in the order in which this call prefers them.

        With `engine` only those of that kind; without it, none of those that are in every set.
        """
        fit = [
            node.spec
            for node in self._nodes.values()
            if _fits(node.spec, set_name, engine) and node.health.takes_new_calls and not node.gone
        ]
        return rank(call_id, fit) if len(fit) > 1 else [spec for spec in fit if spec.weight > 0]


def _fits(spec: NodeSpec, set_name: str, engine: str) -> bool:
    if spec.set == EVERY_SET:
        return spec.engine == engine
    return spec.set == set_name and engine in ("", spec.engine)
