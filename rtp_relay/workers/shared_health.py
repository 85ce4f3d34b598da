"""How nodes are, shared between workers: a dead node is found out once, and an operator's word holds for all."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from pykka import ActorRef

from actors.messages import HealthChanged, HealthTold, Watch
from actors.node_table import NodeTable
from actors.runtime import LoopActor
from engines.health import AdminState, NodeState
from gateways.handoff.mesh import Kind, Mesh


class _Word(NamedTuple):
    """What is told of a node."""

    is_down: bool
    admin: AdminState


class _Watcher(LoopActor):
    """Takes the words of this worker's own nodes."""

    registered: ClassVar[bool] = False

    def __init__(self, shared: SharedHealth) -> None:
        super().__init__()
        self._shared = shared

    def on_receive(self, message: Any) -> None:
        """Tell the others."""
        if isinstance(message, HealthChanged):
            self._shared.changed(message)


class SharedHealth:
    """Tells the other workers what becomes of this one's nodes, and the nodes what the others tell."""

    def __init__(self, mesh: Mesh, nodes: NodeTable) -> None:
        self._mesh, self._nodes = mesh, nodes
        self._known: dict[str, _Word] = {}  # what the others know, from here or by themselves
        self._watcher: ActorRef[Any] = _Watcher.start(self)
        for node in nodes.all():
            node.actor.tell(Watch(self._watcher))
        mesh.on(Kind.NODE, self._told)
        mesh.watch(self)

    def changed(self, change: HealthChanged) -> None:
        """Tell the others how a node is, unless that is what they told."""
        word = _Word(change.health.state is NodeState.DOWN, change.health.admin)
        known = self._known.get(change.node)
        self._known[change.node] = word
        if known is not None and known != word:
            self._mesh.tell_all(Kind.NODE, change.node, *_fields(word), change.why)

    def joined(self, worker: int, *, is_new: bool) -> None:
        """Tell a new worker how all nodes are."""
        if is_new:
            for name, word in self._known.items():
                self._mesh.send(worker, Kind.NODE, name, *_fields(word), "known before")

    def left(self, worker: int) -> None:
        """Handle the end of a worker: what it told holds, until a probe of this one's tells better."""

    async def close(self) -> None:
        """Watch no more."""
        await self._watcher.stop(block=False)

    def _told(self, _worker: int, fields: list[Any]) -> None:
        name, is_down, admin, why = fields
        actor = self._nodes.actor(name)
        if actor is not None:
            self._known[name] = word = _Word(is_down, AdminState(admin))
            actor.tell(HealthTold(word.is_down, word.admin, why))


def _fields(word: _Word) -> tuple[bool, str]:
    return word.is_down, word.admin.value
