"""A message's bytes taken apart into start line, headers and body (RFC 3261 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

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
    data = data.lstrip(b"\r\n")
    end = END_OF_HEAD.search(data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    start, *lines = _lines(head)
    headers, fault = _headers(lines)
    fault = fault or ("" if end else "No End Of Headers")
    return Parts(start, CopyableHeaders.of(headers), len(headers) != len(lines), body, fault)


def _lines(head: bytes) -> list[str]:
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    return to_text(head.replace(b"\r\n", b"\n").removesuffix(b"\r")).split("\n")


def _headers(lines: list[str]) -> tuple[Lines, str]:
    headers: Lines = {}
    fault = "Too Many Headers" if len(lines) > MAX_LINES else ""
    for line in lines[:MAX_LINES]:
        written, colon, value = line.partition(":")
        key, name = _header_name(written) if len(written) <= MAX_NAME else ("", "")
        value = value.strip(" \t")
        if not colon or not name or "\r" in value:
            fault = fault or "Bad Header"
        elif key in headers:
            name, values = headers[key]
            headers[key] = name, (*values, value)
        else:
            headers[key] = name, (value,)
    return headers, fault


@lru_cache(maxsize=1024)
def _header_name(written: str) -> tuple[str, str]:
    """Return a header's name as it is compared, and in its long form; nothing if it is none."""
    name = written.rstrip(" \t")
    if not _HEADER_NAME.fullmatch(name):
        return "", ""
    name = COMPACT_FORMS.get(name.lower(), name)
    return name.lower(), name
