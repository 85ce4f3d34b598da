"""The flow of a node's word that a session's media timed out."""

from __future__ import annotations

from collections.abc import Callable

from actors.commands.recovery import EndSilentSession, EndVanishedSession
from actors.effects import AskNodes, Decision, Flow, Persist, Read, Sleep
from actors.flows.media.delete import delete
from actors.flows.sip.branches import done
from actors.flows.sip.own_requests import end_dialogs
from actors.flows.sip.settings_deletes import branch_delete, call_delete
from actors.results import UNKNOWN, Done
from engines.kind import Operation
from engines.registry import kind_of
from events.names import NodeName, RelayId
from events.registry import MediaTimedOut
from replay.state import CallState, Session

REASON = "its media timed out"


AGAIN = 1_000
"""After how long (ms) a node is asked once more that still has the session: it may just be about to remove it."""


def end_silent_session(command: EndSilentSession) -> Flow:
    """Journal that a node ended a branch's session for want of media, and delete it; or the call, by policy."""
    return (yield from _end(command, lambda session: session.branch == command.branch))


def end_vanished_session(command: EndVanishedSession) -> Flow:
    """Do the same for the session that a node knows by an id, once the node says that it has it no more."""
    for pause in (0, AGAIN):
        if pause:
            yield Sleep(pause)
        question = yield Read(lambda state: _question(state, command.relay_id))
        if question is None:
            return UNKNOWN
        (outcome,) = yield AskNodes([question])
        if outcome.reply is not None and outcome.reply.unknown:
            return (yield from _end(command, lambda session: session.relay_id == command.relay_id))
    return Done("The node does not say that it has lost the session")


def _question(state: CallState, relay_id: RelayId) -> tuple[NodeName, Operation] | None:
    """Return what to ask of which node to hear whether it has a session; None where the call has no such one."""
    session = next((session for session in state.usable_sessions() if session.relay_id == relay_id), None)
    if session is None:
        return None
    return session.node, kind_of(session.engine).knows(relay_id, session.from_tag, session.to_tag)


def _end(command: EndSilentSession | EndVanishedSession, is_it: Callable[[Session], bool]) -> Flow:
    """End a session, or its call, by policy. A call whose dialogs are known ends for its parties, too."""
    session, has_dialogs = yield Persist(lambda state: _note(state, is_it))
    if session is None:
        return UNKNOWN
    if command.ends_call and has_dialogs:
        return (yield from end_dialogs(REASON))
    if command.ends_call:
        wanted = call_delete(command.call_id, session.from_tag, session.to_tag, REASON, command.at)
    else:
        wanted = branch_delete(command.call_id, session.from_tag, session.branch, REASON, command.at)
    return done((yield from delete(wanted)))


def _note(state: CallState, is_it: Callable[[Session], bool]) -> Decision:
    session = next((session for session in state.usable_sessions() if is_it(session)), None)
    return Decision(
        [] if session is None else [MediaTimedOut(session=session.number)], (session, bool(state.dialogs()))
    )
