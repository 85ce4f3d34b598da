"""SIP messages as the bench's agents write and read them: as text, and no more of it than they need (RFC 3261)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

_ECHOED = ("Via:", "Record-Route:", "From:", "To:", "Call-ID:", "CSeq:")


class Message(NamedTuple):
    """A message: its first line, its header lines, its body."""

    start: str
    lines: Sequence[str]
    body: bytes

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.value("Call-ID")

    @property
    def method(self) -> str:
        """The method, also of the request that a response answers."""
        return self.value("CSeq").split()[1]

    @property
    def status(self) -> int:
        """The status of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    def value(self, name: str) -> str:
        """Return what the first header of a name says; "" if there is none."""
        return next(self.values(name), "")

    def values(self, name: str) -> Iterator[str]:
        """Return what all headers of a name say."""
        head = f"{name}:"
        return (line[len(head) :].strip() for line in self.lines if line.startswith(head))


def read(data: bytes) -> Message:
    """Read a message."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    return Message(start, lines, body)


def write(start: str, lines: Iterable[str], body: bytes = b"") -> bytes:
    """Write a message."""
    kind = ("Content-Type: application/sdp",) if body else ()
    return "\r\n".join((start, *lines, *kind, f"Content-Length: {len(body)}", "", "")).encode() + body


def response(request: Message, status: str, *, tag: str, contact: str, body: bytes = b"") -> bytes:
    """Write the response to a request."""
    lines = [line for line in request.lines if line.startswith(_ECHOED)]
    lines = [f"{line};tag={tag}" if line.startswith("To:") and "tag=" not in line else line for line in lines]
    return write(
        f"SIP/2.0 {status}", [*lines, f"Contact: <{contact}>", "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS"], body
    )
