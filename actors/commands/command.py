"""What every command has: the call that it is for, and what it may run beside."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from events.names import CallId
from events.values import value

R_co = TypeVar("R_co", covariant=True)


@value(kw_only=True)
class CallCommand(Generic[R_co]):
    """Something that is asked of a call. It comes to an `R_co` (actors/results.py), or to a Refused.

    call_id: the name of the call's stream. runs_beside: whether it starts at once, waits for nothing, and nothing
    waits for it.
    """

    runs_beside: ClassVar[bool] = False

    call_id: CallId

    @property
    def serial_key(self) -> str | None:
        """What it waits for: commands of one key run in order, None waits for all that run and holds up the rest."""
        return ""

    @property
    def opens_call(self) -> bool:
        """Whether it may be the first that is heard of a call: then its journal is not read first.

        While a control node closes it is refused. Only for commands that begin with something to be journalled.
        """
        return False
