"""Responses to INVITEs and UPDATEs in dialogs that another control node sent, which died before they came."""

from __future__ import annotations

import contextlib

from sipmessage import URI, Request, Response

from actors.results import Refused
from actors.sip_requests import DialogRequest
from engines.set_names import SetNames
from events.names import Leg, Tag
from gateways.sip.calls.client import CallClient
from gateways.sip.calls.settings import CallSettings
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.incoming import IncomingResponse, request_before
from gateways.sip.messages.replies import reply_with
from gateways.sip.messages.uris import read_uri
from gateways.sip.messages.vias import top_via
from gateways.sip.proxy.hooks import RefusalError, StrayDecision
from gateways.sip.routing.in_dialog_request import InDialogRequest
from gateways.sip.routing.sides import settle
from gateways.sip.rules.contacts import remote_target
from gateways.sip.rules.route_set import request_uri
from replay.call_snapshot import CallSnapshot
from replay.offer_answer import Role
from replay.relay_settings import CALLEE, CALLER
from replay.sip_dialogs import Party

DROPPED = StrayDecision()


class DialogStrays:
    """Takes the responses to re-INVITEs and UPDATEs of parties, and to re-INVITEs of our own.

    dialogs: who sends ACK and BYE for a 2xx; None before the door is open.
    """

    def __init__(self, calls: CallClient, sets: SetNames) -> None:
        self._calls, self._sets = calls, sets
        self.dialogs: DialogRequests | None = None

    async def to_theirs(self, stray: IncomingResponse) -> StrayDecision:
        """Relay the answer to a party's re-INVITE or UPDATE, or report its failure.

        Without it the one who sent it would not know what its peer agreed to, and that one would end the call for want
        of an ACK (RFC 3261 13.3.1.4). The failure of an INVITE gets its ACK once it is journalled.
        """
        call = await self._calls.find(stray.call_id, stray.from_tag, stray.to_tag)
        if isinstance(call, Refused):
            return DROPPED
        cseq, peer = _cseq_of(stray, call), _sender(stray, call)
        if cseq is None or peer is None:
            return DROPPED
        request = request_before(stray, top_via(stray.message.headers), stray.hop)
        request.to_tag, request.cseq = stray.to_tag, cseq
        side = InDialogRequest(self._calls, request, CallSettings(call.relay, call.variables, self._sets), call)
        seeing = await side.answered_from(stray.hop, stray.message)
        if seeing.verdict is not None and seeing.verdict.stray:
            return DROPPED  # the dialog is gone meanwhile
        try:
            settle(seeing, stray.message)
        except RefusalError as refusal:
            comes_again = seeing.verdict is not None and seeing.verdict.role is Role.REPEAT
            if stray.status < 200 or seeing.unheard or comes_again:
                return DROPPED
            await side.abandoned(stray.message)
            stray.message = refused_as(stray.message, refusal)
            return StrayDecision(goes_on=True)
        fails = stray.method == "INVITE" and stray.status >= 300 and not seeing.unheard
        return StrayDecision(goes_on=True, acknowledge=first_uri(peer.contact) if fails else None)

    async def abandon(self, stray: IncomingResponse, invite: Request, *, ends: bool) -> None:
        """Send the ACK for a 2xx that goes no further, and a BYE if it `ends` so.

        invite: as it was sent, with its Record-Routes.
        """
        if self.dialogs is not None:
            await self.dialogs.abandon(invite, stray.message, stray.hop, ends=ends)

    async def to_ours(self, stray: IncomingResponse) -> StrayDecision:
        """Acknowledge the final response to an INVITE of our own; a 2xx has an ACK of its own."""
        if self.dialogs is None or stray.status < 200:
            return DROPPED
        call = await self._calls.find(stray.call_id, stray.from_tag, stray.to_tag)
        party = None if isinstance(call, Refused) else _sender(stray, call)
        if isinstance(call, Refused) or party is None:
            return DROPPED
        if stray.status >= 300:
            return StrayDecision(acknowledge=first_uri(party.contact))
        ack = DialogRequest(
            call_id=stray.call_id,
            to_leg=call.leg(stray.to_tag),
            method="ACK",
            cseq=stray.cseq,
            from_value=stray.message.headers.get("From") or "",
            to_value=stray.message.headers.get("To") or "",
            target=remote_target(stray.message, party.contact),
            routes=party.routes,
            local=party.local,
            source=party.source,
        )
        await self.dialogs.acknowledge(ack)
        return DROPPED


def first_uri(*texts: str) -> URI | None:
    """Return the first that is a URI, as a Request-URI may be; None if none is."""
    for text in texts:
        with contextlib.suppress(ValueError):
            return request_uri(read_uri(text))
    return None


def refused_as(response: Response, refusal: RefusalError) -> Response:
    """Return the failure that stands for a response which cannot go on."""
    return reply_with(response.headers, refusal.code, refusal.phrase, headers=refusal.headers)


def _sender(stray: IncomingResponse, call: CallSnapshot) -> Party | None:
    """Return the party that has sent a response; None if it is none of the call's."""
    return call.parties.get((call.leg(stray.to_tag), stray.to_tag))


def _cseq_of(stray: IncomingResponse, call: CallSnapshot) -> int | None:
    """Return the CSeq that the request of a response had where it came from; None if the call has no such request."""
    leg, callees_tag = _place(stray, call)
    cseq = (call.reinvites if stray.method == "INVITE" else call.updates).get((leg, callees_tag))
    is_party = (leg, stray.from_tag) in call.parties
    return cseq if cseq is not None and is_party and stray.cseq == cseq + call.shift(leg, callees_tag, cseq) else None


def _place(stray: IncomingResponse, call: CallSnapshot) -> tuple[Leg, Tag]:
    """Return the leg that sent the request of a response, and the tag of its dialog's callee."""
    leg = call.leg(stray.from_tag)
    return (CALLER, stray.to_tag) if leg == CALLER else (CALLEE, stray.from_tag)
