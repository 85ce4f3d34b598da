"""What a call is to know of a SIP message: its part in offer and answer, and how its sender is reached."""

from __future__ import annotations

import re

from sipmessage import Request, Response

from events.registry import PartyLearned
from gateways.sip.addresses import Hop
from gateways.sip.calls.bodies import sdp_of
from gateways.sip.messages.incoming import IncomingRequest, Message
from gateways.sip.messages.values import split_values, tag_of, uri_text, without_params
from replay.offer_answer import SipMessage
from replay.relay_settings import CALLEE
from replay.sip_dialogs import Party

_SECONDS = re.compile(r"\s*(\d{1,9})")


def request_event(incoming: IncomingRequest, *, from_caller: bool, branch: str = "") -> SipMessage:
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


def party_of_request(request: Request, hop: Hop, leg: str) -> PartyLearned:
    """Return how the sender of a dialog's first request is reached: through the proxies that recorded themselves."""
    routes = split_values(request.headers.getlist("Record-Route"))
    return _party(request, request.headers.get("From") or "", hop, leg, routes)


def party_of_response(response: Response, hop: Hop, recorded: int) -> PartyLearned:
    """Return how a callee is reached. `recorded` Record-Routes stood in the request: ours, and those before us."""
    values = split_values(response.headers.getlist("Record-Route"))
    beyond = values[: max(len(values) - recorded, 0)]
    return _party(response, response.headers.get("To") or "", hop, CALLEE, beyond[::-1])


def party_again(message: Message, hop: Hop, leg: str, tag: str, known: Party) -> PartyLearned:
    """Return how a party is reached after a target refresh request or its answer (RFC 3261 12.2): its routes stay."""
    return PartyLearned(
        leg=leg,
        tag=tag,
        uri=known.uri,
        contact=contact_of(message) or known.contact,
        routes=known.routes,
        local=str(hop.local) if hop.local else known.local,
        source=str(hop),
    )


def contact_of(message: Message) -> str:
    """Return the URI of the Contact, "" if there is none."""
    values = split_values(message.headers.getlist("Contact"))
    return uri_text(values[0]) if values else ""


def _party(message: Message, address: str, hop: Hop, leg: str, routes: list[str]) -> PartyLearned:
    return PartyLearned(
        leg=leg,
        tag=tag_of(address),
        uri=without_params(address),
        contact=contact_of(message),
        routes=tuple(routes),
        local=str(hop.local) if hop.local else "",
        source=str(hop),
    )
