"""Asking all nodes the same at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, ClassVar

from pykka import ActorDeadError

from actors.effects import Outcome
from actors.messages import Perform, Performed
from actors.node_table import Node
from actors.runtime import LoopActor
from engines.kind import Operation

PATIENCE = 10.0
"""Seconds after which a node's actor that has not said how it ended, since it was stopped meanwhile, is left out."""


class SurveyActor(LoopActor):
    """Tells every node to perform an operation, and collects how it ended in the order of the nodes."""

    registered: ClassVar[bool] = False

    def __init__(
        self, nodes: Sequence[Node], operation: Operation, outcomes: list[Outcome], complete: asyncio.Event
    ) -> None:
        super().__init__()
        self._nodes, self._operation, self._outcomes, self._complete = nodes, operation, outcomes, complete
        self._missing = set(range(len(nodes)))

    def on_start(self) -> None:
        """Ask."""
        for place, node in enumerate(self._nodes):
            try:
                node.actor.tell(Perform(self._operation, self.actor_ref, place))
            except ActorDeadError:
                self._missing.discard(place)
        self._check()

    def on_receive(self, message: Any) -> None:
        """Add an outcome."""
        if isinstance(message, Performed):
            self._outcomes[message.token] = message.outcome
            self._missing.discard(message.token)
            self._check()

    def _check(self) -> None:
        if not self._missing:
            self._complete.set()


async def survey(nodes: Sequence[Node], operation: Operation, patience: float = PATIENCE) -> list[Outcome]:
    """Ask all nodes at once, and wait for each to answer or to be given up by its actor."""
    outcomes = [Outcome(reached=False, reason="has stopped")] * len(nodes)
    complete = asyncio.Event()
    actor = SurveyActor.start(nodes, operation, outcomes, complete)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(complete.wait(), patience)
    actor.stop(block=False)
    return outcomes
