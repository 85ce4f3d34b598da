"""The calls that the bench places, as Kamailio's rtpengine module would tell of them.

A call is a number; its ids and tags have the same length for all numbers, so that a request is a template in which
only the number changes.
"""

from __future__ import annotations

from events.names import CallId, Tag
from tests.peers.bencode import NgDict, encode

_NUMBER = b"########"

_SDP = (
    b"v=0\r\n"
    b"o=- %(session)s 1 IN IP4 %(address)s\r\n"
    b"s=call\r\n"
    b"c=IN IP4 %(address)s\r\n"
    b"t=0 0\r\n"
    b"m=audio %(port)d RTP/AVP 8 0 18 101\r\n"
    b"a=rtpmap:8 PCMA/8000\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:18 G729/8000\r\n"
    b"a=fmtp:18 annexb=no\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-16\r\n"
    b"a=ptime:20\r\n"
    b"a=sendrecv\r\n"
)

CALLER_SDP = _SDP % {b"session": b"20518", b"address": b"198.51.100.10", b"port": 41000}
CALLEE_SDP = _SDP % {b"session": b"77401", b"address": b"203.0.113.20", b"port": 52000}


def call_id(prefix: str, number: int) -> CallId:
    """Return the call-id of a call."""
    return CallId(f"{prefix}-{number:08d}@198.51.100.10")


def from_tag(number: int) -> Tag:
    """Return the caller's tag."""
    return Tag(f"caller-{number:08d}")


def to_tag(number: int) -> Tag:
    """Return the callee's tag."""
    return Tag(f"callee-{number:08d}")


class Template:
    """A request with one number missing."""

    def __init__(self, verb: str, prefix: str) -> None:
        """Make the template of `offer`, `answer` or `delete`; `prefix` tells the calls of one run from another's."""
        self._body = b" " + encode(_request(verb, prefix.encode()))

    def fill(self, cookie: bytes, number: int) -> bytes:
        """Return the datagram for one call."""
        return cookie + self._body.replace(_NUMBER, b"%08d" % number)


def _request(verb: str, prefix: bytes) -> NgDict:
    request: NgDict = {b"supports": [b"load limit"]}
    if verb != "delete":
        request[b"sdp"] = CALLER_SDP if verb == "offer" else CALLEE_SDP
        request[b"ICE"] = b"remove"
        request[b"flags"] = [b"trust-address"]
        request[b"replace"] = [b"origin", b"session-connection"]
        request[b"transport-protocol"] = b"RTP/AVP"
    request[b"call-id"] = prefix + b"-" + _NUMBER + b"@198.51.100.10"
    request[b"received-from"] = [b"IP4", b"127.0.0.1"]
    request[b"from-tag"] = b"caller-" + _NUMBER
    if verb == "answer":
        request[b"to-tag"] = b"callee-" + _NUMBER
    request[b"command"] = verb.encode()
    return request
