"""What is decided when the journal turns out to have lost its newest entries."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from actors.effects import Decide, Decision
from events.types import TailLost
from replay.state import CallState, Session, SessionStatus

REMEMBERED = ("engine", "set", "node", "relay_id", "from_tag", "to_tag", "branch", "handle", "reason")
"""The fields of a session that are plain values and outlive the loss; status and number stand beside them."""


def remember(known: CallState) -> Decide:
    """Journal what this control node remembers and the journal does not: sessions that may be on nodes."""

    def decide(state: CallState) -> Decision:
        there = {(session.node, session.relay_id): session.status for session in state.sessions.values()}
        number = state.last_session
        forgotten: list[dict[str, Any]] = []
        for session in known.sessions.values():
            if there.get((session.node, session.relay_id)) is None and session.status is not SessionStatus.CLOSED:
                number += 1
                forgotten.append(_as_map(session) | {"number": number, "status": str(session.status)})
        return Decision([TailLost(known=known.version, sessions=tuple(forgotten))])

    return decide


def _as_map(session: Session) -> dict[str, Any]:
    return {field.name: getattr(session, field.name) for field in fields(session) if field.name in REMEMBERED}
