"""What a bulk move is about: which calls go where, and what can become of a call."""

from __future__ import annotations

from enum import StrEnum

from events.names import NO_NODE, NodeName
from events.values import value


class CallOutcome(StrEnum):
    """What became of a call.

    MOVED: it is where it is wanted, or on another node of that set. WAITS: it moves when it is offered something next,
    since its dialogs are not known here. FAILED: it is where it was. GONE: it ended, or left where it was to be moved
    from, before its turn came.
    """

    MOVED = "moved"
    WAITS = "waits"
    FAILED = "failed"
    GONE = "gone"


@value(kw_only=True)
class BulkPart:
    """Calls of one kind that go to one place: those of an engine, a set, a node; "" leaves each open.

    The new ones are where to; "" as in a MoveTarget. elsewhere: not to the node that they are on, if another one of
    the set takes calls. most: so many calls at most, 0 for all.
    """

    engine: str = ""
    set: str = ""
    node: NodeName = NO_NODE
    new_engine: str = ""
    new_set: str = ""
    new_node: NodeName = NO_NODE
    elsewhere: bool = False
    most: int = 0
