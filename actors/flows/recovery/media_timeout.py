"""The flow of a node's word that a session's media timed out."""

from __future__ import annotations

from actors import replies
from actors.effects import Decision, Flow, Persist
from actors.flows.media.delete import delete
from actors.flows.sip.own_requests import end_call
from actors.flows.sip.relayed_media import branch_delete, call_delete
from events.registry import MediaTimedOut
from replay.state import CallState

REASON = "its media timed out"


def timed_out(call_id: str, branch: str, *, ends_call: bool, at: int) -> Flow:
    """Journal that a node ended a branch's session for want of media, and delete it; or the call, by policy.

    A call whose dialogs are known ends for its parties, too: each gets a BYE.
    """
    session, has_dialogs = yield Persist(lambda state: _note(state, branch))
    if session is None:
        return replies.UNKNOWN.reply
    if ends_call and has_dialogs:
        return (yield from end_call(REASON))
    if ends_call:
        return (yield from delete(call_delete(call_id, session.from_tag, session.to_tag, REASON, at)))
    return (yield from delete(branch_delete(call_id, session.from_tag, branch, REASON, at)))


def _note(state: CallState, branch: str) -> Decision:
    session = next((session for session in state.usable_sessions() if session.branch == branch), None)
    return Decision(
        [] if session is None else [MediaTimedOut(session=session.number)], (session, bool(state.dialogs()))
    )
