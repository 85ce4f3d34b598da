"""What a call is to know of a SIP message: its part in offer and answer, and how its sender is reached."""

from __future__ import annotations

import re

from sipmessage import Request, Response

from actors.commands.sip import PartyFacts
from events.names import NO_BRANCH, BranchId, Leg, Tag
from gateways.sip.addresses import Hop
from gateways.sip.calls.bodies import sdp_of
from gateways.sip.messages.incoming import IncomingRequest, Message
from gateways.sip.messages.values import split_values, tag_of, without_params
from gateways.sip.rules.contacts import contact_of, remote_target
from gateways.sip.rules.passes import AGAIN, STRAIGHT, LeadsHere, Way, nowhere, way_beyond
from gateways.sip.rules.route_set import routes_to_callee, routes_to_caller
from replay.offer_answer import SipMessage
from replay.relay_settings import CALLEE
from replay.sip_dialogs import Party

_SECONDS = re.compile(r"\s*(\d{1,9})")


def request_event(incoming: IncomingRequest, *, from_caller: bool, branch: BranchId = NO_BRANCH) -> SipMessage:
    """Return the facts of a request that came."""
    return SipMessage(
        method=incoming.method,
        from_caller=from_caller,
        cseq=incoming.cseq,
        branch=branch,
        from_tag=incoming.from_tag,
        to_tag=incoming.to_tag,
        sdp=sdp_of(incoming.message),
    )


def response_event(request: SipMessage, response: Response) -> SipMessage:
    """Return the facts of a response to a request of which the facts are known."""
    return SipMessage(
        method=request.method,
        from_caller=not request.from_caller,
        cseq=request.cseq,
        status=response.code,
        branch=request.branch,
        from_tag=request.from_tag,
        to_tag=tag_of(response.headers.get("To") or ""),
        sdp=sdp_of(response),
        reliable=is_reliable(response),
    )


def is_reliable(response: Response) -> bool:
    """Return whether a provisional response is to be acknowledged by PRACK (RFC 3262 3)."""
    if not 100 < response.code < 200 or response.headers.get("RSeq") is None:
        return False
    return any(word.lower() == "100rel" for word in split_values(response.headers.getlist("Require")))


def session_expires(response: Response) -> int:
    """Return the seconds after which a session ends unless it is refreshed (RFC 4028 4), 0 if nothing says so."""
    found = _SECONDS.match(response.headers.get("Session-Expires") or "")
    return int(found[1]) if found and 200 <= response.code < 300 else 0


def party_of_request(request: Request, hop: Hop, leg: Leg, leads_here: LeadsHere = nowhere) -> PartyFacts:
    """Return how the sender of a dialog's first request is reached: through the proxies that recorded themselves."""
    routes = routes_to_caller(request)
    way = way_beyond(routes, leads_here) if routes else STRAIGHT
    return _party(
        request, request.headers.get("From") or "", hop, leg, way, again=bool(way.marks) and way.request_came_before
    )


def party_of_response(response: Response, hop: Hop, recorded: int, leads_here: LeadsHere = nowhere) -> PartyFacts:
    """Return how a callee is reached. `recorded` Record-Routes stood in the request: ours, and those before us."""
    routes = routes_to_callee(response, recorded)
    way = way_beyond(routes, leads_here) if routes else STRAIGHT
    return _party(response, response.headers.get("To") or "", hop, CALLEE, way, again=AGAIN in way.marks)


def party_again(message: Message, hop: Hop, leg: Leg, tag: Tag, known: Party) -> PartyFacts:
    """Return how a party is reached after a target refresh request or its answer (RFC 3261 12.2): its routes stay."""
    party = Party(
        uri=known.uri,
        contact=remote_target(message, known.contact),
        routes=known.routes,
        local=str(hop.local) if hop.local else known.local,
        source=str(hop),
        takes_update=_takes_update(message, known=known.takes_update),
    )
    return PartyFacts(leg, tag, party)


def _party(message: Message, address: str, hop: Hop, leg: Leg, way: Way, *, again: bool) -> PartyFacts:
    party = Party(
        uri=without_params(address),
        contact=contact_of(message),
        routes=way.routes,
        local=str(hop.local) if hop.local else "",
        source=str(hop),
        takes_update=_takes_update(message),
    )
    return PartyFacts(leg, tag_of(address), party, again)


def _takes_update(message: Message, *, known: bool = False) -> bool:
    """Return whether a message's Allow has UPDATE (RFC 3311 4); without an Allow what is known stays."""
    allowed = message.headers.getlist("Allow")
    return any(method.upper() == "UPDATE" for method in split_values(allowed)) if allowed else known
