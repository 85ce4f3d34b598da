"""What offers and answers do to a call's sessions, and what else is heard of their media."""

from __future__ import annotations

from events import registry as e
from events.names import BranchId, Tag
from events.records import Recorded
from events.verb import ANSWER, OFFER, SdpVerb, Verb
from replay import session_dialogs
from replay.folding import migration
from replay.state import (
    Agreement,
    CallState,
    CallStatus,
    PendingOperation,
    RelayedLeg,
    Session,
    SessionDialog,
    SessionStatus,
)

MAY_BRING_OTHERS = frozenset(
    {Verb.SUBSCRIBE_REQUEST, Verb.SUBSCRIBE_ANSWER, Verb.CREATE_ANSWER, Verb.CONNECT, Verb.MESH, Verb.INJECT_START}
)
"""Commands of the ng protocol after which somebody may be in a session whom no offer and no answer names."""


def session_intended(state: CallState, record: Recorded, event: e.SessionIntended) -> None:
    """Add a session, with the offer that is to create it; a call begins with its first one."""
    begin_call(state, record.at)
    state.sessions[event.session] = session = session_of(event)
    session.others = state.relay is not None and state.relay.renames_parties
    operation_intended(state, record, event)
    migration.session_made(state, record, event)


def session_of(event: e.SessionIntended | e.SessionAdopted | e.RememberedSession) -> Session:
    """Return a session as the event names it, of which nothing has happened yet."""
    return Session(
        event.session,
        event.engine,
        event.set,
        event.node,
        event.relay_id,
        event.from_tag,
        event.to_tag,
        event.branch,
    )


def begin_call(state: CallState, at: int) -> None:
    """Let the call live from then on, unless it does; if its INVITE came earlier, without an offer, it began then."""
    if state.status is not CallStatus.LIVE:
        state.answered_at, state.failure = (state.answered_at if state.sip_dialogs is not None else 0), ""
        begun = (state.created if state.status is CallStatus.NEW else 0) or at
        state.created = min(begun, state.answered_at or begun)
        state.status = CallStatus.LIVE
        state.relay_answered = state.vouched = state.media_lost = False
        state.legs = {}
        state.given = {}
        state.media = {}
        state.measured_at = 0


def session_adopted(state: CallState, record: Recorded, event: e.SessionAdopted) -> None:
    """Add a session that its node has already, with the dialogs that it told of."""
    begin_call(state, event.created or record.at)
    dialogs = [SessionDialog(Tag(one), Tag(other), BranchId(branch)) for one, other, branch in event.dialogs]
    state.sessions[event.session] = session = session_of(event)
    session.status, session.dialogs, session.others = SessionStatus.OPEN, dialogs, True
    state.vouched = state.vouched or any(dialog.to_tag for dialog in dialogs)


def operation_intended(
    state: CallState, record: Recorded, event: e.SessionIntended | e.OfferIntended | e.AnswerIntended
) -> None:
    """Record an offer or answer that is on its way."""
    verb: SdpVerb = ANSWER if isinstance(event, e.AnswerIntended) else OFFER
    request = b"" if isinstance(event, e.AnswerIntended) else event.request
    operation = PendingOperation(verb, record.at, record.by, event.from_tag, event.to_tag, event.branch, request)
    state.last_operation = event.operation
    session = state.sessions[event.session]
    session.operations[event.operation] = operation
    tells_of_all = isinstance(event, e.AnswerIntended) or event.verb == OFFER
    session.others |= event.from_tag != session.from_tag or not tells_of_all


def offered(state: CallState, record: Recorded, event: e.Offered) -> None:
    """Record that the node took an offer, and what the other party was given."""
    session = state.sessions[event.session]
    operation = session.operations.get(event.operation)
    _taken(session, event.operation)
    session.handle = event.handle or session.handle
    session.missing_since = 0
    session.gone_branches = [branch for branch in session.gone_branches if branch != event.branch]
    session_dialogs.offered(session.dialogs, event.from_tag, event.to_tag, event.branch)
    request = operation.request if operation else b""
    if not migration.is_prepared(state, event, event.from_tag):
        _note_leg(state, event.from_tag, record, event, request)


