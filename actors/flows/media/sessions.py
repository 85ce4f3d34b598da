"""Which session of a call a command is about."""

from __future__ import annotations

from collections.abc import Callable

from actors.commands.media import AnyMediaCommand, Offer
from engines.registry import kind_of
from events.names import BranchId, NodeName, RelayId, Tag
from events.verb import ANSWER
from replay import session_dialogs
from replay.state import CallState, Session


def newest_first(state: CallState) -> list[Session]:
    """Return the usable sessions, newest first, but for one that the call is only about to move to."""
    return [session for session in reversed(state.sessions.values()) if session.usable and not state.is_aside(session)]


def of_offer(state: CallState, command: Offer) -> Session | None:
    """Return the session that an offer is to go to, or None if it needs one of its own.

    A node that knows branches has in one session all that are to be on its engine and set; on others each branch has a
    session.
    """
    if command.anew:
        return None
    if command.session:
        return _named(state, command)
    if command.to_tag:
        session = (
            of_answer(state, command)
            or _first(state, lambda session: _has(session, command.from_tag))
            or _first(state, lambda session: _waits(session, command))
        )
        return session if session is None or _may_offer_in(session, command) else None
    return _first(state, lambda session: _opened_by(session, command)) or _first(
        state, lambda session: _takes_branch(session, command)
    )


def of_answer(state: CallState, command: AnyMediaCommand) -> Session | None:
    """Return the session of the offer that this answers, or of the dialog that this offers in again, or None.

    An answer to a party that has made no offer is none: rtpengine 10.5 ends at some offers that follow such a one.
    """
    if command.session:
        return _named(state, command)
    sender, other, branch = command.from_tag, command.to_tag, command.branch
    offered_in = None if state.negotiation is None else _of_its_offer(state, command)
    return (
        offered_in
        or _first(state, lambda session: session_dialogs.between(session.dialogs, sender, other) is not None)
        or _first(state, lambda session: session_dialogs.waiting(session.dialogs, sender, branch) is not None)
        or _first(state, lambda session: _opened_by(session, command))
        or _first(state, lambda session: _offered_by(session, sender))
    )


def awaits(state: CallState, from_tag: Tag, to_tag: Tag, branch: BranchId) -> bool:
    """Return whether a node has the offer of a branch, whose answer is then to go there."""
    return any(
        (session.from_tag, session.branch) == (from_tag, branch)
        or session_dialogs.opened_by(session.dialogs, from_tag, branch) is not None
        or session_dialogs.between(session.dialogs, from_tag, to_tag) is not None
        for session in state.usable_sessions()
        if not session.gives_up(branch)
    )


def of_other(state: CallState, command: AnyMediaCommand) -> Session | None:
    """Return the session that any other command is about: the one with its tags, else the newest."""
    tag = command.from_tag or command.to_tag
    return _first(state, lambda session: bool(tag) and _has(session, tag)) or next(iter(newest_first(state)), None)


def awaits_first_answer(state: CallState, from_tag: Tag, branch: BranchId) -> bool:
    """Return whether what this party offered on a branch has had no answer, so that its node knows no tag beyond it."""
    return any(session_dialogs.waiting(session.dialogs, from_tag, branch) for session in state.usable_sessions())


def at(state: CallState, node: NodeName, relay_id: RelayId) -> Session:
    """Return the session that has this id on this node. Raises LookupError if the call has none such."""
    for session in state.sessions.values():
        if session.node == node and session.relay_id == relay_id:
            return session
    raise LookupError(f"call {state.call_id!r} has no session {relay_id!r} on node {node!r}")


def _named(state: CallState, command: AnyMediaCommand) -> Session | None:
    session = state.sessions.get(command.session)
    return session if session is not None and session.usable else None


def _takes_branch(session: Session, command: Offer) -> bool:
    """Return whether a session is to have a further branch in it: one for which its own engine and set are engaged."""
    return kind_of(session.engine).native_branches and _is_engaged(session, command)


def _is_engaged(session: Session, command: Offer) -> bool:
    """Return whether the engine and set of a session are those that are engaged for an offer.

    A client of the ng protocol names neither of them for a branch: its call stays where it is.
    """
    return not command.engine or (session.engine, session.set) == (command.engine, command.set)


def _may_offer_in(session: Session, command: Offer) -> bool:
    """Return whether the offer is one of this session, and the node would take it for one.

    A session that has nothing of the offer's dialog may be of a branch that is engaged elsewhere. A node without
    branches knows a session by the tag that made it: an offer between two others makes a second one there, under the
    same id, which the delete of the first would leave.
    """
    if not (_is_engaged(session, command) or _has_dialog(session, command)):
        return False
    return kind_of(session.engine).native_branches or session.from_tag in (command.from_tag, command.to_tag)


def _has_dialog(session: Session, command: Offer) -> bool:
    """Return whether a session has the dialog of an offer, or the branch that this is of."""
    dialogs = session.dialogs
    is_answered = session_dialogs.between(dialogs, command.from_tag, command.to_tag) is not None
    return is_answered or any(dialog.branch == command.branch for dialog in dialogs)


def _of_its_offer(state: CallState, command: AnyMediaCommand) -> Session | None:
    """Return the session in which the offer of an answer was taken; None if it is gone, or not known.

    The parties may have a newer one by now: after a move that failed while the offer was open. This is for calls whose
    SIP messages are known: of others nobody can tell which of their offers an answer is to.
    """
    if command.verb is not ANSWER:
        return None
    offered = state.given.get((command.from_tag, command.branch))
    session = state.sessions.get(offered.session) if offered is not None else None
    return session if session is not None and session.usable and not state.is_aside(session) else None


def _waits(session: Session, command: AnyMediaCommand) -> bool:
    """Return whether it is the other one whose own offer still has no answer: this offer comes before that."""
    return session_dialogs.waiting(session.dialogs, command.to_tag, command.branch) is not None


def _opened_by(session: Session, command: AnyMediaCommand) -> bool:
    opener = (command.from_tag, command.branch)
    return (session.from_tag, session.branch) == opener or session_dialogs.opened_by(
        session.dialogs, *opener
    ) is not None


def _offered_by(session: Session, tag: Tag) -> bool:
    return session.from_tag == tag or any(dialog.from_tag == tag for dialog in session.dialogs)


def _has(session: Session, tag: Tag) -> bool:
    return session.from_tag == tag or any(dialog.has(tag) for dialog in session.dialogs)


def _first(state: CallState, wanted: Callable[[Session], bool]) -> Session | None:
    for session in newest_first(state):
        if wanted(session):
            return session
    return None
