"""What is journalled of a call's parties and of SIP requests of our own."""

from __future__ import annotations

from events import registry as e
from events.records import Recorded
from replay.folding import migration
from replay.sip_dialogs import OwnRequest, Party, SipDialogs
from replay.state import CallState, CallStatus


def party_learned(state: CallState, _: Recorded, event: e.PartyLearned) -> None:
    """Record how a party is reached."""
    party = Party(event.uri, event.contact, event.routes, event.local, event.source, event.takes_update)
    sip_dialogs_of(state).learn(event.leg, event.tag, party)


def request_intended(state: CallState, record: Recorded, event: e.SipRequestIntended) -> None:
    """Record a request of our own that is about to be sent; with a BYE its dialog has ended."""
    sip_dialogs = sip_dialogs_of(state)
    ends = sip_dialogs.ends(event.tag) or sip_dialogs.ends_of_requests(event.tag)
    request = OwnRequest(event.leg, event.tag, event.method, event.cseq, event.reason, record.at, ends)
    sip_dialogs.intend(event.number, request)
    if event.origin:
        sip_dialogs.origins[event.leg, event.tag] = event.origin
        migration.asked(state, event.number, event.leg)
    if event.method == "BYE" and state.negotiation is not None:
        state.negotiation.end(event.tag)


def request_ended(state: CallState, record: Recorded, event: e.SipRequestEnded) -> None:
    """Record how a request of our own ended."""
    sip_dialogs_of(state).conclude(event.number, event.status, record.at)
    migration.request_ended(state, event.number, event.status)


def call_variable_set(state: CallState, _: Recorded, event: e.CallVariableSet) -> None:
    """Set a variable of the call's script."""
    sip_dialogs_of(state).variables[event.variable] = event.value


def sip_dialogs_of(state: CallState) -> SipDialogs:
    """Return what is known of the call's SIP dialogs, made if nothing is yet."""
    if state.sip_dialogs is None:
        state.sip_dialogs = SipDialogs(over=state.status is CallStatus.ENDED)
    return state.sip_dialogs
