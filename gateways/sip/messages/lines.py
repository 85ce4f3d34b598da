"""A message's bytes taken apart into start line, headers and body (RFC 3261 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from sipmessage.message import COMPACT_FORMS

from gateways.sip.messages.headers import CopyableHeaders, Lines
from gateways.sip.messages.text import to_text
from gateways.sip.transport.stream import END_OF_HEAD

MAX_LINES = 256
"""How many header lines a message may have."""

TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"
"""A token (RFC 3261 25.1)."""

MAX_NAME = 256
"""The longest name of a header."""

_OFTEN_SEEN = ("CSeq", "Max-Forwards", "User-Agent", "Server", "Allow", "Route", "Record-Route", "Require", "Accept")
_HEADER_NAME = re.compile(TOKEN)
_FOLD = re.compile(rb"\r?\n[ \t]++")


@dataclass(slots=True)
class Parts:
    """What a message is made of.

    has_repeats: a name has several lines. fault: what is wrong with it as far as that shows, "" for nothing.
    """

    start: str
    headers: CopyableHeaders
    has_repeats: bool
    body: bytes
    fault: str


def take_apart(data: bytes) -> Parts:
    """Return the parts of a message: headers by their long names, unfolded. Lines may end in LF alone."""
    return _take_usual_apart(data) or take_any_apart(data)


def _take_usual_apart(data: bytes) -> Parts | None:
    """Return the parts of a message as it should be, each header in a line that ends in CRLF; None for any other."""
    end = data.find(b"\r\n\r\n")
    lines = to_text(data[:end]).split("\r\n")
    start = lines[0]
    if end <= 0 or len(lines) > MAX_LINES or not start or "\n" in start or "\r" in start:
        return None
    headers: Lines = {}
    for line in islice(lines, 1, None):
        written, colon, value = line.partition(":")
        known = _USUAL.get(written) or _header_name(written)
        if known is None or not colon or "\n" in value or "\r" in value:
            return None
        _add(headers, known, value)
    return Parts(start, CopyableHeaders(headers), len(headers) < len(lines) - 1, data[end + 4 :], "")


def take_any_apart(data: bytes) -> Parts:
    """Do what `take_apart` does, for messages in any form, and for what is none."""
    data = data.lstrip(b"\r\n")
    end = END_OF_HEAD.search(data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    lines = _lines(head)
    headers, fault = _headers(lines)
    fault = fault or ("" if end else "No End Of Headers")
    return Parts(lines[0], CopyableHeaders(headers), len(headers) < len(lines) - 1, body, fault)


def _lines(head: bytes) -> list[str]:
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    return to_text(head.replace(b"\r\n", b"\n").removesuffix(b"\r")).split("\n")


def _headers(lines: list[str]) -> tuple[Lines, str]:
    """Return the headers, which begin in the second line, and what is wrong with them."""
    headers: Lines = {}
    fault = "Too Many Headers" if len(lines) > MAX_LINES + 1 else ""
    for line in islice(lines, 1, MAX_LINES + 1):
        written, colon, value = line.partition(":")
        known = _USUAL.get(written) or _header_name(written)
        if known is None or not colon or "\r" in value:
            fault = fault or "Bad Header"
            continue
        _add(headers, known, value)
    return headers, fault


def _add(headers: Lines, known: tuple[str, str], value: str) -> None:
    """Add the value of a line, by the two names of its header."""
    key, name = known
    before = headers.get(key)
    value = value.strip(" \t")
    headers[key] = (name, (value,)) if before is None else (before[0], (*before[1], value))


def _header_name(written: str) -> tuple[str, str] | None:
    """Return a header's name as it is compared, and in its long form; None if it is none."""
    return _read_name(written) if len(written) <= MAX_NAME else None


@lru_cache(maxsize=1024)
def _read_name(written: str) -> tuple[str, str] | None:
    name = written.rstrip(" \t")
    if not _HEADER_NAME.fullmatch(name):
        return None
    name = COMPACT_FORMS.get(name.lower(), name)
    return name.lower(), name


_USUAL = {name: _read_name(name) for name in (*COMPACT_FORMS, *COMPACT_FORMS.values(), *_OFTEN_SEEN)}
"""What is read of names as they are usually written."""
