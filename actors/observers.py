"""Who is told of each event that this control node journals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from events.names import CallId
from events.records import Recorded

Observer: TypeAlias = Callable[[CallId, Recorded], None]
"""Takes a call-id and an event of it that stands in the journal. It must not raise."""


class Observers:
    """The observers; one that was added is told of what is journalled from then on."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._observers)

    def add(self, observer: Observer) -> None:
        """Add an observer."""
        self._observers.append(observer)

    def remove(self, observer: Observer) -> None:
        """Remove an observer."""
        self._observers.remove(observer)

    def tell(self, call_id: CallId, records: Sequence[Recorded]) -> None:
        """Notify all observers of a call's events, in their order."""
        for record in records:
            for observe in self._observers:
                observe(call_id, record)
