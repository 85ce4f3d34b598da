"""Replies that go to the client as they came, of which only what is wanted here is read, by its place.

An rtpengine ends the reply to a delete or query with `totals` and `result`, after kilobytes that nobody here reads and
that cost more to take apart than all the rest; the reply to an offer or answer has the SDP and `result`, no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from engines.ng.bencode import BencodeError, NgDict, NgValue, decode
from events.verb import ANSWER, DELETE, OFFER, QUERY, Verb

_END = b"6:result2:oke"
_TOTALS = b"6:totalsd"
_SMALL = 200

_SDP = re.compile(rb"d3:sdp([1-9][0-9]{0,4}):")
_COUNT = rb"i(0|[1-9][0-9]{0,17}+)e"
_COUNTS = rb"d7:packets%b5:bytes%b6:errors%be" % (_COUNT, _COUNT, _COUNT)
_USUAL_TOTALS = re.compile(rb"6:totalsd3:RTP%b4:RTCP%be" % (_COUNTS, _COUNTS))


class PartlyRead(dict[bytes, NgValue]):
    """A reply of which only some keys were read.

    whole: all of it, in bencode. counts: where its totals have their numbers, if they are as an rtpengine writes them.
    """

    __slots__ = ("counts", "whole")

    def __init__(self, read: NgDict, whole: bytes, counts: re.Match[bytes] | None = None) -> None:
        super().__init__(read)
        self.whole, self.counts = whole, counts


def read_partly(reply: bytes) -> NgDict | None:
    """Read `result` of a bulky reply that ends with totals; None if it is not so, and is to be read as any other."""
    if len(reply) < _SMALL or not (reply.startswith(b"d") and reply.endswith(_END)):
        return None
    start = reply.rfind(_TOTALS)
    if start < 0:
        return None
    counts = _USUAL_TOTALS.fullmatch(reply, start, len(reply) - len(_END))
    if counts is not None:
        return PartlyRead({b"result": b"ok"}, reply, counts)
    read = _any_totals(reply, start)
    return PartlyRead({**read, b"result": b"ok"}, reply) if read is not None else None


def totals_of(reply: NgDict) -> NgValue | None:
    """Return `totals` of a reply, which are seldom asked for; None if it has none."""
    if not isinstance(reply, PartlyRead) or reply.counts is None:
        return reply.get(b"totals")
    counts = reply.counts.groups()
    return {b"RTP": _counts(counts[:3]), b"RTCP": _counts(counts[3:])}


def _counts(told: tuple[bytes, ...]) -> NgDict:
    packets, octets, errors = told
    return {b"packets": int(packets), b"bytes": int(octets), b"errors": int(errors)}


def _any_totals(reply: bytes, start: int) -> NgDict | None:
    try:
        read = decode(b"d" + reply[start : -len(_END)] + b"e")
    except BencodeError:
        return None
    return read if isinstance(read, dict) else None


def read_relayed(reply: bytes) -> NgDict | None:
    """Read the reply to an offer or answer that is an SDP and `result`; None if it is not of that form."""
    found = _SDP.match(reply)
    if found is None:
        return None
    start = found.end()
    end = start + int(found[1])
    return PartlyRead({b"sdp": reply[start:end], b"result": b"ok"}, reply) if reply[end:] == _END else None


BY_PLACE: Mapping[Verb | None, Callable[[bytes], NgDict | None]] = MappingProxyType(
    {OFFER: read_relayed, ANSWER: read_relayed, DELETE: read_partly, QUERY: read_partly}
)
"""How the replies to these are read, unless they are of another form."""


def whole(reply: NgDict) -> NgDict:
    """Return a reply with all its keys."""
    if not isinstance(reply, PartlyRead):
        return reply
    read = decode(reply.whole)
    assert isinstance(read, dict), "it begins with d"
    return read
