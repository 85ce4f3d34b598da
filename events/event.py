"""What all events have in common."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Scope(StrEnum):
    """How much of a call a delete takes away."""

    CALL = "call"
    SESSION = "session"
    BRANCH = "branch"


class How(StrEnum):
    """How it became known that a session is no longer on its node."""

    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"
    LOST = "lost"
    NEVER_SENT = "never sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events."""

    name: ClassVar[str]
    schema: ClassVar[int] = 1
    secret: ClassVar[tuple[str, ...]] = ()
