"""The fold: a call's events, one after the other, to its state. Pure: the same stream gives the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from events import registry as e
from events.journal import Recorded
from events.names import NO_TAG, BranchId, CallId, Tag
from events.verdict import SipVerdict
from replay import session_dialogs
from replay.offer_answer import Change, Negotiation, Role, SipMessage, legacy
from replay.relay_settings import Copy, RelaySettings
from replay.settings_changes import ChangeContextSettings, ChangeLegSettings, EngageRelay
from replay.sip_dialogs import OwnRequest, Party, SipDialogs
from replay.state import (
    Agreement,
    BranchDelete,
    CallState,
    CallStatus,
    PendingOperation,
    RelayedLeg,
    Session,
    SessionStatus,
)

Apply = Callable[[CallState, Recorded, Any], None]


class Inconsistent(ValueError):
    """A history in which an event, that of `version`, makes no sense after those before it."""

    def __init__(self, version: int, why: str) -> None:
        super().__init__(why)
        self.version = version


def fold(call_id: CallId, records: Iterable[Recorded]) -> CallState:
    """Return the state after `records`, which start at version 1. Raises Inconsistent."""
    state = CallState(call_id)
    fold_on(state, records)
    return state


def fold_on(state: CallState, records: Iterable[Recorded]) -> None:
    """Apply records that follow the state's version. Raises Inconsistent."""
    for record in records:
        try:
            apply(state, record)
        except Exception as error:
            raise Inconsistent(record.version, f"{record.event.name} makes no sense there: {error!r}") from error


def apply(state: CallState, record: Recorded) -> None:
    """Apply an event to the state.

    Raises ValueError if the record's version is not the state's next one.
    """
    if record.version != state.version + 1:
        raise ValueError(f"call {state.call_id!r}: version {record.version} after {state.version}")
    for event in record.events:
        _APPLY[type(event)](state, record, event)
    state.version = record.version
    state.changed = record.at
    state.by = record.by


def _engaged(state: CallState, record: Recorded, event: e.SessionIntended) -> None:
    if state.status is not CallStatus.LIVE:
        state.status = CallStatus.LIVE
        state.created = record.at
        state.relay_answered = state.vouched = False
        state.legs = {}
        state.given = {}
    state.sessions[event.session] = Session(
        event.session,
        event.engine,
        event.set,
        event.node,
        event.relay_id,
        event.from_tag,
        event.to_tag,
        event.branch,
    )
    _intended(state, record, event)


def _intended(
    state: CallState, record: Recorded, event: e.SessionIntended | e.OfferIntended | e.AnswerIntended
) -> None:
    verb: Literal["offer", "answer"] = "answer" if isinstance(event, e.AnswerIntended) else "offer"
    request = b"" if isinstance(event, e.AnswerIntended) else event.request
    operation = PendingOperation(verb, record.at, record.by, event.from_tag, event.to_tag, event.branch, request)
    state.last_operation = event.operation
    state.sessions[event.session].operations[event.operation] = operation


def _taken(session: Session, operation: int) -> None:
    """Record that the node accepted what can create the session, and so has it."""
    session.operations.pop(operation, None)
    if session.status is SessionStatus.INTENDED:
        session.status = SessionStatus.OPEN


def _offered(state: CallState, record: Recorded, event: e.Offered) -> None:
    session = state.sessions[event.session]
    operation = session.operations.get(event.operation)
    _taken(session, event.operation)
    session.handle = event.handle or session.handle
    session.gone_branches = [branch for branch in session.gone_branches if branch != event.branch]
    session_dialogs.offered(session.dialogs, event.from_tag, event.to_tag, event.branch)
    request = operation.request if operation else b""
    _note_leg(state, event.from_tag, record, event, request)


def _failed(state: CallState, _: Recorded, event: e.OfferFailed | e.AnswerFailed) -> None:
    session = state.sessions[event.session]
    if event.settled:
        session.operations.pop(event.operation, None)
    elif event.operation in session.operations:
        session.operations[event.operation].over = True
    if session.status is SessionStatus.INTENDED and not session.operations and not event.reached:
        session.status = SessionStatus.CLOSED
    state.reason = event.reason


def _answered(state: CallState, record: Recorded, event: e.Answered) -> None:
    session = state.sessions[event.session]
    if event.operation:
        _taken(session, event.operation)
    session.to_tag = session.to_tag or event.to_tag
    offer = state.legs.get(event.from_tag)
    if offer is not None:
        session.agreement = Agreement(event.from_tag, event.to_tag, event.branch, offer.sdp, event.sdp)
    session_dialogs.answered(session.dialogs, event.from_tag, event.to_tag, event.branch)
    state.relay_answered = True
    _note_leg(state, event.to_tag, record, event)


