"""What is asked of a call by time, and by nodes that tell something unasked."""

from __future__ import annotations

from actors.commands.command import CallCommand
from actors.results import Done
from events.names import BranchId
from events.values import value

DUE_KEY = "\0due"
"""The serial key of what is due: it waits for nobody but itself. No branch has such a name."""


@value(kw_only=True)
class ProcessDue(CallCommand[Done]):
    """Settle what is due of the call. One that comes while another one waits or runs is left out."""

    @property
    def serial_key(self) -> str | None:
        """What it waits for: itself, and what waits for all."""
        return DUE_KEY


@value(kw_only=True)
class EndSilentSession(CallCommand[Done]):
    """Journal that a node ended a branch's session for want of media, and delete it; or the call, if `ends_call`.

    at: ms since the epoch.
    """

    branch: BranchId
    ends_call: bool
    at: int

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None
