"""What is asked of a call that changes nothing."""

from __future__ import annotations

from typing import ClassVar

from actors.commands.command import CallCommand
from actors.results import CallRead, Located
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


@value(kw_only=True)
class LocateCall(CallCommand[Located]):
    """Come to where a call is, for another one that is to be joined with it.

    It waits for nothing, since two calls may ask each other.
    """

    runs_beside: ClassVar[bool] = True
