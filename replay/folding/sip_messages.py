"""What a SIP message does to a call, by the verdict that stands beside it."""

from __future__ import annotations

from events import registry as e
from events.names import NO_TAG, BranchId
from events.records import Recorded
from events.verdict import SipVerdict
from replay.folding import migration
from replay.folding.settings import settings_of
from replay.folding.sip_dialogs import sip_dialogs_of
from replay.offer_answer import Change, Negotiation, Role, SipMessage, legacy
from replay.sip_dialogs import SipDialogs
from replay.state import Agreement, CallState, CallStatus, Session


def sip_message_seen(state: CallState, record: Recorded, event: e.SipMessageSeen) -> None:
    """Record a message, and what it does to the call."""
    message = message_of(event)
    if state.negotiation is None:
        state.negotiation = Negotiation()
    verdict = _verdict(state.negotiation, message, event)
    sip_dialogs = _dialogs_that_hear(state, message, record.at)
    sip_dialogs.hear(message, record.at, event.expires)
    if verdict.change is Change.ESTABLISHED:
        _note_dialog(state, sip_dialogs, verdict, record.at)
    if message.status is None and message.from_caller:
        migration.acknowledged(state, message.callee_tag)
    if not verdict.fault:
        sip_dialogs.track(message, record.at)
    if verdict.role is Role.OFFER:
        for session in state.usable_sessions():
            session.before = session.agreement or _offer_of(state, session, verdict.branch)
    if state.is_over:
        return  # what comes late has no relay to be told of
    if event.source:
        settings_of(state).sources[_senders_tag(message)] = event.source
    if event.branch and message.callee_tag:
        settings_of(state).tags[message.callee_tag] = event.branch


def message_of(event: e.SipMessageSeen) -> SipMessage:
    """Return the message of an event, as the negotiation takes it."""
    return SipMessage(
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


def _note_dialog(state: CallState, sip_dialogs: SipDialogs, verdict: SipVerdict, at: int) -> None:
    """Record that a 2xx has made a dialog; the ACK of one beside another may never come."""
    state.answered_at = state.answered_at or at
    if state.negotiation is not None and len(state.negotiation.established()) > 1:
        sip_dialogs.unacknowledged[verdict.callee_tag] = at


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


def _dialogs_that_hear(state: CallState, message: SipMessage, at: int) -> SipDialogs:
    """Return the call's signalling; after its end the first message of a call with the same Call-ID begins it anew."""
    sip_dialogs = sip_dialogs_of(state)
    anew = sip_dialogs.over and message.begins_call
    if anew:
        sip_dialogs = state.sip_dialogs = sip_dialogs.begun_anew()
        state.answered_at = 0
    if state.status is CallStatus.NEW and message.begins_call and (anew or not state.created):
        state.created = at  # its first session, if the INVITE has no offer, comes with the answer only
    return sip_dialogs


def _senders_tag(message: SipMessage) -> str:
    return message.from_tag if message.status is None else message.to_tag
