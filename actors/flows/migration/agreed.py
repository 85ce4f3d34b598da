"""What the two parties of a call that moves have agreed on: it is that, and nothing newer, which new nodes are told."""

from __future__ import annotations

from events.names import BranchId, Leg, Tag
from events.values import value
from replay.migration import Migration
from replay.state import CallState, Session


@value
class Agreed:
    """The last offer that was answered, and its answer; the tags are those of who made them."""

    from_tag: Tag
    to_tag: Tag
    branch: BranchId
    offer: bytes
    answer: bytes

    def leg_of(self, tag: Tag, callee_tag: Tag) -> Leg:
        """Return which leg a party is."""
        return Leg.CALLEE if tag == callee_tag else Leg.CALLER


def session_of(state: CallState, callee_tag: Tag) -> Session | None:
    """Return the newest session in which a callee has agreed on something, also one that is gone; None for none."""
    sessions = [one for one in state.sessions.values() if _is_between(one, callee_tag) and not state.is_aside(one)]
    return max(sessions, key=lambda one: (one.usable, one.number), default=None)


def _is_between(session: Session, callee_tag: Tag) -> bool:
    agreement = session.agreement
    return agreement is not None and callee_tag in (agreement.from_tag, agreement.to_tag)


def last_agreed(state: CallState, migration: Migration) -> Agreed | None:
    """Return what the parties of a move agreed on last, in answers to requests of ours, too; None for nothing."""
    session = state.sessions.get(migration.leaves)
    agreement = session.agreement if session else None
    if agreement is None or not (agreement.offer and agreement.answer):
        return None
    return Agreed(
        agreement.from_tag,
        agreement.to_tag,
        agreement.branch,
        migration.said.get(agreement.from_tag, agreement.offer),
        migration.said.get(agreement.to_tag, agreement.answer),
    )


def to_be_told(migration: Migration, agreed: Agreed) -> Agreed:
    """Return what the session of a move is to be told next: all that its parties have agreed on, or a part of it.

    What a party has answered to us it is told as an answer, to an offer that it knows. As an offer it could make the
    node change what that party has just taken: to a node with ICE, new credentials in an offer are a restart, which
    needs new ones of its own (RFC 8445 2.4); in an answer they are the party's half of the restart that was ours.
    """
    offered, answered = migration.prepared.get(agreed.from_tag), migration.prepared.get(agreed.to_tag)
    if agreed.from_tag not in migration.said or offered is None or answered is None or offered.sdp == agreed.offer:
        return agreed
    return Agreed(agreed.to_tag, agreed.from_tag, agreed.branch, answered.sdp, agreed.offer)


def is_prepared(migration: Migration, agreed: Agreed) -> bool:
    """Return whether the session that the parties are to be told of was told what they have agreed on."""
    offered, answered = migration.prepared.get(agreed.from_tag), migration.prepared.get(agreed.to_tag)
    return offered is not None and answered is not None and (offered.sdp, answered.sdp) == (agreed.offer, agreed.answer)


def is_negotiating(state: CallState, callee_tag: Tag) -> bool:
    """Return whether a party of the dialog has an offer, or an INVITE, that goes on."""
    dialogs = state.negotiation.all_dialogs if state.negotiation else []
    return any(
        one.callee_tag == callee_tag and not one.ended and (one.open is not None or one.invite.pending)
        for one in dialogs
    )
