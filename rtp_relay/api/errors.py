"""What can go wrong with a call's relay, as exceptions. Each message says what was wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from actors import results
from engines.refusal import RefusalCode

R = TypeVar("R")


class RelayError(Exception):
    """Base of all errors of the Python API."""


class UnknownCall(RelayError):
    """There is no such call, or it has ended: engage a relay and make an offer first."""


class NotEngaged(RelayError):
    """No relay is engaged for this branch: call `engage` before the first offer."""


class LateEngage(RelayError):
    """The call is established: a relay is engaged before it is answered."""


class Overloaded(RelayError):
    """The nodes, or this control node, have as much to do as they may: try again later or elsewhere."""


class BadValue(RelayError, ValueError):
    """A setting, leg or branch that there is not; the message names what there is."""


class NotMoved(RelayError):
    """The call is where it was: it moves already, is not answered, has nowhere to go, or a party did not come along."""


class Refused(RelayError):
    """The relay, or the call's state, refused; the message is the reason."""


_BY_CODE: Mapping[RefusalCode, type[RelayError]] = MappingProxyType(
    {
        RefusalCode.UNKNOWN_CALL: UnknownCall,
        RefusalCode.OUTDATED: UnknownCall,
        RefusalCode.NOT_FOUND: UnknownCall,
        RefusalCode.UNKNOWN_SESSION: UnknownCall,
        RefusalCode.ENDED: UnknownCall,
        RefusalCode.MOVING: NotMoved,
        RefusalCode.EARLY: NotMoved,
        RefusalCode.SEVERAL: NotMoved,
        RefusalCode.TURNED_BACK: NotMoved,
        RefusalCode.NOT_ENGAGED: NotEngaged,
        RefusalCode.TOO_LATE: LateEngage,
        RefusalCode.FULL: Overloaded,
        RefusalCode.NO_ROOM: Overloaded,
    }
)
"""The error that each cause is raised as; all others as Refused."""

_STAYS = (
    RefusalCode.NO_NODE,
    RefusalCode.NO_REPLY,
    RefusalCode.BAD_SETTINGS,
    RefusalCode.BAD_SDP,
    RefusalCode.NOT_ACCEPTABLE,
    RefusalCode.REFUSED,
)
"""The causes that leave a call that was to move where it was, beside those that are of moves alone."""


def check_move(result: R | results.Refused) -> R:
    """Return a move's result, or raise the error that a refusal stands for, NotMoved if the call is where it was."""
    if isinstance(result, results.Refused) and result.code in _STAYS:
        raise NotMoved(result.reason)
    return check(result)


def check(result: R | results.Refused) -> R:
    """Return a command's result, or raise the error that a refusal stands for."""
    if isinstance(result, results.Refused):
        raise _BY_CODE.get(result.code, Refused)(result.reason)
    return result
