"""Responses of our own (RFC 3261 8.2.6)."""

from __future__ import annotations

from collections.abc import Iterable

from sipmessage import Headers, Request, Response

from events.names import NO_TAG, Tag
from gateways.sip.messages.headers import CopyableHeaders
from gateways.sip.messages.ids import tag_for
from gateways.sip.messages.values import first_value, tag_of

PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK", 202: "Accepted", 204: "No Notification",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
    410: "Gone", 412: "Conditional Request Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 417: "Unknown Resource-Priority",
    420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 423: "Interval Too Brief",
    424: "Bad Location Information", 428: "Use Identity Header", 429: "Provide Referrer Identity",
    430: "Flow Failed", 433: "Anonymity Disallowed", 436: "Bad Identity Info", 437: "Unsupported Credential",
    438: "Invalid Identity Header", 439: "First Hop Lacks Outbound Support", 440: "Max-Breadth Exceeded",
    469: "Bad Info Package", 470: "Consent Needed", 480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
    485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 493: "Undecipherable", 494: "Security Agreement Required",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    555: "Push Notification Service Not Supported", 580: "Precondition Failure",
    600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
    608: "Rejected",
}  # fmt: skip
"""What the codes are called (IANA's registry of SIP parameters)."""

_ALWAYS = ("Via", "From", "To", "Call-ID", "CSeq")
_LISTS = ("Via", "Record-Route")


def phrase_of(code: int) -> str:
    """Return what a code is called, "Unknown" if it has no name."""
    return PHRASES.get(code, "Unknown")


def reply_to(
    request: Request,
    code: int,
    phrase: str = "",
    *,
    to_tag: Tag = NO_TAG,
    headers: Iterable[tuple[str, str]] = (),
) -> Response:
    """Make a response. A To without a tag gets `to_tag`, or one that is the same for each repeat of the request.

    A 100 gets none. headers: further ones, name and value each.
    """
    return reply_with(request.headers, code, phrase, to_tag=to_tag, headers=headers)


def reply_with(
    request: Headers,
    code: int,
    phrase: str = "",
    *,
    to_tag: Tag = NO_TAG,
    headers: Iterable[tuple[str, str]] = (),
) -> Response:
    """Make a response as `reply_to` does to a request with these headers."""
    response = Response(code, phrase or phrase_of(code))
    response.headers = CopyableHeaders.of(
        [(name, values) for name in _copied(code) if (values := _values(request, name))]
    )
    if code != 100:
        _give_tag(request, response, to_tag)
    for name, value in headers:
        response.headers.add(name, value)
    response.headers.set("Content-Length", "0")
    return response


def _copied(code: int) -> tuple[str, ...]:
    if code == 100:
        return (*_ALWAYS, "Timestamp")
    return (*_ALWAYS, "Record-Route") if code < 300 else _ALWAYS


def _values(request: Headers, name: str) -> list[str]:
    values = request.getlist(name)
    return values if name in _LISTS else values[:1]


def _give_tag(request: Headers, response: Response, to_tag: Tag) -> None:
    to = response.headers.get("To") or ""
    if not tag_of(to):
        response.headers.set("To", f"{to};tag={to_tag or _lasting_tag(request)}")


def _lasting_tag(request: Headers) -> str:
    names = ("Call-ID", "From", "CSeq")
    return tag_for("\n".join((first_value(request, "Via"), *(request.get(name) or "" for name in names))))
