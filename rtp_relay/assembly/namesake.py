"""Another control node of this one's name: each hides what the other publishes, and no history says which one acted."""

from __future__ import annotations

import contextlib

import structlog

from actors.control.documents import iso
from actors.control.status import ControlNodeStatus, decode_status
from events.journal import Journal, JournalError

log = structlog.get_logger()

LOOKS = 10
"""So often a control node looks after its start. Two of one name publish equally often, so that a few would do."""


class NamesakeWatch:
    """Looks after each status that is published whether another control node publishes under the same name, at first.

    What stands there of one that was killed, and has come back as this one, is of before this one's start.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._left = LOOKS

    async def look(self, own: ControlNodeStatus) -> None:
        """Look once, before a status is published that follows on another one; the log is told of what is found."""
        if not self._left:
            return
        with contextlib.suppress(JournalError, ValueError):  # away; or of a program that is no control node of ours
            there = (await self._journal.published()).get(own.name)
            self._left -= 1
            if there is not None and _is_another(decode_status(there), own):
                self._tell(decode_status(there))

    def _tell(self, other: ControlNodeStatus) -> None:
        self._left = 0
        log.error(
            "another control node that is alive has the name of this one",
            name=other.name,
            running_since=iso(other.started_at),
            why="each hides the other, and histories do not say which one acted",
            fix="give each a [service] name of its own, and start them again; or end one of them",
        )


def _is_another(there: ControlNodeStatus, own: ControlNodeStatus) -> bool:
    """Return whether another one has said something since this one started."""
    return there.started_at != own.started_at and there.seen_at > own.started_at
