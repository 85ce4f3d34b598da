"""What is done when the journal turns out to have lost entries that this control node knows.

Where nobody has written since, they are written again as they were. Where somebody has, the histories have parted: what
is remembered of the call is journalled as one event, so that sessions are found, and an answer or the end still holds.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

from actors.effects import Decide, Decision
from actors.known_history import CallHistory, same
from events.names import NodeName, RelayId
from events.records import Recorded
from events.registry import Event, RememberedSession, SessionAdopted, SessionIntended, TailLost
from replay.projection import Deadlines, project
from replay.state import CallState, CallStatus, Session, SessionStatus

_Place: TypeAlias = tuple[NodeName, RelayId]
"""Where a session is: its node, and its id there."""


def is_over(known: CallHistory, there: CallHistory, deadlines: Deadlines) -> bool:
    """Return whether a stream is gone because its call ended: nothing of it is to be remembered."""
    left = project(known.state(), deadlines)
    return not there.version and left.live is None and not left.brief


def missing(known: CallHistory, there: CallHistory, by: str, at: int) -> list[Recorded]:
    """Return what is to be written again, and the word that it was; nothing where the histories have parted.

    Nor where an entry is not known any more, or was of an old kind that is several events today: as it was, it cannot
    be written.
    """
    version, left = known.version, there.version
    if left >= version or left < known.start or not known.follows(there):
        return []
    lost = [known.entry(number) for number in range(left + 1, version + 1)]
    if any(record.also for record in lost):
        return []
    return [*lost, Recorded(version + 1, at, by, TailLost(known=version))]


def remember(known: CallHistory, there: CallHistory) -> Decide:
    """Journal what this control node remembers of a call and the journal, which went on without it, does not.

    A session that was made since then under an id that the lost entries had too may be another one: that the lost one
    was removed says nothing of it. If it is gone all the same, that shows when its node is asked for it.
    """
    remembered, anew = known.state(), _made_anew(known, there)

    def decide(state: CallState) -> Decision:
        by_place = {_place(session): session for session in state.sessions.values()}
        number, over = state.last_session, _is_over_there(remembered, state)
        sessions: list[RememberedSession] = []
        for session in remembered.sessions.values():
            other = by_place.get(_place(session))
            if other is None and session.status is not SessionStatus.CLOSED:
                number += 1
                sessions.append(_remembered(session, number, closing=over))
            elif other is not None and _is_further(session, other) and (session.usable or _place(session) not in anew):
                sessions.append(_remembered(session, other.number, closing=over))
        ended = remembered.status is CallStatus.ENDED and not _begun_anew(remembered, state, anew)
        event: Event = TailLost(
            known=remembered.version,
            answered=remembered.answered,
            ended=ended,
            reason=remembered.reason if ended else "",
            sessions=tuple(sessions),
        )
        return Decision([event])

    return decide


def _place(session: Session | SessionIntended | SessionAdopted) -> _Place:
    return session.node, session.relay_id


def _made_anew(known: CallHistory, there: CallHistory) -> frozenset[_Place]:
    """Return the places of the sessions that were made after the histories had parted, as the journal says."""
    since = [record for record in there.records if _is_unknown(record, known)]
    events = [event for record in since for event in (record.event, *record.also)]
    return frozenset(_place(event) for event in events if isinstance(event, (SessionIntended, SessionAdopted)))


def _is_unknown(record: Recorded, known: CallHistory) -> bool:
    """Return whether an entry is another one than is remembered, or a later one."""
    if record.version <= known.start:
        return False
    return record.version > known.version or not same(record, known.entry(record.version))


def _is_further(known: Session, there: Session) -> bool:
    """Return whether more is remembered of a session than the journal says of it."""
    order = list(SessionStatus).index
    parties = [(dialog.from_tag, dialog.to_tag) for dialog in there.dialogs]
    return order(known.status) > order(there.status) or any(
        (dialog.from_tag, dialog.to_tag) not in parties for dialog in known.dialogs
    )


def _begun_anew(known: CallState, there: CallState, anew: Collection[_Place]) -> bool:
    """Return whether the journal has usable sessions that are not known: a call after the end that it forgot."""
    places = {_place(session) for session in known.sessions.values()}.difference(anew)
    return any(_place(session) not in places for session in there.usable_sessions())


def _is_over_there(known: CallState, there: CallState) -> bool:
    """Return whether the call that is remembered has ended by the journal, which knew not all of its sessions then.

    It has not if it was begun anew after that end, and the journal forgot it.
    """
    if there.status is not CallStatus.ENDED:
        return False
    return known.created <= max(there.created, there.ends.get("", 0))


def _remembered(session: Session, number: int, *, closing: bool) -> RememberedSession:
    return RememberedSession(
        session=number,
        engine=session.engine,
        set=session.set,
        node=session.node,
        relay_id=session.relay_id,
        from_tag=session.from_tag,
        to_tag=session.to_tag,
        branch=session.branch,
        handle=session.handle,
        status=str(SessionStatus.CLOSING if closing and session.usable else session.status),
        reason=session.reason,
        dialogs=tuple((dialog.from_tag, dialog.to_tag, dialog.branch) for dialog in session.dialogs),
    )
