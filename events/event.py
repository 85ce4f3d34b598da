"""What all events have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from events.values import value


class Scope(StrEnum):
    """How much of a call a delete takes away."""

    CALL = "call"
    SESSION = "session"
    BRANCH = "branch"


class RemovalProof(StrEnum):
    """How it became known that a session is no longer on its node."""

    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    LOST = "lost"
    NEVER_SENT = "never sent"


@value(kw_only=True, derivable=True)
class Event:
    """Base of all events."""

    name: ClassVar[str]
    schema: ClassVar[int] = 1
    secret: ClassVar[tuple[str, ...]] = ()
    personal: ClassVar[tuple[str, ...]] = ()


@value(kw_only=True, derivable=True)
class Summary(Event):
    """Base of what says what the oldest entries of a stream come to, and stands in place of them.

    A record of one has the version of the newest of them (`events.journal.Journal.append_decisions`).
    """
