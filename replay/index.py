"""From state to the journal's tables: the call's row, the nodes it is on, and when it wants attention."""

from __future__ import annotations

from dataclasses import dataclass

from events.journal import NOTHING, Index, LiveCall
from replay.state import CallState, CallStatus, Session, SessionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """After how long, in ms, something of a call wants attention.

    `operation` is how long an intended offer can still take effect: longer than any command's deadline.
    """

    offer: int = 300_000
    probe: int = 600_000
    retry: int = 5_000
    operation: int = 10_000
    give_up: int = 86_400_000


def index(state: CallState, deadlines: Deadlines) -> Index:
    """Give what the journal's tables are to say of the call in this state."""
    remaining = [session for session in state.sessions.values() if session.status is not SessionStatus.CLOSED]
    if not remaining and state.status in (CallStatus.NEW, CallStatus.ENDED):
        return NOTHING
    nodes = frozenset([session.node for session in remaining])
    return Index(_row(state, remaining), nodes, due(state, deadlines))


def due(state: CallState, deadlines: Deadlines) -> int | None:
    """Give when the call wants attention (ms since the epoch), or None for never."""
    if state.status is CallStatus.QUARANTINED:
        return None
    wishes: list[int] = []
    if state.status is CallStatus.LIVE:
        wishes.append(state.changed + (deadlines.probe if state.answered else deadlines.offer))
    for session in state.sessions.values():
        if session.status is not SessionStatus.CLOSED:
            _add_wishes(wishes, session, deadlines)
    for _, copy in state.usable_copies():
        if copy.closing:
            wishes.append(copy.wanted_at + deadlines.retry)
        elif not copy.offered:
            wishes.append(copy.wanted_at + deadlines.operation)
    return min(wishes) if wishes else None


def _add_wishes(wishes: list[int], session: Session, deadlines: Deadlines) -> None:
    if session.status is SessionStatus.CLOSING:
        wishes.append(max(session.not_before, session.wanted_at + deadlines.retry))
    if session.operations:
        wishes += [operation.at + deadlines.operation for operation in session.operations.values()]
    if session.branch_deletes:
        wishes += [wanted.wanted_at + deadlines.retry for wanted in session.branch_deletes]


def _row(state: CallState, remaining: list[Session]) -> LiveCall:
    newest = remaining[-1] if remaining else None
    return LiveCall(
        call_id=state.call_id,
        status="closing" if state.status is CallStatus.ENDED else str(state.status),
        version=state.version,
        created=state.created,
        changed=state.changed,
        set=newest.set if newest else "",
        from_tag=newest.from_tag if newest else "",
        to_tag=newest.to_tag if newest else "",
        by=state.by,
        sessions=tuple((session.node, session.relay_id) for session in remaining),
    )