def operation_failed(state: CallState, _: Recorded, event: e.OfferFailed | e.AnswerFailed) -> None:
    """Record that an offer or answer failed; one that is not settled may take effect all the same."""
    session = state.sessions[event.session]
    if event.settled:
        session.operations.pop(event.operation, None)
    elif event.operation in session.operations:
        session.operations[event.operation].over = True
    if session.status is SessionStatus.INTENDED and not session.operations and not event.reached:
        session.status = SessionStatus.CLOSED
    state.reason = state.failure = event.reason


def answered(state: CallState, record: Recorded, event: e.Answered) -> None:
    """Record that the node took an answer, or that one is told without it, and what the other party was given."""
    session = state.sessions[event.session]
    if event.operation:
        _taken(session, event.operation)
    session.to_tag = session.to_tag or event.to_tag
    session.missing_since = 0
    session.others |= event.from_tag != session.from_tag
    offer = migration.offer_of(state, event) or state.legs.get(event.from_tag)
    if offer is not None:
        session.agreement = Agreement(event.from_tag, event.to_tag, event.branch, offer.sdp, event.sdp)
    session_dialogs.answered(session.dialogs, event.from_tag, event.to_tag, event.branch)
    state.relay_answered = True
    if state.negotiation is None:
        state.answered_at = state.answered_at or record.at
    if not migration.is_prepared(state, event, event.to_tag):
        _note_leg(state, event.to_tag, record, event)
        if state.migration is not None:
            migration.answer_given(state, state.migration)


def _taken(session: Session, operation: int) -> None:
    """Record that the node accepted what can create the session, and so has it."""
    session.operations.pop(operation, None)
    if session.status is SessionStatus.INTENDED:
        session.status = SessionStatus.OPEN


def _note_leg(
    state: CallState, tag: Tag, record: Recorded, event: e.Offered | e.Answered, request: bytes = b""
) -> None:
    leg = RelayedLeg(tag, event.branch, event.sdp, event.relayed, event.session, record.version, record.at, request)
    state.legs[tag] = state.given[tag, event.branch] = leg


def media_seen(state: CallState, _: Recorded, event: e.MediaSeen) -> None:
    """Take media for the answer that the journal lacks; not where it has an early one, to which they may belong."""
    session = state.sessions[event.session]
    session.status = max(session.status, SessionStatus.OPEN, key=list(SessionStatus).index)
    state.vouched = state.vouched or not state.relay_answered


def media_measured(state: CallState, record: Recorded, event: e.MediaMeasured) -> None:
    """Keep what was counted of each stream, in place of what was before."""
    for stream in event.measured:
        state.media[event.session, stream.party, stream.medium] = stream
    state.measured_at = record.at


def media_timed_out(state: CallState, _: Recorded, event: e.MediaTimedOut) -> None:
    """Note why the session is about to go."""
    state.sessions[event.session].reason = state.failure = "its media timed out"
    state.media_lost = True


def parties_not_reached(state: CallState, _: Recorded, event: e.PartiesNotReached) -> None:
    """Record for whom nothing could be done when a node was down."""
    state.sessions[event.session].reason = state.failure = event.reason
    state.media_lost = True


def session_missing(state: CallState, record: Recorded, event: e.SessionMissing) -> None:
    """Record since when the node of a session does not know it; it may, again, with what it takes next."""
    session = state.sessions[event.session]
    session.missing_since = session.missing_since or record.at
    state.failure = "its node did not know it any more"
    state.media_lost = True


def command_refused(state: CallState, _: Recorded, event: e.CommandRefused) -> None:
    """Count a command that was refused."""
    state.refusals += 1
    state.reason = event.reason


def command_forwarded(state: CallState, _: Recorded, event: e.CommandForwarded) -> None:
    """Record whether the node records the session, who subscribes to it, and whether others may be in it."""
    session = state.sessions[event.session]
    if event.command in MAY_BRING_OTHERS:
        session.others = True
    if event.migration:
        migration.recording_begun(state, event)
    if event.result == "ok":
        _note_command(session, event)


def _note_command(session: Session, event: e.CommandForwarded) -> None:
    """Record what a command that its node took has begun or ended."""
    if event.command in (Verb.START_RECORDING, Verb.STOP_RECORDING, Verb.PAUSE_RECORDING):
        session.recorded = event.command == Verb.START_RECORDING
        session.recording = event.request
    elif event.command in (Verb.SUBSCRIBE_REQUEST, Verb.UNSUBSCRIBE):
        others = [tag for tag in session.subscriptions if tag != event.to_tag]
        session.subscriptions = [*others, event.to_tag] if event.command == Verb.SUBSCRIBE_REQUEST else others
