"""Requests of our own within a dialog, made of what is known of its parties."""

from __future__ import annotations

from dataclasses import replace

from sipmessage import Headers, Request, Response

from actors.sip_requests import DialogRequest
from gateways.sip.addresses import Hop, ListeningPoint
from gateways.sip.dialogs.paths import Path
from gateways.sip.messages.headers import CopyableHeaders
from gateways.sip.messages.ids import new_branch
from gateways.sip.messages.making import set_body
from gateways.sip.messages.uris import read_uri
from gateways.sip.messages.values import split_values, uri_text
from replay.relay_settings import CALLEE


def request_for(asked: DialogRequest, way: Path) -> Request:
    """Make the request, still without a Via. Raises ValueError.

    Nothing in it is ours: it goes as if from the other party, with the Contact, if any, that `asked` has for it.
    """
    request = Request(asked.method, read_uri(way.request_uri))
    headers = Headers()
    for route in way.routes:
        headers.add("Route", route)
    headers.add("Max-Forwards", "70")
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
    via = f"SIP/2.0/{local.transport.upper()} {local.sent_by};branch={new_branch()};rport"
    names = request.headers.keys()
    copy = Request(request.method, request.uri, request.body)
    copy.headers = CopyableHeaders([("Via", [via]), *((name, list(request.headers.getlist(name))) for name in names)])
    return copy


def ack_of(asked: DialogRequest, response: Response) -> DialogRequest:
    """Return the ACK for a 2xx to an INVITE of ours (RFC 3261 13.2.2.4): it goes where the 2xx says the party is."""
    target = _target_in(response, asked.target)
    return replace(asked, method="ACK", target=target, body=b"", content_type="", headers=())


def ends_of(invite: Request, response: Response, source: Hop | None) -> tuple[DialogRequest, DialogRequest]:
    """Return the ACK and the BYE for the dialog that a 2xx has made of an INVITE which we forwarded.

    invite: as it was sent: those Record-Routes that it had are on our side of the dialog, those before them in the
    response on the other, nearest last (RFC 3261 12.1.2). source: where the response came from, if anywhere.
    """
    recorded = len(split_values(invite.headers.getlist("Record-Route")))
    all_routes = split_values(response.headers.getlist("Record-Route"))
    beyond = all_routes[: max(0, len(all_routes) - recorded)]
    number = int((invite.headers.get("CSeq") or "0").split()[0])
    ack = DialogRequest(
        call_id=invite.headers.get("Call-ID") or "",
        to_leg=CALLEE,
        method="ACK",
        cseq=number,
        from_value=response.headers.get("From") or "",
        to_value=response.headers.get("To") or "",
        target=_target_in(response, str(invite.uri)),
        routes=tuple(reversed(beyond)),
        local=str(source.local) if source and source.local else "",
        source=str(source) if source else "",
    )
    return ack, replace(ack, method="BYE", cseq=number + 1)


def _target_in(response: Response, before: str) -> str:
    """Return the remote target that a response tells of: `before` if a request cannot go to its Contact."""
    contact = contact_of(response)
    try:
        return contact if read_uri(contact).scheme in ("sip", "sips") else before
    except ValueError:
        return before


def contact_of(response: Response) -> str:
    """Return the URI of a response's Contact, "" if it has none."""
    values = split_values(response.headers.getlist("Contact"))
    return uri_text(values[0]) if values else ""
