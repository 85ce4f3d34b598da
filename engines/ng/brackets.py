"""Values in brackets in rtpengine's flags: `codec=[transcode=[PCMA PCMU] strip=[EVS]]`.

As OpenSIPS has them (modules/rtpengine/README.md, rtpengine_bracket.c): a list of words, or a dictionary where a word
outside inner brackets has an equals sign. In the words `--` is an equals sign and `..` a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engines.ng.bencode import NgValue

MAX_LENGTH = 4096
"""The longest value in bytes."""

MAX_DEPTH = 8
"""How many brackets may be open inside the outer ones."""

_ESCAPES = {b"--": b"=", b"..": b" "}
_ESCAPE = re.compile(rb"--|\.\.")


class BracketError(ValueError):
    """The brackets do not match, are too deep or too long, or a word of a dictionary has no value."""


def split(text: bytes) -> Iterator[bytes]:
    """Yield the words of a text; a word goes on over spaces that stand in brackets. Raises BracketError."""
    depth, start = 0, 0
    for position, mark in enumerate(text):
        if mark == ord("["):
            depth += 1
        elif mark == ord("]"):
            depth -= 1
        elif mark == ord(" ") and depth == 0:
            if start < position:
                yield text[start:position]
            start = position + 1
        if depth < 0:
            raise BracketError("a bracket is closed that was not opened")
    if depth:
        raise BracketError("a bracket is not closed")
    if start < len(text):
        yield text[start:]


def parse(value: bytes, depth: int = 0) -> NgValue:
    """Read a value with its brackets, or a plain word. Raises BracketError."""
    if not (value.startswith(b"[") and value.endswith(b"]")):
        return _ESCAPE.sub(lambda found: _ESCAPES[found[0]], value)
    if depth > MAX_DEPTH or len(value) > MAX_LENGTH:
        raise BracketError(f"more than {MAX_DEPTH} brackets in each other, or than {MAX_LENGTH} bytes")
    words = list(split(value[1:-1]))
    if any(b"=" in word.partition(b"[")[0] for word in words):
        return dict(_pair(word, depth) for word in words)
    return [parse(word, depth + 1) for word in words]


def _pair(word: bytes, depth: int) -> tuple[bytes, NgValue]:
    key, equals, value = word.partition(b"=")
    if not key or not equals:
        raise BracketError(f"{word.decode('utf-8', 'replace')!r} has no value, and others beside it have")
    return key, parse(value, depth + 1)
