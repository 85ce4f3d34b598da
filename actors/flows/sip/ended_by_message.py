"""What a SIP message ends: a branch, a dialog, the call, or the sessions of an offer that was rejected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.commands.media import Delete
from actors.commands.sip import ObserveSipMessage
from actors.flows.media.delete_intention import intend_deletes
from actors.flows.media.removals import IntendedDeletes, removal_of
from actors.flows.sip.settings_deletes import branch_delete, call_delete, dialog_delete
from events.registry import DeleteIntended, Event, Scope
from replay import session_dialogs
from replay.offer_answer import Change, Verdict
from replay.state import CallState, CallStatus

_NO_CHANGE: Final = Change.NONE


def change_of(verdict: Verdict) -> Change:
    """Return what the message does to the call, or did when it was seen first: a crash may have come between."""
    return verdict.again if verdict.change is _NO_CHANGE else verdict.change


def ended_by(
    state: CallState, seen: ObserveSipMessage, verdict: Verdict
) -> tuple[Sequence[Event], Sequence[IntendedDeletes]]:
    """Return the end of what a message ends, as events and as removals; nothing if it was ended before."""
    if change_of(verdict) is Change.REJECTED:
        return _in_vain(state, seen, verdict)
    command = _delete(seen, verdict)
    if command is None:
        return (), ()
    if state.status is CallStatus.NEW:  # there is no session, and with the last dialog the settings are to go, too
        ends = verdict.change is Change.CALL_ENDED
        return ((DeleteIntended(scope=Scope.CALL, sessions=(), reason=command.reason),) if ends else ()), ()
    intention = intend_deletes(state, command)
    return intention.events, [(intention.value, command)] if intention.value else ()


def _in_vain(
    state: CallState, seen: ObserveSipMessage, verdict: Verdict
) -> tuple[Sequence[Event], Sequence[IntendedDeletes]]:
    """End the sessions that were made for an offer which was rejected: its parties go on where they have agreed."""
    of_both = [
        s for s in state.usable_sessions() if session_dialogs.between(s.dialogs, seen.callers_tag, verdict.callee_tag)
    ]
    made = [session for session in of_both if session.agreement is None and not state.is_aside(session)]
    if not made or made == of_both:
        return (), ()
    why = "the offer that it was made for was rejected"
    intended = DeleteIntended(scope=Scope.SESSION, sessions=tuple(session.number for session in made), reason=why)
    command = dialog_delete(seen.call_id, verdict.callee_tag, why, seen.at)
    return (intended,), [([removal_of(state, session) for session in made], command)]


def _delete(seen: ObserveSipMessage, verdict: Verdict) -> Delete | None:
    call_id, tag, why = seen.call_id, seen.callers_tag, verdict.why or str(verdict.change)
    match change_of(verdict):
        case Change.BRANCH_FAILED:
            return branch_delete(call_id, tag, verdict.branch, why, seen.at)
        case Change.CALL_ENDED:
            return call_delete(call_id, tag, verdict.callee_tag, why, seen.at)
        case Change.DIALOG_ENDED:
            return dialog_delete(call_id, verdict.callee_tag, why, seen.at)
        case _:
            return None
