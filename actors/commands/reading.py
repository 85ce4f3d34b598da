"""What is asked of a call that changes nothing."""

from __future__ import annotations

from actors.commands.command import CallCommand
from actors.results import CallRead
from events.values import value

READ_KEY = "\0read"
"""The serial key of reads: they wait for nobody but what ends the call."""


@value(kw_only=True)
class ReadCall(CallCommand[CallRead]):
    """Read what there is to know of a call for a message of it: its parties, settings and dialogs."""

    @property
    def serial_key(self) -> str | None:
        """What it waits for: other reads, and what waits for all."""
        return READ_KEY
