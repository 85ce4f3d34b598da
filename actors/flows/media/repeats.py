"""Repeats of an offer: the same request once more, under another cookie or at another control node.

A client that hears nothing asks again, and does not say that it does. Both control nodes may be at work then, and may
not reach the same relays. One offer has one result: the session whose `offered` stands first in the journal has it,
every repeat gets its SDP, and what else was made for it goes. So the answerer cannot be given two.
"""

from __future__ import annotations

from actors.commands.media import Offer
from actors.results import Relayed
from events.values import value
from replay import session_dialogs
from replay.state import CallState, CallStatus, RelayedLeg, Session

REPEATED_WITHIN = 30_000
"""For how long after its result, in ms, the same request is taken for a repeat; then it is a new offer of the same."""

PATIENCE = 3_000
"""How long after it began, in ms, another control node's work on the same offer is waited for."""

PAUSE = 100
"""Ms between looks at whether it has ended."""


@value
class InWork:
    """The same offer is on its way, from another control node."""


@value
class Result:
    """What the first of the same offers came to. undone: whether a session of this one's own is to be removed."""

    relayed: bytes
    undone: bool = False

    @property
    def told(self) -> Relayed:
        """What every repeat is told."""
        return Relayed(self.relayed)


def found(state: CallState, command: Offer, waited: int) -> InWork | Result | None:
    """Return what there is already of the same offer. `waited`: for how long it was waited for, in ms."""
    if not command.digest or state.status is not CallStatus.LIVE:
        return None
    first = _result(state, command)
    if first is not None:
        return Result(first.relayed)
    now = command.received_at + waited
    return InWork() if any(_in_work(session, command, now) for session in state.usable_sessions()) else None


def taken_elsewhere(state: CallState, command: Offer, session: Session) -> RelayedLeg | None:
    """Return the result that the same offer has in another session than this one; None if it has none."""
    if not command.digest:
        return None
    leg = _given(state, command)
    return leg if leg is not None and leg.session != session.number else None


def _in_work(session: Session, command: Offer, now: int) -> bool:
    return any(
        operation.request == command.digest and not operation.over and now < operation.at + PATIENCE
        for operation in session.operations.values()
    )


def _result(state: CallState, command: Offer) -> RelayedLeg | None:
    leg = _given(state, command)
    if leg is None or command.received_at <= leg.at:
        return leg  # received before the first one had its result, it can be nothing but a repeat
    is_recent = command.received_at <= leg.at + REPEATED_WITHIN
    return leg if is_recent and not _answered_since(state, leg) else None


def _given(state: CallState, command: Offer) -> RelayedLeg | None:
    """Return what the same request was given on this branch, if its session still has what it made."""
    leg = state.given.get((command.from_tag, command.branch))
    if leg is None or leg.request != command.digest or not leg.relayed:
        return None
    session = state.sessions.get(leg.session)
    return leg if session is not None and session.usable and _stands(session, command) else None


def _stands(session: Session, command: Offer) -> bool:
    sender, other, branch = command.from_tag, command.to_tag, command.branch
    if branch and any(wanted.branch == branch for wanted in session.branch_deletes):
        return False
    if other:
        return session_dialogs.between(session.dialogs, sender, other) is not None
    return session_dialogs.opened_by(session.dialogs, sender, branch) is not None


def _answered_since(state: CallState, leg: RelayedLeg) -> bool:
    return any(
        other.branch == leg.branch and other.tag != leg.tag and other.version > leg.version
        for other in state.given.values()
    )
