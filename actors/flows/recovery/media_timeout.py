"""The flow of a node's word that a session's media timed out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from actors.commands.recovery import EndSilentSession, EndVanishedSession
from actors.effects import AskNodes, Decision, Flow, Persist, Read, Sleep
from actors.flows.media.delete import delete
from actors.flows.recovery.missing import SessionCheck, check_of, is_unknown, lost_of
from actors.flows.sip.branches import done
from actors.flows.sip.own_requests import end_dialogs
from actors.flows.sip.settings_deletes import branch_delete, call_delete
from actors.results import UNKNOWN, Done
from events.names import RelayId
from events.registry import MediaTimedOut
from replay.state import CallState, Session

REASON = "its media timed out"


AGAIN = 1_000
"""After how long (ms) a node is asked once more that still has the session: it may just be about to remove it."""


def end_silent_session(command: EndSilentSession) -> Flow:
    """Journal that a node ended a branch's session for want of media, and delete it; or the call, by policy."""

    def of_branch(state: CallState) -> Session | None:
        return next((session for session in state.usable_sessions() if session.branch == command.branch), None)

    return (yield from _end(command, of_branch))


def end_vanished_session(command: EndVanishedSession) -> Flow:
    """Do the same for the session that a node knows by an id, once the node says that it has it no more."""
    for pause in (0, AGAIN):
        if pause:
            yield Sleep(pause)
        check: SessionCheck | None = yield Read(lambda state: _check(state, command.relay_id))
        if check is None:
            return UNKNOWN
        (outcome,) = yield AskNodes([(check.node, check.question)])
        if is_unknown(outcome):
            return (yield from _end(command, partial(_lost, check)))
    return Done("The node does not say that it has lost the session")


def _check(state: CallState, relay_id: RelayId) -> SessionCheck | None:
    """Return what to ask of which node to hear whether it has a session; None where the call has no such one."""
    session = next((session for session in state.usable_sessions() if session.relay_id == relay_id), None)
    return None if session is None else check_of(state, session)


def _lost(check: SessionCheck, state: CallState) -> Session | None:
    return next(iter(lost_of(state, [check])), None)


def _end(command: EndSilentSession | EndVanishedSession, find: Callable[[CallState], Session | None]) -> Flow:
    """End the session that is found, or its call, by policy. A call with known dialogs ends for its parties, too."""
    session, has_dialogs = yield Persist(lambda state: _note(state, find(state)))
    if session is None:
        return UNKNOWN
    if command.ends_call and has_dialogs:
        return (yield from end_dialogs(REASON))
    if command.ends_call:
        wanted = call_delete(command.call_id, session.from_tag, session.to_tag, REASON, command.at)
    else:
        wanted = branch_delete(command.call_id, session.from_tag, session.branch, REASON, command.at)
    return done((yield from delete(wanted)))


def _note(state: CallState, session: Session | None) -> Decision:
    return Decision(
        [] if session is None else [MediaTimedOut(session=session.number)], (session, bool(state.dialogs()))
    )
