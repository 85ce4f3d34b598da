"""What a SIP message tells of its parties, and which CSeqs they count by."""

from __future__ import annotations

from collections.abc import Sequence

from actors.commands.sip import PartyFacts
from events.names import CALLER, Leg, Tag
from events.registry import Event, PartyLearned
from replay.offer_answer import SipMessage
from replay.sip_dialogs import Party
from replay.state import CallState


def cseq_shift(state: CallState, message: SipMessage) -> int:
    """Return what is to be added to the CSeq of a request on its way, or was added to that of the one replied to."""
    sip_dialogs = state.sip_dialogs
    return sip_dialogs.shift(message.requester, message.callee_tag, message.cseq) if sip_dialogs else 0


def learned(state: CallState, message: SipMessage, told: PartyFacts | None) -> Sequence[Event]:
    """Return what is to be journalled of what a message tells of a party: nothing if it is all known.

    Messages in a dialog change where its parties are reached, and where they are seen from; what else is known of them
    stays: the routes are those of when the dialog began (RFC 3261 12.2). Of a call that has ended nothing is learned.
    Nor is anything of a known party from a message that came by before: it comes from between two passes.
    """
    if told is None or (state.is_over and not message.begins_call):
        return ()
    party = told.party
    known = state.sip_dialogs.parties.get((told.leg, told.tag)) if state.sip_dialogs and not state.is_over else None
    if known is not None:
        if told.again:
            return ()
        stays = known if _is_in_dialog(state, message, told) else party
        party = Party(
            uri=stays.uri,
            contact=party.contact or known.contact,
            routes=stays.routes,
            local=party.local,
            source=party.source,
            takes_update=party.takes_update,
        )
    return () if known == party else (_event_of(told.leg, told.tag, party),)


def _event_of(leg: Leg, tag: Tag, party: Party) -> PartyLearned:
    return PartyLearned(
        leg=leg,
        tag=tag,
        uri=party.uri,
        contact=party.contact,
        routes=party.routes,
        local=party.local,
        source=party.source,
        takes_update=party.takes_update,
    )


def _is_in_dialog(state: CallState, message: SipMessage, told: PartyFacts) -> bool:
    if told.leg == CALLER:
        return message.requester is not CALLER or bool(message.to_tag)
    return state.negotiation is not None and told.tag in state.negotiation.established()
