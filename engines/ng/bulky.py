"""Replies with statistics: kilobytes that nobody here reads, and that cost more to take apart than all the rest.

An rtpengine ends such a reply with `totals` and `result`. Those are read; the rest goes to the client as it came.
"""

from __future__ import annotations

from engines.ng.bencode import BencodeError, NgDict, NgValue, decode
from events.verb import DELETE, QUERY

BULKY = frozenset({DELETE, QUERY})
"""What has replies have statistics."""

_END = b"6:result2:oke"
_TOTALS = b"6:totalsd"
_SMALL = 200


class PartlyRead(dict[bytes, NgValue]):
    """A reply of which only some keys were read; `whole` is all of it, in bencode."""

    __slots__ = ("whole",)

    def __init__(self, read: NgDict, whole: bytes) -> None:
        super().__init__(read)
        self.whole = whole


def read_partly(reply: bytes) -> NgDict | None:
    """Read `result` and `totals` of a bulky reply; None if it is not of that form, and is to be read as any other."""
    if len(reply) < _SMALL or not (reply.startswith(b"d") and reply.endswith(_END)):
        return None
    start = reply.rfind(_TOTALS)
    if start < 0:
        return None
    try:
        read = decode(b"d" + reply[start : -len(_END)] + b"e")
    except BencodeError:
        return None
    return PartlyRead({**read, b"result": b"ok"}, reply) if isinstance(read, dict) else None


def whole(reply: NgDict) -> NgDict:
    """Return a reply with all its keys."""
    if not isinstance(reply, PartlyRead):
        return reply
    read = decode(reply.whole)
    assert isinstance(read, dict), "it begins with d"
    return read
