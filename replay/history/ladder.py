"""A call's history as a ladder: who said what to whom, between the parties, the control nodes and the relays.

What the journal has of a SIP message is that it came; where it went to can be seen from what follows. Texts in a ladder
may hold anything that somebody else chose: whoever draws it makes them harmless.
"""

from __future__ import annotations

from collections.abc import Sequence

from events.event import Event
from events.records import Recorded
from events.values import value
from replay.history.describe import facts
from replay.history.durations import Took, durations
from replay.history.ways import CALLEE, CALLER, CONTROL, Known, Way, way


@value(kw_only=True)
class Step:
    """One event. at: ms since the epoch; since: ms since the first event; by: the control node that wrote it.

    detail: what it tells, in one line. took: of a step that ends what another one began.
    """

    version: int
    at: int
    since: int
    by: str
    way: Way
    detail: str
    took: Took | None = None


@value(kw_only=True)
class Ladder:
    """Participants from left to right, and the steps between them, the oldest first.

    participants: caller, control, the relays in the order in which they came, callee; without those that have no step.
    """

    participants: tuple[str, ...]
    steps: tuple[Step, ...]


def ladder(history: Sequence[Recorded]) -> Ladder:
    """Return the ladder of a history, the oldest event first."""
    took = durations(history)
    first = history[0].at if history else 0
    known = Known()
    steps = tuple(
        _step(entry, event, way(event, known), entry.at - first, took.get(entry.version))
        for entry in history
        for event in entry.events
    )
    seen = {name for step in steps for name in (step.way.source, step.way.target)}
    ordered = (CALLER, CONTROL, *known.relays(), CALLEE)
    return Ladder(participants=tuple(name for name in ordered if name in seen), steps=steps)


def _step(entry: Recorded, event: Event, taken: Way, since: int, took: Took | None) -> Step:
    return Step(
        version=entry.version,
        at=entry.at,
        since=since,
        by=entry.by,
        way=taken,
        detail=facts(event),
        took=took,
    )
