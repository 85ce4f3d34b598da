"""The events of a bulk move: a job that moves many calls, asked for by an operator.

Each job has a stream of its own, `bulk_stream` names it (events.decisions).
"""

from __future__ import annotations

from typing import ClassVar

from events.bulk_parts import BulkPart, CallOutcome
from events.event import Event
from events.names import CallId
from events.values import value


@value(kw_only=True)
class BulkMoveAsked(Event):
    """Many calls are to move. asked_by, reason: who wants it, by which way, and why.

    parts: one after the other. in_flight: so many calls move at a time. rate: so many begin to move in a second, 0 for
    the bound of `in_flight` alone. deadline: when it is over, ms since the epoch, 0 for never; with it the moves are
    spread over the time that is left, `rate` being the least. until_empty: calls are looked for until there are none.
    """

    name: ClassVar[str] = "bulk move asked"

    asked_by: str
    reason: str = ""
    parts: tuple[BulkPart, ...]
    in_flight: int
    rate: int = 0
    deadline: int = 0
    until_empty: bool = False


@value(kw_only=True)
class BulkMoveTaken(Event):
    """A control node carries it out from here on. calls: so many it has found that are to move, or more will come."""

    name: ClassVar[str] = "bulk move taken"

    calls: int


@value(kw_only=True)
class CallsFound(Event):
    """These calls of a part are about to be moved. The search goes on at `next_part`, from the journal's cursor on."""

    name: ClassVar[str] = "calls found"

    part: int
    calls: tuple[CallId, ...]
    next_part: int
    cursor: str = ""


@value
class SettledCall:
    """What became of a call; `reason` says why it did not move."""

    call_id: CallId
    outcome: CallOutcome
    reason: str = ""


@value(kw_only=True)
class CallsSettled(Event):
    """What became of calls; of none, if all that is to be said is that the job goes on."""

    name: ClassVar[str] = "calls settled"

    calls: tuple[SettledCall, ...] = ()


@value(kw_only=True)
class SearchBegun(Event):
    """All calls that were found have had their turn, and others may have come: they are looked for once more."""

    name: ClassVar[str] = "search begun"


@value(kw_only=True)
class BulkMoveCancelled(Event):
    """No more calls are to move; those that do are let come to their end."""

    name: ClassVar[str] = "bulk move cancelled"

    asked_by: str
    reason: str = ""


@value(kw_only=True)
class BulkMoveEnded(Event):
    """It is over; `reason` says why before all calls had their turn, "" if they had."""

    name: ClassVar[str] = "bulk move ended"

    reason: str = ""


BULK_EVENT_TYPES: tuple[type[Event], ...] = (
    BulkMoveAsked,
    BulkMoveTaken,
    CallsFound,
    CallsSettled,
    SearchBegun,
    BulkMoveCancelled,
    BulkMoveEnded,
)
