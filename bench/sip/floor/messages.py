"""SIP messages as the bench's scenarios have SIPp write them, changed by cutting and joining bytes.

Headers are where the scenarios have them: a request begins with Via, From, To, Call-ID and CSeq, Content-Length is the
last one, and a response has all its Vias in one header.
"""

from __future__ import annotations

from tests.peers.datagram import Address


def call_id(message: bytes) -> bytes:
    """Return the Call-ID."""
    return _between(message, b"Call-ID: ", b"\r\n")


def tag(message: bytes, header: bytes) -> bytes:
    """Return the tag of From or To."""
    return _between(message[message.index(header) :], b";tag=", b"\r\n")


def body(message: bytes) -> bytes:
    """Return what stands below the headers."""
    return message.partition(b"\r\n\r\n")[2]


def with_body(message: bytes, other: bytes) -> bytes:
    """Return the message with another body."""
    return b"%bContent-Length: %d\r\n\r\n%b" % (message[: message.index(b"Content-Length: ")], len(other), other)


def trying(invite: bytes) -> bytes:
    """Return the 100 to an INVITE."""
    begin, end = invite.index(b"\r\n"), invite.index(b"Contact: ")
    return b"SIP/2.0 100 Trying%bContent-Length: 0\r\n\r\n" % invite[begin:end]


def passed_on(request: bytes, place: bytes) -> bytes:
    """Return a request as a proxy at `place` (host and port) passes it on, its Route taken off."""
    line, _, rest = request.partition(b"\r\n")
    rest = rest.replace(b"\r\nRoute: <sip:%b;lr>" % place, b"", 1).replace(b"Max-Forwards: 70", b"Max-Forwards: 69", 1)
    branch = _between(rest, b";branch=", b"\r\n")
    return b"%b\r\nVia: SIP/2.0/UDP %b;branch=%b.floor;rport\r\n%b" % (line, place, branch, rest)


def recorded(request: bytes, place: bytes) -> bytes:
    """Return a request with a Record-Route of `place`."""
    return request.replace(b"Content-Length: ", b"Record-Route: <sip:%b;lr>\r\nContent-Length: " % place, 1)


def passed_back(response: bytes) -> tuple[bytes, Address]:
    """Return a response without its first Via, and where it goes."""
    above, _, below = response.partition(b"Via: ")
    below = below.partition(b", ")[2]
    return b"%bVia: %b" % (above, below), _address(_between(below, b"UDP ", b";"))


def target(request: bytes) -> Address:
    """Return where a request within a dialog goes: to its URI."""
    return _address(_between(request, b"@", b" "))


def _between(message: bytes, begin: bytes, end: bytes) -> bytes:
    start = message.index(begin) + len(begin)
    return message[start : message.index(end, start)]


def _address(text: bytes) -> Address:
    host, _, port = text.partition(b":")
    return host.decode(), int(port)
