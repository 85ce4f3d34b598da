"""What is journalled of a call whose journal lost entries, or whose stream makes no sense."""

from __future__ import annotations

from events import registry as e
from events.names import NO_TAG, BranchId, Tag
from events.records import Recorded
from replay import session_dialogs
from replay.folding.deletes import end_call, forget_parts
from replay.folding.sessions import begin_call, session_of
from replay.state import CallState, CallStatus, Session, SessionStatus


def tail_lost(state: CallState, record: Recorded, event: e.TailLost) -> None:
    """Take in what a control node remembers of the call beside what the journal says."""
    for remembered in event.sessions:
        session = _remembered(state, remembered)
        session.intended_at = session.intended_at or record.at
        if session.usable and state.status is not CallStatus.QUARANTINED:
            begin_call(state, record.at)
    state.vouched = state.vouched or event.answered
    if event.ended and state.status is CallStatus.LIVE:
        end_call(state, event.reason)


def _remembered(state: CallState, event: e.RememberedSession) -> Session:
    """Return a session that the journal forgot, or one that it has, brought to what is remembered of it."""
    there = [one for one in state.sessions.values() if (one.node, one.relay_id) == (event.node, event.relay_id)]
    session = there[0] if there else session_of(event)
    if not there:
        session.handle, session.reason = event.handle, event.reason
    session.others = True  # as far as anybody knows
    state.sessions[session.number] = session
    session.status = max(session.status, SessionStatus(event.status), key=list(SessionStatus).index)
    if session.status is SessionStatus.CLOSED:
        forget_parts(state, session)
        return session
    for from_tag, to_tag, branch in event.dialogs:
        if to_tag:
            session_dialogs.answered(session.dialogs, Tag(from_tag), Tag(to_tag), BranchId(branch))
        else:
            session_dialogs.offered(session.dialogs, Tag(from_tag), NO_TAG, BranchId(branch))
    return session


def quarantined(state: CallState, _: Recorded, event: e.Quarantined) -> None:
    """Set the call aside."""
    state.status = CallStatus.QUARANTINED
    state.reason = event.reason


def release_intended(state: CallState, _: Recorded, event: e.ReleaseIntended) -> None:
    """Change nothing: the journal's tables say what of a quarantined call is due."""


def session_released(state: CallState, _: Recorded, event: e.SessionReleased) -> None:
    """Close a session of a quarantined call."""
    for session in state.sessions.values():
        if (session.node, session.relay_id) == (event.node, event.relay_id):
            session.status = SessionStatus.CLOSED
            forget_parts(state, session)
