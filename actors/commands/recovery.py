"""What is asked of a call by time, and by nodes that tell something unasked."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from actors.commands.command import CallCommand
from actors.results import Done, Moved
from events.names import BranchId, NodeName, RelayId
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
class ProbeSessions(CallCommand[Done]):
    """Ask nodes whether they still have the call's open sessions, and journal of each that it is not known there.

    removes: whether such a session is taken out of the call, which ends with its last one.
    """

    removes: bool = True

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None


class OnNodeDown(StrEnum):
    """What becomes of the calls of a node that is down.

    LEAVE: they stay, and move with their next offer. MIGRATE: they move to another node of their set at once. END:
    their parties get a BYE.
    """

    LEAVE = "leave"
    MIGRATE = "migrate"
    END = "end"


@value(kw_only=True)
class LeaveDeadNode(CallCommand[Moved | Done]):
    """Let a call leave a node that is down, if it is on it: move, or end for its parties.

    It comes to Done where the call has ended, or is not on the node, with a warning if a party did not answer. It comes
    to a refusal where it stays, as Migrate does; NOT_ENGAGED where it was to end, and is journalled as one whose
    parties nobody can tell.
    """

    runs_beside: ClassVar[bool] = True

    node: NodeName
    action: OnNodeDown


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


@value(kw_only=True)
class EndVanishedSession(CallCommand[Done]):
    """End the session that a node knows by `relay_id`, as EndSilentSession does, if the node says that it has none.

    Whoever tells that its media timed out is nobody that is believed: the node is asked.
    """

    relay_id: RelayId
    ends_call: bool
    at: int

    @property
    def serial_key(self) -> str | None:
        """What it waits for: all that runs."""
        return None
