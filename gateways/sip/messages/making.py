"""Messages made of others, and changed."""

from __future__ import annotations

from sipmessage import URI, Headers, Request, Response

from gateways.sip.messages.headers import CopyableHeaders, copied
from gateways.sip.messages.values import top_via_text
from gateways.sip.messages.vias import unmarked

MAX_FORWARDS = 70
"""What a request of ours gets, and one that came without a Max-Forwards (RFC 3261 8.1.1.6, 16.6 step 3)."""


def request_of(method: str, uri: URI, body: bytes, headers: Headers) -> Request:
    """Return a request with these headers: its class would make others first, which takes longer than all else."""
    request = Request.__new__(Request)
    request.method, request.uri, request.body, request.headers = method, uri, body, headers
    return request


def response_of(code: int, phrase: str, body: bytes, headers: Headers) -> Response:
    """Return a response with these headers, likewise."""
    response = Response.__new__(Response)
    response.code, response.phrase, response.body, response.headers = code, phrase, body, headers
    return response


def copy_request(request: Request) -> Request:
    """Return a request that can be changed without this one."""
    return request_of(request.method, request.uri, request.body, copied(request.headers))


def copy_response(response: Response) -> Response:
    """Return a response that can be changed without this one."""
    return response_of(response.code, response.phrase, response.body, copied(response.headers))


def ack_for(invite: Request, response: Response) -> Request:
    """Make the ACK for a final response other than 2xx to an INVITE that we sent (RFC 3261 17.1.1.3)."""
    return _companion("ACK", invite, response.headers.get("To") or "")


def ack_without_invite(uri: URI, via: str, response: Response) -> Request:
    """Make that ACK where the INVITE is not there any more: of the response, the Via that was on top of it, and `uri`.

    Nobody knows what Routes the INVITE had; who had sent the response finds the ACK's INVITE by the Via.
    """
    headers = copied(response.headers)
    headers.setlist("Via", [unmarked(via)])
    headers.remove("Route")
    return _companion("ACK", request_of("INVITE", uri, b"", headers), headers.get("To") or "")


def cancel_for(invite: Request) -> Request:
    """Make the CANCEL of an INVITE that we sent (RFC 3261 9.1)."""
    return _companion("CANCEL", invite, invite.headers.get("To") or "")


def set_body(message: Request | Response, body: bytes, content_type: str = "") -> None:
    """Set the body of a message, and the Content-Length that goes with it. content_type: "" to leave it as it is.

    Without a body there is no Content-Type.
    """
    message.body = body
    message.headers.set("Content-Length", str(len(body)))
    if not body:
        message.headers.remove("Content-Type")
    elif content_type:
        message.headers.set("Content-Type", content_type)


def add_first(headers: Headers, name: str, value: str) -> None:
    """Put a value before all others of its name."""
    headers.setlist(name, [value, *headers.getlist(name)])


def _companion(method: str, invite: Request, to: str) -> Request:
    """Make a request that goes the way of an INVITE's hop, in its transaction."""
    headers = invite.headers
    number = (headers.get("CSeq") or "").split()[0]
    request = Request(method, invite.uri)
    request.headers = CopyableHeaders.of(
        [
            ("Via", [top_via_text(headers)]),
            *([("Route", list(routes))] if (routes := headers.getlist("Route")) else []),
            ("Max-Forwards", [str(MAX_FORWARDS)]),
            ("From", [headers.get("From") or ""]),
            ("To", [to]),
            ("Call-ID", [headers.get("Call-ID") or ""]),
            ("CSeq", [f"{number} {method}"]),
            ("Content-Length", ["0"]),
        ]
    )
    return request
