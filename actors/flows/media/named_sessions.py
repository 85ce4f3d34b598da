"""Which of a call's sessions a delete names, and how much of each."""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.media import Delete
from events.names import BranchId
from events.values import value
from replay import session_dialogs
from replay.state import CallState, Session, SessionDialog


@value
class NamedSessions:
    """The usable sessions that a delete is about.

    whole: those that go. partly: those of which dialogs go, and a node is to be told. shared: those of which dialogs go
    whose branches have others on them; a node has a branch but once, and is told nothing.
    """

    whole: Sequence[Session]
    partly: Sequence[Session]
    shared: Sequence[Session]


def named_sessions(state: CallState, command: Delete) -> NamedSessions:
    """Return the sessions that a delete is about."""
    whole: list[Session] = []
    partly: list[Session] = []
    shared: list[Session] = []
    for session in _concerned(state, command):
        named = _named(session, command)
        if len(named) == len(session.dialogs) and _is_about(session, command):
            whole.append(session)
        elif named and not command.ends_call and _share(session, named):
            shared.append(session)
        elif named:
            partly.append(session)
    return NamedSessions(whole, partly, shared)


def doubles_of(state: CallState, command: Delete, sessions: NamedSessions) -> list[Session]:
    """Return the other sessions that were made for the same offers as what a delete names, and that nobody answered.

    Control nodes that do not reach the same relays can make several for one.
    """
    named = [*sessions.whole, *sessions.partly, *sessions.shared]
    others = [session for session in state.usable_sessions() if session not in named]
    if not others:
        return []
    gone = [dialog for session in named for dialog in _named(session, command)]
    openers = {(dialog.from_tag, dialog.branch) for dialog in gone}
    return [
        session
        for session in others
        if session_dialogs.only_offered(session.dialogs, openers)
        and (session.dialogs or (session.from_tag, session.branch) in openers)
    ]


def branch_is_to_go(state: CallState, branch: BranchId) -> bool:
    """Return whether the removal of a branch is intended already."""
    return any(session.gives_up(branch) for session in state.usable_sessions())


def _named(session: Session, command: Delete) -> list[SessionDialog]:
    return session_dialogs.named_by_delete(session.dialogs, command.from_tag, command.to_tag, command.branch)


def _share(session: Session, named: Sequence[SessionDialog]) -> bool:
    """Return whether others on the same branches stay: a node has a branch but once, by the tag it heard last."""
    staying = {dialog.branch for dialog in session.dialogs if dialog not in named}
    return all(dialog.branch in staying for dialog in named)


def _concerned(state: CallState, command: Delete) -> list[Session]:
    """Return the sessions that a delete can be about: those of the branch that it names, if any of them ever had it."""
    usable = state.usable_sessions()
    if not command.branch or command.to_tag:
        return usable
    of_branch = [session for session in state.sessions.values() if _ever_had(session, command.branch)]
    return [session for session in of_branch if session.usable] if of_branch else usable


def _ever_had(session: Session, branch: BranchId) -> bool:
    return session.branch == branch or any(dialog.branch == branch for dialog in session.dialogs)


def _is_about(session: Session, command: Delete) -> bool:
    """Return whether a session is the delete's to take whole; one without dialogs goes by the tag it was made with."""
    return bool(session.dialogs) or not command.from_tag or session.from_tag in (command.from_tag, command.to_tag)
