"""The events of forgetting: that somebody had ended calls removed from the journal.

They stand in one stream, `FORGOTTEN`, of their own (events.decisions), and tell nothing of the calls themselves.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

from events.event import Event, Summary
from events.names import CallId
from events.values import value

_LENGTH = 16


@value(kw_only=True)
class ForgettingAsked(Event):
    """These ended calls are to be removed. asked_by: who wanted it, and by which way. reason: why, in their words.

    by_party: whether they were found by a party's URI. calls: of each call-id what `trace_of` leaves of it.
    """

    name: ClassVar[str] = "forgetting asked"

    asked_by: str
    reason: str = ""
    by_party: bool = False
    calls: tuple[str, ...] = ()


@value(kw_only=True)
class ForgettingsSummarized(Summary):
    """So often calls were to be removed up to here, and so many calls. since: the first time, ms since the epoch."""

    name: ClassVar[str] = "forgettings summarized"

    since: int
    times: int
    calls: int


FORGET_EVENT_TYPES: tuple[type[Event], ...] = (ForgettingAsked, ForgettingsSummarized)


def trace_of(call_id: CallId) -> str:
    """Return what is kept of a forgotten call: enough to tell that it was this one, for who knows its call-id."""
    return hashlib.sha256(call_id.encode(errors="surrogateescape")).hexdigest()[:_LENGTH]
