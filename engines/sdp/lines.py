"""The lines of a session description, each with its place in the body.

RFC 8866 section 5: a line is `<type>=<value>`, ended by CRLF; a lone LF is taken too (section 5 asks for that), a lone
CR is not: a reader that takes it for the end of a line sees other lines than one that does not. Blank lines and lines
of NUL bytes, which some senders leave at the end, are skipped and kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from events.values import value

STRAY_CR = re.compile(rb"\r(?!\n)")
"""A CR that no LF follows. To look for it once takes less than to have no line of a pattern hold one."""

_WORD = re.compile(rb"\S+")
_BLANK = b" \t\r\0"


class SdpError(ValueError):
    """A body that is no session description, or one that cannot be changed as asked; the message names the line."""


@value
class Field:
    """A word of the body, and the offset at which it starts."""

    start: int
    text: bytes

    @property
    def end(self) -> int:
        """The offset of the first byte after it."""
        return self.start + len(self.text)


@value
class Line:
    """One line.

    number: from 1. start: its offset in the body. text, and ending: the bytes that end it (b"" at the end). type: the
    letter before the equals sign. attribute: the name of the attribute, b"" where the line is not an a= line.
    """

    number: int
    start: int
    text: bytes
    ending: bytes
    type: bytes
    attribute: bytes

    @property
    def value(self) -> bytes:
        """All that stands after the equals sign."""
        return self.text[2:]

    @property
    def end(self) -> int:
        """The offset of the next line."""
        return self.start + len(self.text) + len(self.ending)

    def fields(self, skip: int = 0) -> list[Field]:
        """Return the words of the value, without its first `skip` bytes."""
        return [Field(word.start() + self.start, word.group()) for word in _WORD.finditer(self.text, 2 + skip)]

    def error(self, what: str) -> SdpError:
        """Return the error that says what is wrong with this line."""
        return SdpError(f"line {self.number}: {what}: {shown(self.text)}")


def shown(text: bytes) -> str:
    """Return text as a person may read it, cut to a length that fits a message."""
    return repr(text[:60].decode("ascii", "backslashreplace")) + ("..." if len(text) > 60 else "")


def split_lines(body: bytes) -> Iterator[Line]:
    """Yield the lines that are not blank. Raises SdpError for one that is not of the form `<type>=<value>`."""
    pieces = body.split(b"\n")
    start = 0
    for number, piece in enumerate(pieces, start=1):
        text, ending = piece, b"\n"
        if number == len(pieces):
            ending = b""
        elif piece.endswith(b"\r"):
            text, ending = piece[:-1], b"\r\n"
        kind = text[:1]
        attribute = text[2:].partition(b":")[0].strip() if kind == b"a" else b""
        line = Line(number, start, text, ending, kind, attribute)
        if b"\r" in text and b"\r" in text.rstrip(b"\r"):
            raise line.error("a CR that no LF follows does not end a line")
        if text[1:2] == b"=" and kind.isalpha():
            yield line
        elif text.strip(_BLANK):
            raise line.error("a multipart body, not an SDP" if text.startswith(b"--") else "not of the form <type>=")
        start += len(piece) + 1
