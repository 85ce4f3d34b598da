"""What one control node has done for the calls of a node while it was down."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import structlog

from actors.results import Done, Moved, Refused
from engines.refusal import RefusalCode
from events.names import CallId

log = structlog.get_logger()

_AGAIN = frozenset(
    {
        RefusalCode.EARLY,
        RefusalCode.SEVERAL,
        RefusalCode.MOVING,
        RefusalCode.FULL,
        RefusalCode.NO_ROOM,
        RefusalCode.NO_NODE,
        RefusalCode.NO_JOURNAL,
        RefusalCode.INTERNAL,
    }
)
"""Why a call could not leave that may be over soon."""


@dataclass(slots=True)
class Effort:
    """The calls of a node that is down, and what came of each.

    begun: all that were asked to leave and are not to be asked again. counts: how many came to what, as it is reported.
    """

    node: str
    begun: set[CallId] = field(default_factory=set)
    under_way: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    reported: Counter[str] = field(default_factory=Counter)

    def wants(self, call_id: CallId) -> bool:
        """Return whether a call is to be asked to leave."""
        return call_id not in self.begun

    def begin(self, call_id: CallId) -> None:
        """Record that a call is asked to leave."""
        self.begun.add(call_id)
        self.under_way += 1

    def end(self, call_id: CallId, result: Moved | Done | Refused, done: str) -> None:
        """Record what came of it; `done` is the word for what was to be done."""
        self.under_way -= 1
        if isinstance(result, Moved):
            self.counts["waits" if result.waits else "moved"] += 1
            if result.waits:
                until = "its answer" if result.early else "its next offer"
                log.warning("call waits to leave a node that is down", call_id=call_id, node=self.node, until=until)
        elif isinstance(result, Done):
            self.counts[done] += 1
            if result.warning:
                log.warning("parties of a call not reached", call_id=call_id, node=self.node, why=result.warning)
        elif result.code in _AGAIN:
            self.begun.discard(call_id)
        else:
            self.counts["failed"] += 1
            log.warning("call stays on a node that is down", call_id=call_id, node=self.node, why=result.reason)

    def report(self) -> None:
        """Tell what has come of the calls, if that is not told yet and none is under way."""
        if not self.under_way and self.counts != self.reported:
            self.reported = self.counts.copy()
            log.warning("calls of a node that is down", node=self.node, **self.counts)
