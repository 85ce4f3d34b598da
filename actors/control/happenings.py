"""What happens that others may want to hear of at once: calls and copies moved, media gone, keys, nodes, orphans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from actors.node_table import Node
from actors.observers import Observers
from engines.health import NodeState
from engines.sets import NodeSpec
from events.copy_events import CopyLeftBehind, CopyMoved
from events.event import Event
from events.migration_events import MigrationCompleted, MigrationFailed
from events.names import CallId, RelayId
from events.records import Recorded
from events.registry import MediaTimedOut, SessionMissing
from events.values import value

CALL_MOVED = "E_RTP_RELAY_CALL_MOVED"
MOVE_FAILED = "E_RTP_RELAY_MOVE_FAILED"
COPY_MOVED = "E_RTP_RELAY_COPY_MOVED"
COPY_LEFT_BEHIND = "E_RTP_RELAY_COPY_LEFT_BEHIND"
MEDIA_TIMEOUT = "E_RTP_RELAY_MEDIA_TIMEOUT"
NODE_STATE = "E_RTP_RELAY_NODE_STATE"
SESSION_MISSING = "E_RTP_RELAY_SESSION_MISSING"
ORPHAN = "E_RTP_RELAY_ORPHAN"
DIGIT = "E_RTPENGINE_NOTIFICATION"
"""The name under which OpenSIPS' rtpengine module tells of a key."""


@value
class CallHappening:
    """Something that happened to a call.

    session: the number of its session, 0 for none. reason: why, in words. copy: the name of the copy that it is about.
    """

    name: str
    call_id: CallId
    session: int = 0
    reason: str = ""
    copy: str = ""


@value
class DigitHappening:
    """A party pressed a key, as a relay has heard (RFC 4733).

    party: its tag. parties: the tags of all parties. code: the event's code, None where digits are nobody's business.
    duration: ms. volume: -dBm0. at: seconds since the epoch. source: the IP address that it came from.
    """

    call_id: CallId
    party: str
    parties: tuple[str, ...]
    code: int | None
    duration: int
    volume: int
    at: int
    source: str


@value
class NodeHappening:
    """A node is in another state than before. was_active, is_active: whether it took commands, and whether it does."""

    node: Node
    was_active: bool
    is_active: bool
    why: str


@value
class OrphanHappening:
    """A node holds a session that no call has. call_id: the call that had it, "" if none is known. deleted: by us."""

    node: NodeSpec
    relay_id: RelayId
    call_id: CallId
    deleted: bool


Happening = CallHappening | NodeHappening | OrphanHappening | DigitHappening

Tell = Callable[[Happening], None]
"""Takes what happened, at once: it is called in the midst of a call's work."""

_OF_EVENTS: Mapping[type[Event], Callable[[CallId, Any], CallHappening]] = MappingProxyType(
    {
        MediaTimedOut: lambda call_id, event: CallHappening(MEDIA_TIMEOUT, call_id, event.session),
        MigrationCompleted: lambda call_id, event: CallHappening(CALL_MOVED, call_id, event.session),
        MigrationFailed: lambda call_id, event: CallHappening(MOVE_FAILED, call_id, 0, event.reason),
        CopyMoved: lambda call_id, event: CallHappening(COPY_MOVED, call_id, event.session, copy=event.copy),
        SessionMissing: lambda call_id, event: CallHappening(SESSION_MISSING, call_id, event.session),
        CopyLeftBehind: lambda call_id, event: CallHappening(COPY_LEFT_BEHIND, call_id, 0, event.reason, event.copy),
    }
)


class CallWatch:
    """Tells what happens to the calls of this process, while somebody wants to hear it: until then it costs nothing."""

    def __init__(self, observers: Observers, tell: Tell) -> None:
        self._observers, self._tell = observers, tell
        self._watches = False

    def want(self, wanted: bool) -> None:
        """Begin to tell, or end."""
        if wanted is not self._watches:
            self._watches = wanted
            (self._observers.add if wanted else self._observers.remove)(self._observe)

    def _observe(self, call_id: CallId, record: Recorded) -> None:
        for happening in _found(call_id, record):
            self._tell(happening)


def _found(call_id: CallId, record: Recorded) -> Iterator[CallHappening]:
    for event in record.events:
        happened = _OF_EVENTS.get(type(event))
        if happened is not None:
            yield happened(call_id, event)


def of_node(before: Node, after: Node, why: str) -> NodeHappening | None:
    """Return what happened to a node between these two words of it; None for nothing that anybody wants to hear."""
    if before.health.state is after.health.state:
        return None
    return NodeHappening(after, _is_active(before), _is_active(after), why)


def _is_active(node: Node) -> bool:
    return node.health.state in (NodeState.UP, NodeState.DRAINING)
