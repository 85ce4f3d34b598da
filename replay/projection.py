"""From state to the journal's tables: the call's row, the nodes it is on, and when it wants attention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from events.names import NO_TAG
from events.records import NEVER, NOTHING, Index, LiveCall
from replay.eras import NEVER_SET, ClockEras
from replay.migration import Migration
from replay.state import CLOSED, CLOSING, ENDED, LIVE, QUARANTINED, CallState, CallStatus, Session
from replay.summary import ended_call

TIMER_H = 32_000
"""How long a callee waits for the ACK of its 2xx (RFC 3261 13.3.1.4: 64*T1), ms."""

SPARE = 500
"""For how long the branches that were not answered are kept when another one is (ms): about what a CANCEL takes."""

_WITHOUT_CALL = (CallStatus.NEW, CallStatus.ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """After how long, in ms, something of a call wants attention.

    `ringing` is how long the SIP door lets an INVITE be without a final response: a call whose SIP messages are known
    is not given up as unanswered before. `operation` is how long an intended offer or answer can still take effect:
    longer than any command's deadline. `request` is how long a SIP request of our own can be under way, its repeats
    included. `dialog` is for how long a SIP dialog may be silent before its parties are asked whether they still have
    it, 0 for ever; `session_timer` how long after its time a session that was not refreshed (RFC 4028) is ended. `move`
    is after how long a call's move is taken up that nobody says to be at; sooner than a party gives a 2xx up that has
    no ACK (RFC 3261 13.3.1.4). `quality` is how often a node is asked how the media of a call are, 0 for never. `eras`
    are those of the clock that all times are by: who sets it neither brings a deadline on nor puts it off.
    """

    offer: int = 300_000
    ringing: int = 0
    probe: int = 600_000
    retry: int = 5_000
    operation: int = 10_000
    give_up: int = 86_400_000
    request: int = 40_000
    dialog: int = 0
    session_timer: int = 32_000
    move: int = 10_000
    quality: int = 0
    eras: ClockEras = NEVER_SET

    def after(self, at: int, ms: int) -> int:
        """Return the time that is so many ms after another one."""
        return at + ms + self.eras.set_since(at) if self.eras.past else at + ms

    def again(self, now: int, since: int) -> int:
        """Return when to try again what was intended at `since`: after twice as long from try to try, up to `probe`.

        So nothing needs to be journalled of a try: the intention's age is the measure.
        """
        return now + min(max(now - self.after(since, 0), self.retry), self.probe)


def project(state: CallState, deadlines: Deadlines) -> Index:
    """Return what the journal's tables are to say of the call in this state."""
    remaining = [session for session in state.sessions.values() if session.status is not CLOSED]
    owed = state.migration is not None or (state.sip_dialogs is not None and bool(state.sip_dialogs.requests))
    if not remaining and not owed and state.status in _WITHOUT_CALL:
        return _of_nothing(state)
    nodes = frozenset([session.node for session in remaining])
    return Index(_row(state, remaining), nodes, due(state, deadlines))


def _of_nothing(state: CallState) -> Index:
    """Return what the tables say of a call of which nothing is left."""
    if not state.sessions and not state.sip_dialogs:
        return NEVER
    return Index(ended=ended_call(state)) if state.status is ENDED else NOTHING


def due(state: CallState, deadlines: Deadlines) -> int | None:
    """Return when the call wants attention (ms since the epoch), or None for never."""
    times = due_times(state, deadlines)
    return min(times) if times else None


def due_times(state: CallState, deadlines: Deadlines) -> list[int]:
    """Return when each thing of the call wants attention, ms since the epoch."""
    times: list[int] = []
    if state.status is QUARANTINED:
        return times
    if state.status is LIVE:
        times.append(_patient_until(state, deadlines))
        measuring = measuring_due(state, deadlines) if deadlines.quality else None
        if measuring:
            times.append(measuring)
    for session in state.sessions.values():
        if session.status is not CLOSED:
            _add_due_times(times, session, deadlines)
    if state.relay is not None and state.spare_branches():
        times.append(deadlines.after(state.relay.established_at, SPARE + deadlines.retry))
    if state.copies:
        _add_copies_due_times(times, state, deadlines)
    if state.sip_dialogs is not None:
        times += _dialog_due_times(state, deadlines)
    return times if state.migration is None else [*times, *_migration_due_times(state, deadlines)]


def measuring_due(state: CallState, deadlines: Deadlines) -> int | None:
    """Return when its nodes are to be asked how the media of a call are; None for never."""
    if not deadlines.quality or state.status is not LIVE or not state.answered or not state.has_session:
        return None
    times = (state.created, state.answered_at, state.measured_at)
    return max([deadlines.after(at, deadlines.quality) for at in times])


def _patient_until(state: CallState, deadlines: Deadlines) -> int:
    """Return until when nothing need happen before a call wants attention; of one without a relay its parties tell."""
    if state.has_dialog and not state.has_session:
        return deadlines.after(state.changed, deadlines.give_up)
    if state.answered:
        return deadlines.after(state.changed, deadlines.probe)
    return unanswered_until(state, deadlines)


