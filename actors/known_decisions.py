"""What a control node knows of the decisions about nodes: what they come to, and the newest of them."""

from __future__ import annotations

from collections.abc import Sequence

from events.event import Summary
from events.records import Recorded
from replay.node_decisions import told_again
from replay.nodes import NOTHING_DECIDED, fold_nodes

KEPT = 1000
"""So many of the newest decisions at least are remembered: what of a lost tail can be written again as it was."""


class KnownDecisions:
    """The decisions about nodes as far as they were read."""

    def __init__(self) -> None:
        self.decided = NOTHING_DECIDED
        self._newest: list[Recorded] = []

    @property
    def newest(self) -> Recorded | None:
        """The newest decision."""
        return self._newest[-1] if self._newest else None

    @property
    def remembered_after(self) -> int:
        """The version behind which all decisions are remembered."""
        return self._newest[0].version - 1 if self._newest else self.decided.version

    def take(self, records: Sequence[Recorded]) -> None:
        """Add what follows; a summary comes first, if there is one, and is all that is known then."""
        if records and isinstance(records[0].event, Summary):
            self._newest = []
        self.decided = fold_nodes(records, self.decided)
        self._newest += [record for record in records if not isinstance(record.event, Summary)]
        if len(self._newest) > 2 * KEPT:
            del self._newest[:-KEPT]

    def forget(self) -> None:
        """Know nothing, as at the beginning."""
        self.decided, self._newest = NOTHING_DECIDED, []

    def at(self, version: int) -> Sequence[Recorded]:
        """Return the decision at a version, if it is remembered."""
        place = version - self.remembered_after
        return self._newest[place - 1 : place] if place > 0 else ()

    def lost(self, there: Sequence[Recorded]) -> Sequence[Recorded] | None:
        """Return what a stream has lost, in order; None where it is another one. there: its newest, without a gap."""
        if not there:
            return told_again(self.decided.nodes, 0) if self.remembered_after else self._newest
        same = [self.at(record.version) == [record] for record in there if not isinstance(record.event, Summary)]
        if not same or not all(same):
            return None
        return self._newest[there[-1].version - self.remembered_after :]
