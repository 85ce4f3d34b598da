"""SIP messages out of a byte stream (RFC 3261 18.3), with the keep-alives between them (RFC 5626 3.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PING: Final = b"\r\n\r\n"
"""What the framer yields for a double CRLF between messages, which is to be answered with PONG."""

PONG: Final = b"\r\n"

END_OF_HEAD = re.compile(rb"\n\r?\n")
"""The empty line behind the headers, whichever line ends the sender writes; a CR before it is the last line's."""

_LENGTH = re.compile(rb"\n(?:content-length|l)[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)", re.IGNORECASE)
_LONGEST_END = 3
_DIGITS = re.compile(rb"\s*([0-9]{1,10})\s*")


class StreamError(Exception):
    """Nobody knows where the next message begins, or it is longer than allowed: the stream is lost."""


class Framer:
    """Cuts a stream into messages. How the stream was chunked makes no difference to what comes out.

    It goes on where the last piece ended, so that the cost is in proportion to the bytes, however small the pieces.
    It never keeps more than `max_message` bytes and the piece that it is given.
    """

    def __init__(self, max_message: int) -> None:
        self._max_message = max_message
        self._buffer = bytearray()
        self._searched = 0  # no head ends before this position
        self._total = 0  # the length of the message at hand; 0 while that is not known
        self._half_ping = False  # one CRLF came since the last message or ping

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Append the next piece, and yield what is complete with it: messages, and PING.

        Raises StreamError, after what comes before, if no message follows.
        """
        self._buffer += piece
        while self._buffer:
            if not self._total and self._buffer.startswith(PONG):
                yield from self._skip_line_end()
            elif not self._total and self._buffer.startswith(b"\n"):
                self._drop(1)
            elif self._is_whole():
                yield self._pop()
            else:
                return

    def _skip_line_end(self) -> Iterator[bytes]:
        self._drop(len(PONG))
        self._half_ping = not self._half_ping
        if not self._half_ping:
            yield PING

    def _pop(self) -> bytes:
        message = bytes(self._buffer[: self._total])
        self._drop(self._total)
        self._half_ping = False
        return message

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._searched = self._total = 0

    def _is_whole(self) -> bool:
        return (bool(self._total) or self._find_total()) and len(self._buffer) >= self._total

    def _find_total(self) -> bool:
        """Find where the message ends; False while its head is not whole."""
        end = END_OF_HEAD.search(self._buffer, self._searched)
        if end is None:
            if len(self._buffer) >= self._max_message:
                raise StreamError(f"a message longer than the {self._max_message} bytes allowed")
            self._searched = max(0, len(self._buffer) - _LONGEST_END + 1)
            return False
        total = end.end() + _content_length(bytes(self._buffer[: end.start()]))
        if total > self._max_message:
            raise StreamError(f"a message longer than the {self._max_message} bytes allowed")
        self._total = total
        return True


def _content_length(head: bytes) -> int:
    """Read how long the body is. Raises StreamError if the head does not say, or says different things."""
    values = {match[1] for match in _LENGTH.finditer(head)}
    if not values:
        raise StreamError("a message without Content-Length")
    lengths = {int(digits[1]) if (digits := _DIGITS.fullmatch(value)) else -1 for value in values}
    if len(lengths) > 1 or -1 in lengths:
        raise StreamError("a message whose Content-Length is not one number")
    return lengths.pop()
