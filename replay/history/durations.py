"""How long the steps of a history took that have a beginning and an end, and which of them were slow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from events import registry as e
from events.event import Event
from events.records import Recorded
from events.values import value

SLOW_NODE: Final = 250
"""Milliseconds from which on the answer of a node is slow: a request is repeated to it once or twice by then."""

SLOW_PARTY: Final = 2000
"""Milliseconds from which on a party's answer to a request of ours is slow, and a move between relays."""

Key = tuple[str, object]
"""What begins and ends: its kind, and its name among those of its kind in the call."""


@value
class Took:
    """How long a step took that an event ended, in ms; slow: longer than such a step should."""

    ms: int
    slow: bool


def durations(history: Iterable[Recorded]) -> Mapping[int, Took]:
    """Return what steps took, by the version of the entry that ended each."""
    begun: dict[Key, int] = {}
    took: dict[int, Took] = {}
    for entry in history:
        for event in entry.events:
            for key, bound in _ends(event):
                since = begun.pop(key, None)
                if since is not None:
                    ms = max(entry.at - since, 0)
                    took[entry.version] = Took(ms, ms >= bound)
            for key in _begins(event):
                begun.setdefault(key, max(entry.at, _not_before(event)))
    return took


def _not_before(event: Event) -> int:
    return event.not_before if isinstance(event, e.DeleteIntended) else 0


def _begins(event: Event) -> Iterator[Key]:
    match event:
        case e.SessionIntended() | e.OfferIntended() | e.AnswerIntended():
            yield "operation", event.operation
        case e.DeleteIntended():
            yield from (("delete", session) for session in event.sessions)
        case e.CopyIntended():
            yield "copy", event.copy
        case e.CopyDeleteIntended():
            yield "copy delete", event.copy
        case e.SipRequestIntended():
            yield "request", event.number
        case e.MigrationIntended() if not event.waits:
            yield "move", event.migration


def _ends(event: Event) -> Iterator[tuple[Key, int]]:
    match event:
        case e.Offered() | e.OfferFailed() | e.Answered() | e.AnswerFailed():
            yield ("operation", event.operation), SLOW_NODE
        case e.Deleted() | e.BranchDeleted():
            yield ("delete", event.session), SLOW_NODE
        case e.CopyOffered():
            yield ("copy", event.copy), SLOW_NODE
        case e.CopyDeleted():
            yield ("copy delete", event.copy), SLOW_NODE
        case e.SipRequestEnded():
            yield ("request", event.number), SLOW_PARTY
        case e.MigrationCompleted() | e.MigrationFailed():
            yield ("move", event.migration), SLOW_PARTY
