"""What is kept of an ended call beside its stream, so that it can be found: a row in the table of ended calls."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from events.names import CallId
from events.values import value

NO_CALL: Final = CallId("")


class Outcome(StrEnum):
    """What became of a call.

    FAILED: no relay ever took an offer of it. LOST: its media went before its end. UNREADABLE: its row cannot be read.
    """

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    FAILED = "failed"
    LOST = "lost"
    UNREADABLE = "unreadable"


@value(kw_only=True)
class EndedCall:
    """A call of which nothing is left on any node. Times are ms since the epoch.

    ended: when the last of it was gone. answered: 0 if it was not. reason: why it ended; failure: what went wrong last,
    "" for nothing. by: the control node that wrote last. nodes, sets, engines: all that it was on, in their order.
    caller, callee: their URIs, where SIP messages told of them. branches: those that were offered something.
    moves: how many were begun. Of the media as nodes counted them last, of all streams: packets that came from the
    parties, and of these lost ones; jitter: the worst average, ms; mos: the worst average, in tenths, 0 where none was
    told; one_way: whether nothing came from a party that had agreed to send.
    """

    call_id: CallId = NO_CALL
    version: int = 0
    created: int = 0
    ended: int = 0
    answered: int = 0
    outcome: Outcome = Outcome.UNREADABLE
    reason: str = ""
    failure: str = ""
    by: str = ""
    nodes: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    caller: str = ""
    callee: str = ""
    tags: tuple[str, ...] = ()
    branches: int = 0
    moves: int = 0
    packets: int = 0
    lost: int = 0
    jitter: int = 0
    mos: int = 0
    one_way: bool = False


@value
class EndedPage:
    """Some ended calls, the newest first. `until` is where the next page begins; 0 after the last one."""

    calls: tuple[EndedCall, ...]
    until: int = 0
