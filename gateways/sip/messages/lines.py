"""A message's bytes taken apart into start line, headers and body (RFC 3261 7)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sipmessage.message import COMPACT_FORMS

from gateways.sip.messages.headers import CopyableHeaders

MAX_LINES = 256
"""How many header lines a message may have."""

TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"
"""A token (RFC 3261 25.1)."""

MAX_NAME = 256
"""The longest name of a header."""

_HEADER_NAME = re.compile(TOKEN)
_FOLD = re.compile(rb"\r\n[ \t]++")


@dataclass(slots=True)
class Parts:
    """What a message is made of. `fault` is what is wrong with it as far as that shows, "" for nothing.

    known: the values of `headers`, by their long names in lower case.
    """

    start: str
    headers: CopyableHeaders
    known: dict[str, list[str]]
    body: bytes
    fault: str


def take_apart(data: bytes) -> Parts:
    """Give the parts of a message: headers by their long names, unfolded."""
    head, end, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    text, fault = _text(head)
    start, *lines = text.split("\r\n")
    pairs, known, another = _headers(lines)
    return Parts(start, CopyableHeaders(pairs), known, body, fault or another or ("" if end else "No End Of Headers"))


def _text(head: bytes) -> tuple[str, str]:
    if b"\r\n " in head or b"\r\n\t" in head:
        head = _FOLD.sub(b" ", head)
    try:
        return head.decode(), ""
    except UnicodeDecodeError:
        return head.decode(errors="replace"), "Not UTF-8"


def _headers(lines: list[str]) -> tuple[list[tuple[str, list[str]]], dict[str, list[str]], str]:
    pairs: list[tuple[str, list[str]]] = []
    known: dict[str, list[str]] = {}
    fault = "Too Many Headers" if len(lines) > MAX_LINES else ""
    for line in lines[:MAX_LINES]:
        written, colon, value = line.partition(":")
        name, key = _header_name(written) if len(written) <= MAX_NAME else ("", "")
        value = value.strip(" \t")
        if not colon or not name or "\r" in value or "\n" in value:
            fault = fault or "Bad Header"
        elif key in known:
            known[key].append(value)
        else:
            known[key] = values = [value]
            pairs.append((name, values))
    return pairs, known, fault


@lru_cache(maxsize=1024)
def _header_name(written: str) -> tuple[str, str]:
    """Give a header's name in its long form, and as it is compared; nothing if it is none."""
    name = written.rstrip(" \t")
    if not _HEADER_NAME.fullmatch(name):
        return "", ""
    name = COMPACT_FORMS.get(name.lower(), name)
    return name, name.lower()
