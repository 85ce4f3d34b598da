"""The actor that watches the nodes, and the end of all of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from actors.messages import HealthChanged
from actors.runtime import LoopActor
from actors.runtime.ref import LoopRef


class NodeWatcher(LoopActor):
    """Takes the nodes' words for their table."""

    registered: ClassVar[bool] = False

    def __init__(self, take: Callable[[HealthChanged], None]) -> None:
        super().__init__()
        self._take = take

    def on_receive(self, message: Any) -> None:
        """Hand a node's message to the table."""
        if isinstance(message, HealthChanged):
            self._take(message)


async def stop(actors: Iterable[LoopRef[Any]]) -> None:
    """Stop actors, one after the other."""
    for actor in actors:
        await actor.stop(block=False)