def unanswered_until(state: CallState, deadlines: Deadlines) -> int:
    """Return when a call that is not answered is given up if nothing is heard of it until then, ms since the epoch."""
    patience = deadlines.offer if state.negotiation is None else max(deadlines.offer, deadlines.ringing)
    return deadlines.after(state.heard, patience)


def _add_due_times(times: list[int], session: Session, deadlines: Deadlines) -> None:
    if session.status is CLOSING:
        at = session.intended_at
        times.append(deadlines.after(at, max(session.not_before - at, deadlines.retry)))
    if session.operations:
        times += [deadlines.after(operation.at, deadlines.operation) for operation in session.operations.values()]
    if session.branch_deletes:
        times += [deadlines.after(delete.intended_at, deadlines.retry) for delete in session.branch_deletes]


def closes_at(session: Session, deadlines: Deadlines) -> int:
    """Return when a session that is to go may be removed, if its client wanted that later than at once."""
    return deadlines.after(session.intended_at, session.not_before - session.intended_at)


def _add_copies_due_times(times: list[int], state: CallState, deadlines: Deadlines) -> None:
    for _, copy in state.usable_copies():
        if copy.closing:
            times.append(deadlines.after(copy.intended_at, deadlines.retry))
        elif not copy.offered:
            times.append(deadlines.after(copy.intended_at, deadlines.operation))


def _dialog_due_times(state: CallState, deadlines: Deadlines) -> Iterator[int]:
    requests = state.sip_dialogs.requests if state.sip_dialogs else {}
    for request in requests.values():
        yield deadlines.after(request.at, deadlines.request)
    if not requests:  # what comes of these is known soon, and says more
        yield from filter(None, (session_ends(state, deadlines), falls_silent(state, deadlines)))
        yield from unacknowledged(state, deadlines).values()


def migration_due(state: CallState, deadlines: Deadlines) -> int | None:
    """Return when a move that goes on is to be taken up, as nobody can be at it any more; None for never.

    One that waits is over with the call. One that waits for the call's answer begins when that is settled.
    """
    migration = state.migration
    if migration is None:
        return None
    if migration.waits:
        return _begins_at(state, migration, deadlines) if state.status is LIVE else deadlines.after(migration.at, 0)
    requests = state.sip_dialogs.requests.values() if state.sip_dialogs else ()
    times = [migration.at, *(request.at for request in requests if request.method != "BYE")]
    return max([deadlines.after(at, deadlines.move) for at in times])


def _begins_at(state: CallState, migration: Migration, deadlines: Deadlines) -> int | None:
    """Return when a move that waits begins; None while there is no answer, or several callees have answered.

    The ACK goes before it: who has sent a 2xx takes no INVITE until then (RFC 5407 3.1.4). A callee that has none for
    so long ends its dialog.
    """
    tags = state.dialogs() if migration.early else []
    if len(tags) != 1:
        return None
    if tags[0] in migration.acknowledged:
        return deadlines.after(migration.at, 0)
    return deadlines.after(state.relay.established_at if state.relay else migration.at, TIMER_H)


def _migration_due_times(state: CallState, deadlines: Deadlines) -> Iterator[int]:
    yield from filter(None, [migration_due(state, deadlines)])


def session_ends(state: CallState, deadlines: Deadlines) -> int | None:
    """Return when the call is to be ended because its session was not refreshed; None for never."""
    sip_dialogs = state.sip_dialogs
    if state.status is not LIVE or sip_dialogs is None or not sip_dialogs.expires_at:
        return None
    left = sip_dialogs.expires_at - sip_dialogs.refreshed_at
    return deadlines.after(sip_dialogs.refreshed_at, left + deadlines.session_timer)


def unacknowledged(state: CallState, deadlines: Deadlines) -> dict[str, int]:
    """Return when dialogs are to be ended because the ACK of their 2xx has not come, by the callee's tag."""
    missing = state.sip_dialogs.unacknowledged if state.sip_dialogs else {}
    if not missing:
        return {}
    return {tag: deadlines.after(missing[tag], TIMER_H) for tag in state.dialogs() if tag in missing}


def falls_silent(state: CallState, deadlines: Deadlines) -> int | None:
    """Return when the parties of the call's dialogs are to be asked whether they still have them; None for never.

    Of a call that has no relay session any more only they can tell.
    """
    sip_dialogs = state.sip_dialogs
    after = deadlines.dialog or (0 if state.has_session else deadlines.probe)
    if not after or state.status is not LIVE or sip_dialogs is None or not state.dialogs():
        return None
    return deadlines.after(sip_dialogs.heard_at, after)


def _row(state: CallState, remaining: list[Session]) -> LiveCall:
    newest = remaining[-1] if remaining else None
    return LiveCall(
        call_id=state.call_id,
        status="live" if state.status is LIVE else "closing" if state.status is ENDED else str(state.status),
        version=state.version,
        created=state.created,
        changed=state.changed,
        set=newest.set if newest else "",
        from_tag=newest.from_tag if newest else NO_TAG,
        to_tag=newest.to_tag if newest else NO_TAG,
        by=state.by,
        sessions=tuple([(session.node, session.relay_id) for session in remaining]),
    )
