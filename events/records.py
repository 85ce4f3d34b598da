"""What a journal holds and tells: records of events, rows and indices of calls, and pages of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from events.ended import EndedCall
from events.names import NO_NODE, NO_TAG, CallId, NodeName, RelayId, Tag
from events.registry import Event
from events.values import value


@value
class Recorded:
    """An event in its place: `version` in the stream, `at` ms since the epoch, written `by` a control node.

    also: the events after the first, where an up-caster has made several of an old entry; none is written so.
    """

    version: int
    at: int
    by: str
    event: Event
    also: tuple[Event, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """All events of the entry, in their order."""
        return (self.event, *self.also)


@value(kw_only=True)
class LiveCall:
    """A call's row in the table of live calls. Times are ms since the epoch; `sessions` are (node, relay id) pairs."""

    call_id: CallId
    status: str
    version: int
    created: int
    changed: int
    set: str = ""
    from_tag: Tag = NO_TAG
    to_tag: Tag = NO_TAG
    by: str = ""
    sessions: tuple[tuple[NodeName, RelayId], ...] = ()

    @property
    def lent_ids(self) -> frozenset[str]:
        """The ids of its sessions on nodes that could be the name of another call; those with a "#" are no call's."""
        own: str = self.call_id
        return frozenset([one for _, one in self.sessions if one != own and "#" not in one])


@value(kw_only=True)
class CallFilter:
    """Which live calls are wanted: those that have all that is given here; "" leaves it open.

    node: have a session on it. set: were placed in it. status: have it (live, closing, quarantined).
    """

    node: NodeName = NO_NODE
    set: str = ""
    status: str = ""

    def takes(self, call: LiveCall) -> bool:
        """Return whether a call that has the node has the rest, too."""
        return self.set in ("", call.set) and self.status in ("", call.status)


EVERY_CALL = CallFilter()


@value
class CallPage:
    """Some live calls. `cursor` is where the next page begins, "" after the last one."""

    calls: Sequence[LiveCall]
    cursor: str = ""


@value
class Index:
    """What the tables say of a call at a version. `live` is None for a call of which nothing is left.

    `due` is when it wants attention, ms since the epoch, or None for never. brief: of a call of which nothing is left,
    whether its stream is worth keeping for minutes only. ended: what is kept of a call that has ended, to find it by.
    """

    live: LiveCall | None = None
    nodes: frozenset[str] = frozenset()
    due: int | None = None
    brief: bool = False
    ended: EndedCall | None = None


NOTHING = Index()
"""The index of a call that does not exist, or of which nothing is left."""


@value
class Stored:
    """What the tables say of a call in one moment, and where its stream is then.

    version: the stream's last one, 0 for no stream. expires: whether the stream has a time to go at. lent: under which
    ids of its row's sessions other calls find it. removed: the version of the newest entry that the stream ever had,
    where that was taken out; else 0.
    """

    version: int = 0
    index: Index = NOTHING
    expires: bool = False
    lent: frozenset[str] = frozenset()
    removed: int = 0


@value
class StreamPage:
    """Some calls that have a stream. `cursor` is where the next page begins, "" after the last one."""

    calls: Sequence[CallId]
    cursor: str = ""


@value
class ChangePage:
    """Calls that were appended to, each with the version that it was at before the first of these appends.

    whole: False where others may have been appended to since the cursor that was given, or none was. more: whether
    there are more already. `cursor` is where it goes on.
    """

    calls: Mapping[CallId, int]
    cursor: str
    whole: bool
    more: bool = False


class Table(StrEnum):
    """The tables in which a call can be, but for that of live calls.

    DUE: what wants attention. ENDED: ended calls, when they ended, and until when they are kept. ON: the calls of a
    node. LENT: the calls that have a session under an id that could be another call's name.
    """

    DUE = "due"
    ENDED = "ended"
    ON = "on"
    LENT = "lent"


@value
class Stray:
    """An entry of a table of which no stream and no row is. name: of the node, or the id."""

    call_id: CallId
    table: Table
    name: str = ""


@value
class StrayPage:
    """Some strays. looked: how many entries were looked at. `cursor` is where it goes on, "" after the last ones."""

    strays: Sequence[Stray] = ()
    looked: int = 0
    cursor: str = ""


NEVER = Index(brief=True)
"""The index of a call that never was: only its deletes were heard of, before which no late request may make it."""
