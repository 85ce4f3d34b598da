"""Asking several nodes at once."""

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
    """Tells each node to perform its operation, and collects how these ended in the order of the questions."""

    registered: ClassVar[bool] = False

    def __init__(
        self, questions: Sequence[tuple[Node, Operation]], outcomes: list[Outcome], complete: asyncio.Event
    ) -> None:
        super().__init__()
        self._questions, self._outcomes, self._complete = questions, outcomes, complete
        self._missing = set(range(len(questions)))

    def on_start(self) -> None:
        """Ask."""
        for place, (node, operation) in enumerate(self._questions):
            try:
                node.actor.tell(Perform(operation, self.actor_ref, place))
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
    """Ask all nodes the same at once, and wait for each to answer or to be given up by its actor."""
    return await ask_each([(node, operation) for node in nodes], patience)


async def ask_each(questions: Sequence[tuple[Node, Operation]], patience: float = PATIENCE) -> list[Outcome]:
    """Ask each node its own at once, and wait as `survey` does; the outcomes are in the order of the questions."""
    outcomes = [Outcome(reached=False, reason="has stopped")] * len(questions)
    complete = asyncio.Event()
    actor = SurveyActor.start(questions, outcomes, complete)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(complete.wait(), patience)
    actor.stop(block=False)
    return outcomes
