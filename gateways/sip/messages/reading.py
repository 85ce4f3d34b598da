"""Bytes to messages.

Headers are checked as far as every proxy needs them (RFC 3261 16.3, 18.3), and kept as they came, but for folded lines.
What a proxy has no business with is not looked at.
"""

from __future__ import annotations

import re

from sipmessage import Response

from gateways.sip.addresses import Hop
from gateways.sip.messages.fields import MessageFault, check_max_forwards, content_length, read_fields
from gateways.sip.messages.hops import response_hop
from gateways.sip.messages.ids import COOKIE
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.lines import TOKEN, Parts, take_apart
from gateways.sip.messages.making import request_of, response_of
from gateways.sip.messages.replies import reply_with
from gateways.sip.messages.uris import TextURI, read_uri
from gateways.sip.messages.vias import mark_source, top_branch

MAX_MESSAGE = 65_535
"""The longest message, in bytes."""

_REQUEST_LINE = re.compile(rf"({TOKEN}) (\S+) [Ss][Ii][Pp]/([0-9]+\.[0-9]+)[ \t]*")
_STATUS_LINE = re.compile(r"[Ss][Ii][Pp]/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?")
_NEEDED_TO_REPLY = ("Via", "From", "To", "Call-ID", "CSeq")


class Malformed(Exception):
    """Bytes that are no message to go on with.

    `reply` is what may be sent back for it, to `hop`; None if nothing may.
    """

    def __init__(self, reason: str, reply: Response | None = None, hop: Hop | None = None) -> None:
        super().__init__(reason)
        self.reason, self.reply, self.hop = reason, reply, hop


def is_keepalive(data: bytes) -> bool:
    """Whether this is no message, but sent to keep a way open (RFC 5626 4.4.1; some send null bytes)."""
    return not data.strip(b"\r\n\0")


def read(data: bytes, hop: Hop) -> IncomingRequest | IncomingResponse:
    """Read a message that came over `hop`. Raises Malformed, and nothing else.

    The body is cut to Content-Length; where there is none, the body is all that came, and the message gets one.
    Headers have their long names, else their names as they were written.
    """
    if len(data) > MAX_MESSAGE:
        raise Malformed("Message Too Long")
    parts = take_apart(data)
    try:
        if parts.fault:
            raise MessageFault(parts.fault)
        return _response(parts, hop) if _is_response(parts) else _request(parts, hop)
    except MessageFault as fault:
        raise _malformed(parts, hop, fault) from None


def _is_response(parts: Parts) -> bool:
    return parts.start[:4].upper() == "SIP/"


def _request(parts: Parts, hop: Hop) -> IncomingRequest:
    method, uri = _request_line(parts.start)
    fields = read_fields(parts.headers, has_repeats=parts.has_repeats)
    if fields.method != method:
        raise MessageFault("CSeq Of Another Method")
    check_max_forwards(parts.headers)
    message = request_of(method, uri, _body(parts), parts.headers)
    try:
        via = mark_source(parts.headers, hop)
    except ValueError:
        raise MessageFault("Bad Via") from None
    if via.parameters.get("branch") == COOKIE:
        raise MessageFault("Branch Without Identifier")
    return IncomingRequest(message, hop, via, fields.call_id, fields.from_tag, fields.to_tag, fields.cseq)


def _response(parts: Parts, hop: Hop) -> IncomingResponse:
    match = _STATUS_LINE.fullmatch(parts.start)
    if match is None:
        raise MessageFault("Bad Status Line")
    fields = read_fields(parts.headers, has_repeats=parts.has_repeats)
    message = response_of(int(match[1]), match[2] or "", _body(parts), parts.headers)
    try:
        branch = top_branch(parts.headers)
    except ValueError:
        raise MessageFault("Bad Via") from None
    return IncomingResponse(message, hop, branch, *fields)


def _request_line(start: str) -> tuple[str, TextURI]:
    match = _REQUEST_LINE.fullmatch(start)
    if match is None:
        raise MessageFault("Bad Request Line")
    method, text, version = match.groups()
    if version != "2.0":
        raise MessageFault("Version Not Supported", 505)
    try:
        uri = read_uri(text)
    except ValueError:
        raise MessageFault("Bad Request-URI") from None
    if uri.headers:
        raise MessageFault("Headers In Request-URI")
    return method, uri


def _body(parts: Parts) -> bytes:
    length = content_length(parts.headers)
    if length is None:
        parts.headers.set("Content-Length", str(len(parts.body)))
        return parts.body
    if length > len(parts.body):
        raise MessageFault("Body Shorter Than Content-Length")
    return parts.body[:length]


def _malformed(parts: Parts, hop: Hop, fault: MessageFault) -> Malformed:
    """Return what to raise for a fault. No reply goes to a response, to an ACK, and to what lacks headers to copy."""
    if _is_response(parts) or _is_ack(parts) or not all(any(parts.headers.getlist(name)) for name in _NEEDED_TO_REPLY):
        return Malformed(fault.reason)
    try:
        back = response_hop(mark_source(parts.headers, hop), hop)
    except ValueError:
        back = hop
    return Malformed(fault.reason, reply_with(parts.headers, fault.code, fault.reason), back)


def _is_ack(parts: Parts) -> bool:
    return parts.start.startswith("ACK ") or (parts.headers.get("CSeq") or "").split()[-1:] == ["ACK"]
