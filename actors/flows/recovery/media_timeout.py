"""The flow of a node's word that a session's media timed out."""

from __future__ import annotations

from actors.commands.recovery import EndSilentSession
from actors.effects import Decision, Flow, Persist
from actors.flows.media.delete import delete
from actors.flows.sip.branches import done
from actors.flows.sip.own_requests import end_dialogs
from actors.flows.sip.settings_deletes import branch_delete, call_delete
from actors.results import UNKNOWN
from events.names import BranchId
from events.registry import MediaTimedOut
from replay.state import CallState

REASON = "its media timed out"


def end_silent_session(command: EndSilentSession) -> Flow:
    """Journal that a node ended a branch's session for want of media, and delete it; or the call, by policy.

    A call whose dialogs are known ends for its parties, too: each gets a BYE.
    """
    call_id, branch, at = command.call_id, command.branch, command.at
    session, has_dialogs = yield Persist(lambda state: _note(state, branch))
    if session is None:
        return UNKNOWN
    if command.ends_call and has_dialogs:
        return (yield from end_dialogs(REASON))
    if command.ends_call:
        wanted = call_delete(call_id, session.from_tag, session.to_tag, REASON, at)
    else:
        wanted = branch_delete(call_id, session.from_tag, branch, REASON, at)
    return done((yield from delete(wanted)))


def _note(state: CallState, branch: BranchId) -> Decision:
    session = next((session for session in state.usable_sessions() if session.branch == branch), None)
    return Decision(
        [] if session is None else [MediaTimedOut(session=session.number)], (session, bool(state.dialogs()))
    )
