"""Calls that nodes have and the journal does not know: whom to ask for one, and how often at most."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from actors.control.counters import Sample, samples_of
from actors.node_table import NodeTable
from engines.registry import kind_of
from engines.sets import NodeSpec
from events.names import CallId

MAX_NODES = 32
"""How many nodes are asked for one call."""

FORGET_AFTER = 5_000
"""For how long, in ms, a call that no node knew is not asked for again."""

MAX_FORGOTTEN = 20_000
"""So many such calls are remembered; then the oldest may be asked for again."""


@dataclass(slots=True)
class AdoptionCounters:
    """Of calls that the journal does not know: so many were asked for, taken over, known to no node, and refused."""

    asked: int = 0
    adopted: int = 0
    not_found: int = 0
    refused: int = 0


@dataclass(slots=True)
class Budget:
    """How many calls may be asked for: `rate` a second, and `burst` at once. Times are ms."""

    rate: float = 200.0
    burst: float = 400.0
    _left: float = 400.0
    _at: int = 0

    def take(self, now: int) -> bool:
        """Take one; return False if there is none left."""
        self._left = min(self.burst, self._left + max(0, now - self._at) * self.rate / 1000)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Adoption:
    """Which nodes are asked for a call that the journal does not know.

    What no node knew is not asked for again soon, and only so many calls a second are: who names one call-id after the
    other must not have all nodes asked for each.
    """

    def __init__(self, nodes: NodeTable, set_name: str, now: Callable[[], int], budget: Budget | None = None) -> None:
        """Ask the nodes of one set. `now` gives ms since the epoch."""
        self._nodes, self._set, self._now = nodes, set_name, now
        self._budget = budget or Budget()
        self._unknown: OrderedDict[CallId, int] = OrderedDict()
        self.counters = AdoptionCounters()

    def samples(self) -> Iterable[Sample]:
        """Return what became of calls that the journal did not know."""
        return samples_of("adoption", self.counters)

    def nodes_to_ask(self, call_id: CallId) -> Sequence[NodeSpec] | None:
        """Return the nodes that may have the call, none where asking is in vain; None while too many are asked for.

        An id with a "#" is left alone: `engines.ids` makes such ids, of sessions that belong to other calls. No Call-ID
        has one (RFC 3261 25.1).
        """
        now = self._now()
        if "#" in call_id or self._unknown.get(call_id, 0) > now:
            return ()
        asked = [
            node.spec
            for node in self._nodes.all()
            if node.spec.set == self._set and node.health.takes_commands and kind_of(node.spec.engine).tells_parties
        ]
        if asked and not self._budget.take(now):
            self.counters.refused += 1
            return None
        self.counters.asked += bool(asked)
        return asked[:MAX_NODES]

    def found(self) -> None:
        """Record that a call was taken over."""
        self.counters.adopted += 1

    def not_found(self, call_id: CallId) -> None:
        """Record that no node knows the call."""
        self.counters.not_found += 1
        self._unknown[call_id] = self._now() + FORGET_AFTER
        self._unknown.move_to_end(call_id)
        if len(self._unknown) > MAX_FORGOTTEN:
            self._unknown.popitem(last=False)
