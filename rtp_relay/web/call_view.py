"""What a call's page shows of its history. The entries are without keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from markupsafe import Markup

from actors.control.documents import Document, of_call
from events.ended import EndedCall
from events.names import CallId
from events.quality_events import MeasuredStream
from events.records import Recorded
from events.values import value
from replay.fold import Inconsistent, fold
from replay.history.ladder import Ladder, Step, ladder
from replay.history.ladder_svg import svg_of
from replay.history.past import Difference, differences, state_after
from replay.history.timeline import Moment, timeline
from replay.projection import Deadlines, project
from replay.state import CallState, CallStatus


@value
class Row:
    """An event of the timeline. failed: it tells of something that went wrong."""

    moment: Moment
    failed: bool


@value
class Then:
    """A call as it was at a version, and what differs from an earlier or a later one; 0: from no call at all."""

    version: int
    against: int
    document: Document
    changes: Sequence[Difference]


@value
class Quality:
    """What was counted of one stream of one party of a session."""

    session: int
    node: str
    leg: str
    stream: MeasuredStream

    @property
    def loss(self) -> float | None:
        """Percent of the party's packets that were lost, None where that is not known."""
        lost = self.stream.lost
        return None if lost is None else 100 * lost / max(self.stream.packets + lost, 1)


class CallView:
    """A call's history, looked at. unreadable: why it cannot be read further, "" if this is all."""

    def __init__(self, call_id: CallId, entries: Sequence[Recorded], unreadable: str = "") -> None:
        self.call_id, self.entries, self.unreadable = call_id, entries, unreadable

    @property
    def last(self) -> int:
        """The newest version."""
        return self.entries[-1].version if self.entries else 0

    @cached_property
    def state(self) -> CallState | None:
        """The call as it is; None where its history makes no sense."""
        try:
            return fold(self.call_id, self.entries)
        except Inconsistent:
            return None

    @property
    def live(self) -> bool:
        """Whether something is left of it that can be ended."""
        return self.state is None or self.state.status is not CallStatus.ENDED

    @cached_property
    def ended(self) -> EndedCall | None:
        """Its row in the table of ended calls; None while it lives."""
        return None if self.state is None else project(self.state, Deadlines()).ended

    @cached_property
    def ladder(self) -> Ladder:
        """Who said what to whom."""
        return ladder(self.entries)

    @property
    def picture(self) -> Markup:
        """The ladder as a picture; it escapes what others have chosen itself."""
        return Markup(svg_of(self.ladder, f"Ladder of call {self.call_id}; the timeline has the same in words"))

    @property
    def rows(self) -> Iterator[Row]:
        """The timeline, event by event."""
        for moment, step in zip(timeline(self.entries), self.ladder.steps, strict=True):
            yield Row(moment, step.way.failed)

    @property
    def failures(self) -> list[Step]:
        """What went wrong, the oldest first."""
        return [step for step in self.ladder.steps if step.way.failed]

    @property
    def quality(self) -> Iterator[Quality]:
        """How its media were, by session and party, the caller first."""
        state = self.state
        for (number, party, _), stream in state.media.items() if state is not None else ():
            assert state is not None
            session = state.sessions.get(number)
            node, caller = (session.node, session.from_tag) if session is not None else ("", "")
            yield Quality(number, node, "caller" if party == caller else "callee", stream)

    def then(self, version: int, against: int | None = None) -> Then:
        """Return how it was at a version, against another one (None: the one before). Raises NotThen, Inconsistent."""
        other = version - 1 if against is None else against
        after = state_after(self.call_id, self.entries, version)
        before = state_after(self.call_id, self.entries, other) if other else CallState(self.call_id)
        return Then(version, other, of_call(after), differences(before, after))
