"""What a strict user agent finds fault with in the messages that it gets."""

from __future__ import annotations

from collections.abc import Iterator

from sipmessage import Message, Request, Response

from tests.peers.ua_dialog import Dialog
from tests.peers.ua_text import branches_of, tag_of, uri_of, values
from tests.peers.ua_transactions import Sent

_NEEDED = ("Via", "From", "To", "Call-ID", "CSeq")
_COOKIE = "z9hG4bK"


def message_faults(message: Message) -> Iterator[str]:
    """Check what all messages must have (RFC 3261 8.1.1, 20.14)."""
    headers = message.headers
    for name in _NEEDED:
        if not headers.getlist(name):
            yield f"has no {name}"
        elif name != "Via" and len(headers.getlist(name)) > 1:
            yield f"has several {name}"
    if headers.get("Content-Length") != str(len(message.body)):
        yield f"says Content-Length {headers.get('Content-Length')}, has {len(message.body)}"
    if message.body and headers.get("Content-Type") is None:
        yield "has a body of no type"


def request_faults(request: Request) -> Iterator[str]:
    """Check what all requests must have (RFC 3261 8.2)."""
    yield from message_faults(request)
    if request.cseq.method != request.method:
        yield f"its CSeq is {request.headers['CSeq']!r}"
    if request.max_forwards is None or not 0 <= request.max_forwards < 71:
        yield f"its Max-Forwards is {request.max_forwards}"
    branches = branches_of(request.headers)
    if not all(branch.startswith(_COOKIE) for branch in branches) or len(set(branches)) < len(branches):
        yield f"the branches of its Vias are {branches}"
    if not tag_of(request.headers["From"]):
        yield "its From has no tag"
    if routes := values(request.headers, "Route"):
        yield f"there is a Route left: {routes}"


def in_dialog_faults(request: Request, dialog: Dialog, contact: str, uri: str) -> Iterator[str]:
    """Check a request in a dialog (RFC 3261 12.2.2); `uri` is its Request-URI as written, `contact` that of here."""
    if uri != contact:
        yield f"its Request-URI is {uri}, not {contact}"
    for name, value in (("From", dialog.remote), ("To", dialog.local)):
        if uri_of(request.headers[name]) != uri_of(value):
            yield f"its {name} is {request.headers[name]!r}, the dialog's {value!r}"
    if request.method not in ("ACK", "CANCEL") and request.cseq.sequence <= dialog.remote_seq:
        yield f"its CSeq is not above {dialog.remote_seq}"


def response_faults(response: Response, sent: Sent) -> Iterator[str]:
    """Check a response to a request that was sent (RFC 3261 8.1.3.3, 17.1.3)."""
    yield from message_faults(response)
    if (vias := len(values(response.headers, "Via"))) != 1:
        yield f"has {vias} Vias"
    asked, headers = sent.request.headers, response.headers
    for name in ("From", "Call-ID", "CSeq"):
        if headers[name] != asked[name]:
            yield f"its {name} is {headers[name]!r}, that of the request {asked[name]!r}"
    if uri_of(headers["To"]) != uri_of(asked["To"]):
        yield f"its To is {headers['To']!r}, that of the request {asked['To']!r}"
    tag, wanted = tag_of(headers["To"]), tag_of(asked["To"])
    if response.code > 100 and (not tag or (wanted and tag != wanted)):
        yield f"its To tag is {tag!r}, that of the request {wanted!r}"
    yield from _order_faults(response, sent)


def _order_faults(response: Response, sent: Sent) -> Iterator[str]:
    method, final = sent.request.method, sent.final
    if method == "INVITE" and 200 <= response.code < 300 and not values(response.headers, "Contact"):
        yield "has no Contact"
    if final is None or response.code == final.code:
        return
    if method != "INVITE" or {response.code // 100, final.code // 100} != {2}:
        yield f"comes after {final.code}"
