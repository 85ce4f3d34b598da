"""The calls whose actors have failed lately, and how often in a row: no more of them than is worth remembering."""

from __future__ import annotations

from collections import OrderedDict

from events.names import CallId

MOST = 10_000
"""So many calls are remembered; of more, those that failed longest ago are forgotten."""

LATELY = 24 * 3600.0
"""Seconds after which a failure counts no more, if nothing else has been heard of the call here."""


class FailingCalls(OrderedDict[CallId, tuple[int, float]]):
    """How often each call failed, and when it did so last, by the loop's time; that call comes last.

    It is a dictionary itself, since each call that leaves memory is taken out.
    """

    def note(self, call_id: CallId, now: float) -> int:
        """Note a failure; return how many in a row that makes."""
        before, _ = self.pop(call_id, (0, 0.0))
        self[call_id] = before + 1, now
        if len(self) > MOST:
            self.popitem(last=False)
        return before + 1

    def forget_old(self, now: float) -> None:
        """Forget the calls that have not failed lately."""
        while self:
            call_id, (_, at) = next(iter(self.items()))
            if at > now - LATELY:
                return
            del self[call_id]
