"""The session description in a message: the body itself, or a part of it (RFC 5621)."""

from __future__ import annotations

import re

from gateways.sip.calls.multipart import PLAIN_ENCODINGS, UnreadableBody, parts_of, read_type
from gateways.sip.messages.incoming import Message
from gateways.sip.messages.making import set_body

SDP = "application/sdp"

_SPACE = b"\xef\xbb\xbf \t\r\n\0"
_MEDIA = re.compile(rb"[\r\n][ \t]*m=", re.IGNORECASE)

__all__ = ["SDP", "UnreadableBody", "is_readable", "replace_sdp", "sdp_of"]


def sdp_of(message: Message) -> bytes | None:
    """Return the session description, None if there is none, or none that can be read."""
    try:
        start, end = _place(message)
    except UnreadableBody:
        return None
    return message.body[start:end] if end else None


def is_readable(message: Message) -> bool:
    """Return whether it is certain which session description a message has, if any."""
    try:
        _place(message)
    except UnreadableBody:
        return False
    return True


def replace_sdp(message: Message, sdp: bytes) -> None:
    """Put another session description where the message has its own; the rest stays. Raises UnreadableBody."""
    start, end = _place(message)
    set_body(message, message.body[:start] + sdp + message.body[end:])


def _place(message: Message) -> tuple[int, int]:
    """Return where in the body the session description begins and ends; it ends at 0 where there is none."""
    body, headers = message.body, message.headers
    if not body:
        return 0, 0
    text = headers.get("Content-Type")
    if not text:
        return _none_of(body)
    kind = None if text.lower() == SDP else read_type(text)
    if kind is not None and kind.name != SDP and not kind.name.startswith("multipart/"):
        return _mislabelled(body)
    encoding = headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() not in PLAIN_ENCODINGS:
        raise UnreadableBody("a body in an encoding")
    return (0, len(body)) if kind is None or kind.name == SDP else _part(body, kind.boundary)


def _part(body: bytes, boundary: str) -> tuple[int, int]:
    place = (0, 0)
    for part in parts_of(body, boundary):
        if not part.kind:
            _none_of(body[part.start : part.end])
        elif part.kind == SDP:
            if place != (0, 0):
                raise UnreadableBody("more than one session description")
            place = part.start, part.end
        else:
            _mislabelled(body[part.start : part.end])
    return place


def _none_of(body: bytes) -> tuple[int, int]:
    """Return the place of none for what has no type. Raises UnreadableBody if it looks like a session description."""
    if body.lstrip()[:2].lower() == b"v=":
        raise UnreadableBody("a session description without a Content-Type")
    return 0, 0


def _mislabelled(body: bytes) -> tuple[int, int]:
    """Return the place of none for what has another type. Raises UnreadableBody for a session description all the same.

    Whoever gets it might go by what it is rather than by what it is called.
    """
    if body.lstrip(_SPACE)[:3].lower() == b"v=0" and _MEDIA.search(body):
        raise UnreadableBody("a session description with another Content-Type")
    return 0, 0
