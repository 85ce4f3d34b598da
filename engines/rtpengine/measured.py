"""What an rtpengine counted of a session's media, read without taking its kilobytes of statistics apart.

A reply of the usual form (as of 10.5) is read by patterns that go from one end of it to the other, each beginning where
the one before it ended, so that nothing that a SIP user may choose (a tag, a codec's name) is taken for something else.
One of another form is decoded and read as it may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from engines.measured import MAX_COUNT, MAX_STREAMS, measured, tag_of
from engines.ng.bencode import BencodeError
from engines.ng.bulky import PartlyRead
from engines.reply import NodeReply
from events.names import Tag
from events.registry import MeasuredStream

_PARTS = {
    b"number": rb"(?:0|[1-9][0-9]{0,18})",
    b"text": rb"[0-9]{1,4}:[^:]{0,1024}",
    b"flags": rb"(?:[0-9]{1,2}:[A-Za-z -]+?)*?",
    b"counts": rb"(?:[0-9]{1,2}:[A-Za-z -]+i-?[0-9]{1,19}e)*",
    b"address": rb"[0-9]{1,2}:[0-9a-fA-F.:]{2,45}",
}
_PARTS[b"ties"] = rb"(?:d3:tag%(text)b4:type%(text)be)*" % _PARTS
_PARTS[b"endpoint"] = rb"d(?:6:family4:IPv[46]7:address%(address)b4:porti%(number)be)?e" % _PARTS
_PARTS[b"place"] = (
    rb"d10:local porti%(number)be13:local address%(address)b6:family4:IPv[46]8:endpoint%(endpoint)b"
    rb"19:advertised endpoint%(endpoint)b11:last packeti%(number)be" % _PARTS
)
_PARTS[b"rtp"] = (
    rb"%(place)b5:flagsl3:RTP%(flags)be(?:4:SSRCi(%(number)b)e)?"
    rb"5:statsd7:packetsi(%(number)b)e5:bytesi(%(number)b)e6:errorsi(%(number)b)eee" % _PARTS
)
_PARTS[b"rtcp"] = (
    rb"%(place)b5:flagsl(?!3:RTP)%(flags)be(?:4:SSRCi%(number)be)?"
    rb"5:statsd7:packetsi%(number)be5:bytesi%(number)be6:errorsi%(number)beee" % _PARTS
)
_PARTS[b"medium"] = (
    rb"d5:indexi(%(number)b)e4:type[0-9]{1,2}:([^:]{0,32})8:protocol%(text)b(?:5:codec%(text)b)?"
    rb"7:streamsl%(rtp)b(?:%(rtcp)b)*e5:flagsl%(flags)bee(ee)?" % _PARTS
)

_HEAD = re.compile(rb"d7:createdi%(number)be10:created_usi%(number)be11:last signali%(number)be4:SSRCd" % _PARTS)
_SOURCE = re.compile(
    rb"[0-9]{1,2}:([0-9]{1,10})d15:cumulative lossi(%(number)b)e11:average MOSd3:MOSi(%(number)b)e"
    rb"15:round-trip timei(%(number)b)e19:round-trip time legi%(number)be6:jitteri(%(number)b)e%(counts)be"
    rb"10:lowest MOSd3:MOSi(%(number)b)e%(counts)be11:highest MOSd3:MOSi(%(number)b)e%(counts)be"
    rb"15:MOS progressiond8:intervali%(number)be7:entriesl(?:d%(counts)be)*eee" % _PARTS
)
_TAGS = re.compile(rb"e4:tagsd")
_PARTY = re.compile(
    rb"%(text)bd3:tag[0-9]{1,4}:([^:]{0,1024})(?:10:via-branch%(text)b)?7:createdi%(number)be"
    rb"13:subscriptionsl%(ties)be11:subscribersl%(ties)be6:mediasl%(medium)b" % _PARTS
)
_MEDIUM = re.compile(_PARTS[b"medium"])
_END = re.compile(rb"e6:totalsd")

_Source: TypeAlias = tuple[int, int, tuple[int, int, int], int]
"""Of a source: lost, jitter, MOS and round trip, as MeasuredStream has them."""


def measured_in(reply: NodeReply) -> tuple[MeasuredStream, ...]:
    """Return the streams that a reply to a delete or query tells of; none where it makes no sense."""
    words = reply.words
    if isinstance(words, PartlyRead):
        usual = _usual(words.whole)
        if usual is not None:
            return usual
    try:
        return measured(reply.everything())
    except BencodeError:
        return ()


def _usual(reply: bytes) -> tuple[MeasuredStream, ...] | None:
    """Return the streams of a reply of the usual form; None for another one."""
    head = _HEAD.match(reply)
    if head is None:
        return None
    sources: dict[bytes, _Source] = {}
    position = head.end()
    while (source := _SOURCE.match(reply, position)) is not None:
        ssrc, lost, average, round_trip, jitter, lowest, highest = source.groups()
        sources[ssrc] = (_int(lost), _int(jitter), (_int(lowest), _int(average), _int(highest)), _int(round_trip))
        position = source.end()
    tags = _TAGS.match(reply, position)
    return _parties(reply, tags.end(), sources) if tags is not None else None


def _parties(reply: bytes, position: int, sources: Mapping[bytes, _Source]) -> tuple[MeasuredStream, ...] | None:
    streams: list[MeasuredStream] = []
    while (found := _PARTY.match(reply, position)) is not None:
        groups = found.groups()
        party, medium, ends = tag_of(groups[0]), groups[1:-1], groups[-1]
        streams.append(_stream(party, medium, sources))
        position = found.end()
        while not ends:
            found = _MEDIUM.match(reply, position)
            if found is None or len(streams) > MAX_STREAMS:
                return None
            groups = found.groups()
            medium, ends = groups[:-1], groups[-1]
            streams.append(_stream(party, medium, sources))
            position = found.end()
        if len(streams) > MAX_STREAMS:
            return None
    if _END.match(reply, position) is None:
        return None
    return tuple([stream for stream in streams if stream.party])


def _stream(party: Tag, medium: Sequence[bytes | None], sources: Mapping[bytes, _Source]) -> MeasuredStream:
    index, kind, ssrc, packets, octets, errors = medium
    return MeasuredStream(
        party,
        _int(packets),
        _int(octets),
        (int(ssrc),) if ssrc else (),
        _int(index),
        kind.decode("utf-8", "replace") if kind else "",
        _int(errors),
        None,
        None,
        *(sources.get(ssrc, ()) if ssrc else ()),
    )


def _int(digits: bytes | None) -> int:
    return min(int(digits), MAX_COUNT) if digits else 0