def _note_leg(
    state: CallState, tag: Tag, record: Recorded, event: e.Offered | e.Answered, request: bytes = b""
) -> None:
    leg = RelayedLeg(tag, event.branch, event.sdp, event.relayed, event.session, record.version, record.at, request)
    state.legs[tag] = state.given[tag, event.branch] = leg


def _media_seen(state: CallState, _: Recorded, event: e.MediaSeen) -> None:
    """Take media for the answer that the journal lacks; not where it has an early one, to which they may belong."""
    session = state.sessions[event.session]
    session.status = max(session.status, SessionStatus.OPEN, key=list(SessionStatus).index)
    state.vouched = state.vouched or not state.relay_answered


def _refused(state: CallState, _: Recorded, event: e.CommandRefused) -> None:
    state.refusals += 1
    state.reason = event.reason


def _delete_wanted(state: CallState, record: Recorded, event: e.DeleteIntended) -> None:
    if event.asked_at:
        _note_end(state, event)
    if event.scope is e.Scope.CALL:
        _end(state, event.reason)
    for number in event.sessions:
        session = state.sessions[number]
        if event.scope is e.Scope.BRANCH:
            wanted = BranchDelete(event.from_tag, event.to_tag, event.branch, record.at)
            session.branch_deletes.append(wanted)
        else:
            session.status = SessionStatus.CLOSING
            session.intended_at = record.at
            session.not_before = event.not_before
            session.reason = event.reason


def _end(state: CallState, reason: str) -> None:
    state.status = CallStatus.ENDED
    state.reason = reason
    _keep_relay(state)
    if state.sip_dialogs is not None:
        state.sip_dialogs.end()


def _note_end(state: CallState, event: e.DeleteIntended) -> None:
    """Record since when a call or a branch is to end. A delete of a party says nothing of the others."""
    if event.branch or event.scope is e.Scope.CALL:
        state.ends[event.branch] = max(event.asked_at, state.ends.get(event.branch, 0))
    if not event.sessions:
        state.refusals += 1


def _keep_relay(state: CallState) -> None:
    """Leave the settings of a call that ends to the sessions that are still to be removed; a call anew has its own."""
    for session in state.remaining_sessions():
        session.relay = session.relay or state.relay
    state.relay = None
    state.negotiation = None


def _deleted(state: CallState, _: Recorded, event: e.Deleted) -> None:
    session = state.sessions[event.session]
    session.status = SessionStatus.CLOSED
    _forget_parts(state, session)


def _forget_parts(state: CallState, session: Session) -> None:
    session.operations.clear()
    session.dialogs.clear()
    session.branch_deletes.clear()
    state.copies = {name: copy for name, copy in state.copies.items() if copy.session != session.number}


def _branch_deleted(state: CallState, _: Recorded, event: e.BranchDeleted) -> None:
    session = state.sessions[event.session]
    key = (event.from_tag, event.to_tag, event.branch)
    still_wanted = [
        wanted for wanted in session.branch_deletes if (wanted.from_tag, wanted.to_tag, wanted.branch) != key
    ]
    if len(still_wanted) == len(session.branch_deletes):
        return  # two were at it, and the other one has said so; what a delete names may mean another party by now
    session.branch_deletes = still_wanted
    if event.branch and not event.to_tag:
        session.gone_branches.append(event.branch)
    gone = session_dialogs.named_by_delete(session.dialogs, *key)
    session.dialogs = [dialog for dialog in session.dialogs if dialog not in gone]


def _commanded(state: CallState, _: Recorded, event: e.CommandForwarded) -> None:
    if event.command in ("start recording", "stop recording") and event.result == "ok":
        state.sessions[event.session].recorded = event.command == "start recording"


def _tail_lost(state: CallState, record: Recorded, event: e.TailLost) -> None:
    for remembered in event.sessions:
        session = _remembered(state, remembered)
        session.intended_at = session.intended_at or record.at
        if session.usable and state.status is CallStatus.NEW:
            state.status = CallStatus.LIVE
            state.created = record.at
    state.vouched = state.vouched or event.answered
    if event.ended and state.status is CallStatus.LIVE:
        _end(state, event.reason)


