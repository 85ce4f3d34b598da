"""What the journal holds of sessions on nodes, for those who compare it with what the nodes hold."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from events.names import NodeName, RelayId
from replay.state import CLOSED, LIVE, CallState, Session, SessionStatus


class Standing(StrEnum):
    """What a call's history says of an id on a node.

    HELD: the call has such a session, or may have it, on some node. ENDED: it had it there, and it is gone. UNKNOWN: it
    had none of that id there.
    """

    HELD = "held"
    ENDED = "ended"
    UNKNOWN = "unknown"


def standing(state: CallState, node: NodeName, relay_id: RelayId) -> Standing:
    """Return what a call's history says of an id on a node; one relay may be known under the names of several nodes."""
    of_id = [session for session in state.sessions.values() if session.relay_id == relay_id]
    if any(session.status is not CLOSED for session in of_id):
        return Standing.HELD
    return Standing.ENDED if any(session.node == node for session in of_id) else Standing.UNKNOWN


def settled_sessions(state: CallState) -> Iterator[Session]:
    """Return the sessions that their nodes must have: they are open, and nothing is on its way that creates or ends."""
    if state.status is not LIVE:
        return
    for session in state.sessions.values():
        if session.status is SessionStatus.OPEN and not session.operations:
            yield session
