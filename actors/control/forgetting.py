"""Forgetting: ended calls are removed from the journal; that it was asked for is journalled before."""

from __future__ import annotations

from collections.abc import Sequence

from events.decisions import FORGOTTEN
from events.forget_events import ForgettingAsked, trace_of
from events.journal import Conflict, Forgotten, Journal, JournalUnavailable
from events.names import CallId
from events.records import Recorded
from events.values import value

TRIES = 20
"""So often it is journalled anew when others were first."""


@value
class Forgetting:
    """Who asks for calls to be forgotten, and why. by_party: whether they were found by the URI of a party."""

    journal: Journal
    asked_by: str
    reason: str = ""
    by_party: bool = False

    async def forget(self, calls: Sequence[CallId]) -> list[tuple[CallId, Forgotten]]:
        """Journal that it was asked for, then remove the calls; return what became of each.

        Where it breaks off, it can be asked for again. Raises JournalUnavailable.
        """
        await self._decide(self._event(calls))
        return [(call, await self.journal.forget(call)) for call in calls]

    def _event(self, calls: Sequence[CallId]) -> ForgettingAsked:
        traces = tuple(map(trace_of, calls))
        return ForgettingAsked(asked_by=self.asked_by, reason=self.reason, by_party=self.by_party, calls=traces)

    async def _decide(self, event: ForgettingAsked) -> None:
        version = 0
        for _ in range(TRIES):
            record = Recorded(version + 1, round(await self.journal.time()), self.asked_by, event)
            try:
                await self.journal.append_decisions(FORGOTTEN, version, [record])
            except Conflict as error:
                version = error.actual
            else:
                return
        raise JournalUnavailable("others have calls forgotten all the time")