def _remembered(state: CallState, event: e.RememberedSession) -> Session:
    """Return a session that the journal forgot, or one that it has, brought to what is remembered of it."""
    there = [one for one in state.sessions.values() if (one.node, one.relay_id) == (event.node, event.relay_id)]
    session = (
        there[0]
        if there
        else Session(
            event.session,
            event.engine,
            event.set,
            event.node,
            event.relay_id,
            event.from_tag,
            event.to_tag,
            event.branch,
            handle=event.handle,
            reason=event.reason,
        )
    )
    state.sessions[session.number] = session
    session.status = max(session.status, SessionStatus(event.status), key=list(SessionStatus).index)
    if session.status is SessionStatus.CLOSED:
        _forget_parts(state, session)
        return session
    for from_tag, to_tag, branch in event.dialogs:
        if to_tag:
            session_dialogs.answered(session.dialogs, Tag(from_tag), Tag(to_tag), BranchId(branch))
        else:
            session_dialogs.offered(session.dialogs, Tag(from_tag), NO_TAG, BranchId(branch))
    return session


def _quarantined(state: CallState, _: Recorded, event: e.Quarantined) -> None:
    state.status = CallStatus.QUARANTINED
    state.reason = event.reason


def _release_wanted(state: CallState, _: Recorded, event: e.ReleaseIntended) -> None:
    """Change nothing: the journal's tables say what of a quarantined call is due."""


def _session_released(state: CallState, _: Recorded, event: e.SessionReleased) -> None:
    for session in state.sessions.values():
        if (session.node, session.relay_id) == (event.node, event.relay_id):
            session.status = SessionStatus.CLOSED
            _forget_parts(state, session)


def _relay_engaged(state: CallState, _: Recorded, event: e.RelayEngaged) -> None:
    _relay(state).apply(EngageRelay(engine=event.engine, set=event.set, branch=event.branch))


def _variables_set(state: CallState, _: Recorded, event: e.LegSettingsChanged) -> None:
    change = ChangeLegSettings(leg=event.leg, branch=event.branch, values=event.values, body=event.body)
    _relay(state).apply(change)


def _context_set(state: CallState, _: Recorded, event: e.ContextSettingsChanged) -> None:
    _relay(state).apply(ChangeContextSettings(values=event.values))


def _signalled(state: CallState, record: Recorded, event: e.SipMessageSeen) -> None:
    message = SipMessage(
        method=event.method,
        from_caller=event.from_caller,
        cseq=event.cseq,
        status=event.status or None,
        branch=event.branch,
        from_tag=event.from_tag,
        to_tag=event.to_tag,
        sdp=event.sdp,
        reliable=event.reliable,
    )
    if state.negotiation is None:
        state.negotiation = Negotiation()
    verdict = _verdict(state.negotiation, message, event)
    sip_dialogs = _heard_signalling(state, message)
    sip_dialogs.hear(message, record.at, event.expires)
    if verdict.change is Change.ESTABLISHED and len(state.negotiation.established()) > 1:
        sip_dialogs.unacknowledged[verdict.callee_tag] = record.at
    if not verdict.fault:
        sip_dialogs.track(message, record.at)
    if verdict.role is Role.OFFER:
        for session in state.usable_sessions():
            session.before = session.agreement or _offer_of(state, session, verdict.branch)
    if state.is_over:
        return  # what comes late has no relay to be told of
    if event.source:
        _relay(state).sources[_senders_tag(message)] = event.source
    if event.branch and message.callee_tag:
        _relay(state).tags[message.callee_tag] = event.branch


def _verdict(negotiation: Negotiation, message: SipMessage, event: e.SipMessageSeen) -> SipVerdict:
    """Return the verdict of a message that the negotiation has taken."""
    if event.verdict is None:
        return legacy.see(negotiation, message)
    negotiation.apply(message, event.verdict)
    return event.verdict


def _offer_of(state: CallState, session: Session, branch: BranchId) -> Agreement | None:
    """Return the offer with which a session began, as that of an agreement that is to come."""
    offer = state.given.get((session.from_tag, branch))
    return Agreement(session.from_tag, NO_TAG, branch, offer.sdp, b"") if offer else None


def _heard_signalling(state: CallState, message: SipMessage) -> SipDialogs:
    """Return the call's signalling; after its end the first message of a call with the same Call-ID begins it anew."""
    sip_dialogs = _signalling(state)
    if sip_dialogs.over and message.begins_call:
        sip_dialogs = state.sip_dialogs = sip_dialogs.begun_anew()
    return sip_dialogs


