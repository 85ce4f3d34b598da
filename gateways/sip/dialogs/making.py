"""Requests of our own within a dialog, made of what is known of its parties."""

from __future__ import annotations

from dataclasses import replace

from sipmessage import Headers, Request, Response

from actors.sip_requests import DialogRequest
from events.names import CallId
from gateways.sip.addresses import Hop, ListeningPoint
from gateways.sip.messages.headers import CopyableHeaders
from gateways.sip.messages.ids import new_branch
from gateways.sip.messages.making import MAX_FORWARDS, set_body
from gateways.sip.rules.contacts import remote_target
from gateways.sip.rules.route_set import Path, recorded_routes, routes_to_callee
from gateways.sip.rules.vias import via_of
from replay.relay_settings import CALLEE


def request_for(asked: DialogRequest, way: Path) -> Request:
    """Make the request, still without a Via. Raises ValueError.

    Nothing in it is ours: it goes as if from the other party, with the Contact, if any, that `asked` has for it.
    """
    request = Request(asked.method, way.request_uri)
    headers = Headers()
    for route in way.routes:
        headers.add("Route", route)
    headers.add("Max-Forwards", str(MAX_FORWARDS))
    headers.add("From", asked.from_value)
    headers.add("To", asked.to_value)
    headers.add("Call-ID", asked.call_id)
    headers.add("CSeq", f"{asked.cseq} {asked.method}")
    for name, text in asked.headers:
        headers.add(name, text)
    request.headers = headers
    set_body(request, asked.body, asked.content_type)
    return request


def sent_from(request: Request, local: ListeningPoint) -> Request:
    """Return a copy of a request with our Via, in which responses find the way back (RFC 3261 18.1.1, RFC 3581 3)."""
    via = via_of(local, new_branch())
    names = request.headers.keys()
    copy = Request(request.method, request.uri, request.body)
    copy.headers = CopyableHeaders.of(
        [("Via", [via]), *((name, list(request.headers.getlist(name))) for name in names)]
    )
    return copy


def ack_of(asked: DialogRequest, response: Response) -> DialogRequest:
    """Return the ACK for a 2xx to an INVITE of ours (RFC 3261 13.2.2.4): it goes where the 2xx says the party is."""
    target = remote_target(response, asked.target)
    return replace(asked, method="ACK", target=target, body=b"", content_type="", headers=())


def ends_of(invite: Request, response: Response, source: Hop | None) -> tuple[DialogRequest, DialogRequest]:
    """Return the ACK and the BYE for the dialog that a 2xx has made of an INVITE which we forwarded.

    invite: as we sent it, our Record-Routes included. source: where the response came from, None if unknown.
    """
    number = int((invite.headers.get("CSeq") or "0").split()[0])
    ack = DialogRequest(
        call_id=CallId(invite.headers.get("Call-ID") or ""),
        to_leg=CALLEE,
        method="ACK",
        cseq=number,
        from_value=response.headers.get("From") or "",
        to_value=response.headers.get("To") or "",
        target=remote_target(response, str(invite.uri)),
        routes=routes_to_callee(response, len(recorded_routes(invite))),
        local=str(source.local) if source and source.local else "",
        source=str(source) if source else "",
    )
    return ack, replace(ack, method="BYE", cseq=number + 1)
