"""What deletes do to a call and its sessions: what is intended, and what is gone."""

from __future__ import annotations

from events import registry as e
from events.records import Recorded
from replay import session_dialogs
from replay.state import BranchDelete, CallState, CallStatus, Session, SessionStatus


def delete_intended(state: CallState, record: Recorded, event: e.DeleteIntended) -> None:
    """Record what is to be removed, and the end of the call if that is intended."""
    if event.asked_at:
        _note_end(state, event)
    if event.scope is e.Scope.CALL:
        end_call(state, event.reason)
    for number in event.sessions:
        session = state.sessions[number]
        if event.scope is e.Scope.BRANCH:
            wanted = BranchDelete(event.from_tag, event.to_tag, event.branch, record.at)
            session.branch_deletes.append(wanted)
        else:
            session.status = SessionStatus.CLOSING
            session.intended_at = record.at
            session.not_before = event.not_before
            session.reason = event.reason


def deleted(state: CallState, _: Recorded, event: e.Deleted) -> None:
    """Close a session."""
    session = state.sessions[event.session]
    session.status = SessionStatus.CLOSED
    forget_parts(state, session)


def branch_deleted(state: CallState, _: Recorded, event: e.BranchDeleted) -> None:
    """Take what a delete named out of its session."""
    session = state.sessions[event.session]
    key = (event.from_tag, event.to_tag, event.branch)
    still_wanted = [
        wanted for wanted in session.branch_deletes if (wanted.from_tag, wanted.to_tag, wanted.branch) != key
    ]
    if len(still_wanted) == len(session.branch_deletes):
        return  # two were at it, and the other one has said so; what a delete names may mean another party by now
    session.branch_deletes = still_wanted
    if event.branch and not event.to_tag:
        session.gone_branches.append(event.branch)
    gone = session_dialogs.named_by_delete(session.dialogs, *key)
    session.dialogs = [dialog for dialog in session.dialogs if dialog not in gone]


def end_call(state: CallState, reason: str) -> None:
    """End the call."""
    state.status = CallStatus.ENDED
    state.reason = reason
    _keep_relay(state)
    if state.sip_dialogs is not None:
        state.sip_dialogs.end()


def forget_parts(state: CallState, session: Session) -> None:
    """Forget what a session consists of: it is gone."""
    session.operations.clear()
    session.dialogs.clear()
    session.branch_deletes.clear()
    state.copies = {name: copy for name, copy in state.copies.items() if copy.session != session.number}


def _note_end(state: CallState, event: e.DeleteIntended) -> None:
    """Record since when a call or a branch is to end. A delete of a party says nothing of the others."""
    if event.branch or event.scope is e.Scope.CALL:
        state.ends[event.branch] = max(event.asked_at, state.ends.get(event.branch, 0))
    if not event.sessions:
        state.refusals += 1


def _keep_relay(state: CallState) -> None:
    """Leave the settings of a call that ends to the sessions that are still to be removed; a call anew has its own."""
    for session in state.remaining_sessions():
        session.relay = session.relay or state.relay
    state.relay = None
    state.negotiation = None
