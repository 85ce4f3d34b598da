"""ng messages out of a byte stream: `cookie SP dictionary`, one after the other, as rtpengine's `listen-tcp-ng` has it.

There is no length and no separator: a message ends where its bencode dictionary does.
"""

from __future__ import annotations

from collections.abc import Iterator

from engines.ng.bencode_parser import MAX_SIZE, BencodeError, Incomplete, check_depth, read_length, read_number

MAX_COOKIE = 256
"""The longest cookie in bytes; those of real clients have about 20."""

_ZERO, _NINE, _DICTIONARY, _LIST, _END = b"09dle"


class StreamSplitter:
    """Cuts a stream into messages, each in the form it would have as a datagram.

    It goes on where the last piece ended, so that the cost is in proportion to the bytes, however small the pieces.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._body = 0  # where the dictionary begins; 0 while that is not known
        self._position = 0  # up to here the dictionary has been looked through
        self._depth = 0  # containers open at that position

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Append the next piece, and yield the messages that are complete with it.

        Raises BencodeError, after the messages before it, if what follows is no message: the stream is lost then.
        """
        self._buffer += piece
        while self._has_body() and self._is_whole():
            yield bytes(self._buffer[: self._position])
            del self._buffer[: self._position]
            self._body = 0

    def _has_body(self) -> bool:
        """Find the dictionary behind the cookie."""
        if self._body:
            return True
        space = self._buffer.find(b" ", 0, MAX_COOKIE + 1)
        if space == 0 or (space < 0 and len(self._buffer) > MAX_COOKIE):
            raise BencodeError("no cookie", 0)
        if space < 0 or space + 1 == len(self._buffer):
            return False
        if self._buffer[space + 1] != _DICTIONARY:
            raise BencodeError("no dictionary behind the cookie", space + 1)
        self._body, self._position, self._depth = space + 1, space + 2, 1
        return True

    def _is_whole(self) -> bool:
        """Go on until the dictionary's end; False where the bytes at hand end before."""
        try:
            while self._depth and self._position < len(self._buffer):
                self._step()
        except Incomplete:
            return False
        if self._position - self._body > MAX_SIZE:
            raise BencodeError(f"a message longer than the {MAX_SIZE} bytes allowed", self._position)
        return not self._depth

    def _step(self) -> None:
        """Go over a string, a number, or one end of a container."""
        mark = self._buffer[self._position]
        if _ZERO <= mark <= _NINE:
            length, start = read_length(self._buffer, self._position)
            self._position = start + length
        elif mark == _END:
            self._depth -= 1
            self._position += 1
        elif mark in (_DICTIONARY, _LIST):
            check_depth(self._depth, self._position)
            self._depth += 1
            self._position += 1
        else:
            _, self._position = read_number(self._buffer, self._position)