def _signalling(state: CallState) -> SipDialogs:
    if state.sip_dialogs is None:
        state.sip_dialogs = SipDialogs(over=state.status is CallStatus.ENDED)
    return state.sip_dialogs


def _senders_tag(message: SipMessage) -> str:
    return message.from_tag if message.status is None else message.to_tag


def _branch_established(state: CallState, record: Recorded, event: e.BranchEstablished) -> None:
    relay = _relay(state)
    relay.established, relay.established_tag, relay.established_at = event.branch, event.to_tag, record.at
    relay.tags[event.to_tag] = event.branch


def _relay(state: CallState) -> RelaySettings:
    if state.relay is None:
        state.relay = RelaySettings()
    return state.relay


def _media_timed_out(state: CallState, _: Recorded, event: e.MediaTimedOut) -> None:
    state.sessions[event.session].reason = "its media timed out"


def _copy_intended(state: CallState, record: Recorded, event: e.CopyIntended) -> None:
    before = state.copies.get(event.copy)
    copy = Copy(event.session, event.flags, event.legs, event.streams, intended_at=record.at)
    if before is not None:
        copy.handle, copy.version = before.handle, before.version + 1
    state.copies[event.copy] = copy


def _copy_offered(state: CallState, _: Recorded, event: e.CopyOffered) -> None:
    copy = state.copies[event.copy]
    copy.offered, copy.handle = True, event.handle


def _copy_answered(state: CallState, _: Recorded, event: e.CopyAnswered) -> None:
    state.copies[event.copy].answered = True


def _copy_delete_wanted(state: CallState, record: Recorded, event: e.CopyDeleteIntended) -> None:
    copy = state.copies[event.copy]
    copy.closing, copy.intended_at = True, record.at


def _copy_deleted(state: CallState, _: Recorded, event: e.CopyDeleted) -> None:
    state.copies.pop(event.copy, None)


def _party_learned(state: CallState, _: Recorded, event: e.PartyLearned) -> None:
    party = Party(event.uri, event.contact, event.routes, event.local, event.source)
    _signalling(state).learn(event.leg, event.tag, party)


def _request_intended(state: CallState, record: Recorded, event: e.SipRequestIntended) -> None:
    sip_dialogs = _signalling(state)
    ends = sip_dialogs.ends(event.tag) or sip_dialogs.ends_of_requests(event.tag)
    request = OwnRequest(event.leg, event.tag, event.method, event.cseq, event.reason, record.at, ends)
    sip_dialogs.intend(event.number, request)
    if event.method == "BYE" and state.negotiation is not None:
        state.negotiation.end(event.tag)


def _request_ended(state: CallState, record: Recorded, event: e.SipRequestEnded) -> None:
    _signalling(state).conclude(event.number, event.status, record.at)


def _call_variable_set(state: CallState, _: Recorded, event: e.CallVariableSet) -> None:
    _signalling(state).variables[event.variable] = event.value


_APPLY: dict[type[e.Event], Apply] = {
    e.SessionIntended: _engaged,
    e.OfferIntended: _intended,
    e.Offered: _offered,
    e.OfferFailed: _failed,
    e.AnswerIntended: _intended,
    e.Answered: _answered,
    e.AnswerFailed: _failed,
    e.CommandRefused: _refused,
    e.DeleteIntended: _delete_wanted,
    e.Deleted: _deleted,
    e.BranchDeleted: _branch_deleted,
    e.CommandForwarded: _commanded,
    e.TailLost: _tail_lost,
    e.MediaSeen: _media_seen,
    e.Quarantined: _quarantined,
    e.ReleaseIntended: _release_wanted,
    e.SessionReleased: _session_released,
    e.RelayEngaged: _relay_engaged,
    e.LegSettingsChanged: _variables_set,
    e.ContextSettingsChanged: _context_set,
    e.SipMessageSeen: _signalled,
    e.BranchEstablished: _branch_established,
    e.MediaTimedOut: _media_timed_out,
    e.CopyIntended: _copy_intended,
    e.CopyOffered: _copy_offered,
    e.CopyAnswered: _copy_answered,
    e.CopyDeleteIntended: _copy_delete_wanted,
    e.CopyDeleted: _copy_deleted,
    e.PartyLearned: _party_learned,
    e.SipRequestIntended: _request_intended,
    e.SipRequestEnded: _request_ended,
    e.CallVariableSet: _call_variable_set,
}
