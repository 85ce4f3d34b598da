"""The event of a session that the journal has and its node does not."""

from __future__ import annotations

from typing import ClassVar

from events.event import Event
from events.names import NodeName
from events.values import value


@value(kw_only=True)
class SessionMissing(Event):
    """The node of an open session was asked for it, by who compares nodes with the journal, and did not know it.

    removed: whether the session is taken out of the call for that, as the events after this one say; otherwise it is
    left to operators.
    """

    name: ClassVar[str] = "session missing"

    session: int
    node: NodeName
    removed: bool = False
