"""Bodies of several parts (RFC 2046 5.1): where in the bytes each part stands, so that one can be replaced alone.

Headers are the standard library's `email` to read. What two readers could understand in two ways is not read at all:
whoever gets the message might find in it what was not found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from itertools import pairwise
from typing import Any

from events.values import value
from gateways.sip.messages.lines import TOKEN

MAX_DEPTH = 8
"""So many bodies of several parts may stand in each other."""

MAX_PARTS = 64
"""So many parts may a body have, over all depths."""

MAX_TYPE = 1024
"""The longest Content-Type, in characters."""

PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary", "identity"})
"""Content-Transfer-Encodings (RFC 2045 6) and Content-Encodings that leave a body as it is."""

_END_OF_HEAD = re.compile(rb"(?:\A|\r?\n)\r?\n")
_NAME = re.compile(rf"{TOKEN}/{TOKEN}(?:\(|\Z)")
_LIKE_SDP = re.compile(rb"^[ \t]*v=", re.MULTILINE | re.IGNORECASE)
_SPACE_BEFORE_COLON = re.compile(rb"^([!-9;-~]+)[ \t]+:", re.MULTILINE)
_HEADERS = BytesHeaderParser(policy=SMTP)
_COMPACT = {"Content-Type": "c", "Content-Encoding": "e"}


class UnreadableBody(Exception):
    """It cannot be said for certain what a body holds."""


@value
class MediaType:
    """What a Content-Type says. name: type and subtype in lower case. boundary: of several parts, "" without one."""

    name: str
    boundary: str


@value
class Part:
    """A part that is not of several parts itself: its type ("" without one), and where its content begins and ends."""

    kind: str
    start: int
    end: int


def read_type(text: str) -> MediaType:
    """Read a Content-Type (RFC 3261 20.15: there may be white space around its slash). Raises UnreadableBody."""
    if len(text) > MAX_TYPE:
        raise UnreadableBody("a Content-Type too long")
    name, semicolon, rest = text.partition(";")
    try:
        read: Any = SMTP.header_factory("Content-Type", "".join(name.split()) + semicolon + rest)
        boundary = str(read.params.get("boundary", ""))
    except Exception as error:  # the library does not say what it raises for what it has not foreseen
        raise UnreadableBody("a Content-Type that cannot be read") from error
    kind: str = read.content_type.lower()
    if read.defects and (kind.startswith("multipart/") or not _NAME.match("".join(name.split()))):
        raise UnreadableBody("a Content-Type with a fault in it")
    return MediaType(kind, boundary)


def parts_of(body: bytes, boundary: str) -> Iterator[Part]:
    """Return all parts of a body, those within parts too, in their order. Raises UnreadableBody."""
    for number, part in enumerate(_parts(body, 0, len(body), boundary, 1)):
        if number >= MAX_PARTS:
            raise UnreadableBody("too many parts")
        yield part


def _parts(body: bytes, start: int, end: int, boundary: str, depth: int) -> Iterator[Part]:
    if depth > MAX_DEPTH:
        raise UnreadableBody("too deep")
    for first, last in _places(body, start, end, boundary):
        headers, content = _head(body, first, last)
        kind = read_type(text) if (text := _header(headers, "Content-Type")) else None
        if kind is not None and kind.name.startswith("multipart/"):
            yield from _parts(body, content, last, kind.boundary, depth + 1)
            continue
        encodings = (_header(headers, name).lower() for name in ("Content-Transfer-Encoding", "Content-Encoding"))
        if not PLAIN_ENCODINGS.issuperset(encodings):
            raise UnreadableBody("a part in an encoding")
        yield Part("" if kind is None else kind.name, content, last)


def _places(body: bytes, start: int, end: int, boundary: str) -> Iterator[tuple[int, int]]:
    """Return where the parts begin and end: between lines that are the boundary, up to the one that closes."""
    if not boundary:
        raise UnreadableBody("parts without a boundary")
    line = rb"(?:\A|(?<=\n))--" + re.escape(boundary.encode(errors="surrogateescape"))
    found = list(re.finditer(line + rb"(--)?[ \t]*(?:\r?\n|\Z)", body[start:end]))
    if len(found) != len(re.findall(line, body[start:end])):
        raise UnreadableBody("a line that only begins as the boundary does")  # it counts all the same (RFC 2046 5.1.1)
    if [place for place, match in enumerate(found) if match[1]] != [len(found) - 1]:
        raise UnreadableBody("parts that are not closed once, at their end")
    if _LIKE_SDP.search(body[start : start + found[0].start()] + b"\n" + body[start + found[-1].end() : end]):
        raise UnreadableBody("what may be a session description outside of the parts")
    for before, after in pairwise(found):
        yield start + before.end(), start + max(before.end(), _without_line_end(body, start + after.start()) - start)


def _without_line_end(body: bytes, position: int) -> int:
    """Return where the line end begins that stands before a boundary, and belongs to it."""
    return position - (2 if body[position - 2 : position] == b"\r\n" else 1)


def _head(body: bytes, start: int, end: int) -> tuple[EmailMessage, int]:
    blank = _END_OF_HEAD.search(body[start:end])
    if blank is None:
        raise UnreadableBody("a part without an end of its headers")
    head = _SPACE_BEFORE_COLON.sub(rb"\1:", body[start : start + blank.start()])  # as SIP's own headers may have it
    headers = _HEADERS.parsebytes(head)
    if headers.defects:
        raise UnreadableBody("headers of a part that cannot be read")
    return headers, start + blank.end()


def _header(headers: EmailMessage, name: str) -> str:
    """Return a header of a part, whose name may be the compact one of SIP; "" without it."""
    found = [*headers.get_all(name, ()), *headers.get_all(_COMPACT.get(name, name), ())]
    found = list(dict.fromkeys(str(each).strip() for each in found))
    if len(found) > 1:
        raise UnreadableBody(f"more than one {name}")
    return found[0] if found else ""
