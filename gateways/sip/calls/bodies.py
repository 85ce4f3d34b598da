"""The session description in a message: the body itself, or a part of it (RFC 5621)."""

from __future__ import annotations

import re

from gateways.sip.messages.incoming import Message
from gateways.sip.messages.making import set_body

SDP = "application/sdp"

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_IS_SDP = re.compile(rb"^content-type[ \t]*:[ \t]*application/sdp[ \t]*(?:;|\r?$)", re.IGNORECASE | re.MULTILINE)


def sdp_of(message: Message) -> bytes | None:
    """Give the session description, None if there is none."""
    start, end = _place(message)
    return message.body[start:end] if end else None


def replace_sdp(message: Message, sdp: bytes) -> None:
    """Put another session description where the message has its own."""
    start, end = _place(message)
    set_body(message, message.body[:start] + sdp + message.body[end:])


def _place(message: Message) -> tuple[int, int]:
    """Give where in the body the session description begins and ends; it ends at 0 where there is none."""
    if not message.body:
        return 0, 0
    kind = message.headers.get("Content-Type") or ""
    name = kind.partition(";")[0].strip().lower()
    if name == SDP:
        return 0, len(message.body)
    return _part(message.body, kind) if name.startswith("multipart/") else (0, 0)


def _part(body: bytes, kind: str) -> tuple[int, int]:
    found = _BOUNDARY.search(kind)
    if found is None:
        return 0, 0
    line = b"--" + (found[1] or found[2]).encode()
    start = body.find(line)
    while start >= 0:
        end = body.find(b"\r\n" + line, start)
        head = body.find(b"\r\n\r\n", start)
        if end < 0 or head < 0:
            break
        if head < end and _IS_SDP.search(body, start, head + 2):
            return head + 4, end
        start = end + 2
    return 0, 0
