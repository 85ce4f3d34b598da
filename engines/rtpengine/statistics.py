"""The statistics in an rtpengine's reply, read without taking its kilobytes apart: what `statistics.c` does, too.

This is what runs where that is not compiled: it reads replies of the usual form (as of 10.5, or of 12.5) by patterns
that go from one end to the other, each beginning where the one before it ended, and over texts by their lengths, so
that nothing that a SIP user may choose (a tag, a codec's name) is taken for something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from engines.measured import MAX_SOURCES, MAX_STREAMS, Row


def _text() -> bytes:
    """Return the pattern of a text of up to 99 bytes: its length, then as many bytes, whatever they are."""
    tens = [
        b"%d(?::.{%d}+|%b)" % (ten, ten, b"|".join([b"%d:.{%d}+" % (one, 10 * ten + one) for one in range(10)]))
        for ten in range(1, 10)
    ]
    return b"(?:%b|0:)" % b"|".join(tens)


# Nothing here is tried in a second way: each quantifier is possessive, and of two alternatives one fits.
_PARTS = {b"text": _text(), b"number": rb"i[^e]++e", b"count": rb"i([0-9]{1,18}+)e"}
_PARTS[b"texts"] = rb"(?:%(text)b)*+" % _PARTS
_PARTS[b"counts"] = rb"(?:%(text)b%(number)b)*+" % _PARTS
_PARTS[b"ties"] = rb"(?:d3:tag%(text)b4:type%(text)be)*+" % _PARTS
_PARTS[b"endpoint"] = rb"d(?:6:family4:IPv[46]7:address%(text)b4:port%(number)b)?+e" % _PARTS
_PARTS[b"place"] = (
    rb"d10:local port%(number)b13:local address%(text)b6:family4:IPv[46]8:endpoint%(endpoint)b"
    rb"19:advertised endpoint%(endpoint)b11:last packet%(number)b"
    rb"(?:18:last kernel packet%(number)b16:last user packet%(number)b)?+" % _PARTS
)
_PARTS[b"ssrcs"] = rb"(?:d4:SSRC%(number)b%(counts)be)*+" % {**_PARTS, b"number": rb"i[0-9]{1,18}+e"}
_PARTS[b"rtp"] = (
    rb"%(place)b5:flagsl3:RTP%(texts)be(?:4:SSRC%(count)b|13:ingress SSRCsl(%(ssrcs)b)e12:egress SSRCsl%(ssrcs)be)?+"
    rb"5:statsd7:packets%(count)b5:bytes%(count)b6:errors%(count)be"
    rb"(?:9:stats_outd7:packets%(count)b5:bytes%(count)b6:errors%(number)be)?+e" % _PARTS
)
_PARTS[b"rtcp"] = (
    rb"%(place)b5:flagsl%(texts)be(?:4:SSRC%(number)b|13:ingress SSRCsl%(ssrcs)be12:egress SSRCsl%(ssrcs)be)?+"
    rb"5:statsd%(counts)be(?:9:stats_outd%(counts)be)?+e" % _PARTS
)
_PARTS[b"party"] = (
    rb"(%(text)b)d3:tag(%(text)b)(?:10:via-branch%(text)b)?+7:created%(number)b"
    rb"13:subscriptionsl%(ties)be11:subscribersl%(ties)be6:mediasl" % _PARTS
)

_HEAD = re.compile(
    rb"d7:created%(number)b10:created_us%(number)b11:last signal%(number)b(?:17:last redis update%(number)b)?+4:SSRCd"
    % _PARTS
)
_SOURCE = re.compile(
    rb"(%(text)b)d15:cumulative loss%(count)b11:average MOSd3:MOS%(count)b"
    rb"15:round-trip time%(count)b19:round-trip time leg%(number)b6:jitter%(count)b%(counts)be"
    rb"10:lowest MOSd3:MOS%(count)b%(counts)be11:highest MOSd3:MOS%(count)b%(counts)be"
    rb"15:MOS progressiond8:interval%(number)b7:entriesl(?:d%(counts)be)*+eee" % _PARTS,
    re.DOTALL,
)
_TAGS = re.compile(rb"e4:tagsd")
_MEDIUM = re.compile(
    rb"(?:%(party)b)?+d5:index%(count)b4:type(%(text)b)8:protocol%(text)b(?:5:codec%(text)b)?+"
    rb"7:streamsl%(rtp)b(?:%(rtcp)b)*+e5:flagsl%(texts)bee(e(?:3:VSCle)?+e)?+" % _PARTS,
    re.DOTALL,
)
"""A medium: with its party before it where it is the first, and with the party's end behind it where it is the last."""
_SSRC = re.compile(rb"d4:SSRCi([0-9]++)e")
_END = re.compile(rb"e6:totalsd")

_Source: TypeAlias = tuple[int | None, int | None, tuple[int, int, int] | None, int | None]
"""Of a source: lost, jitter, MOS and round trip, as a row has them."""

_NO_SSRC = 2**32
_UNHEARD: _Source = (None, None, None, None)


def rows(reply: bytes) -> list[Row] | None:
    """Return a row for each stream that a reply tells of; None for a reply of a form that others have to read."""
    head = _HEAD.match(reply)
    if head is None:
        return None
    sources: dict[bytes, _Source] = {}
    position = head.end()
    while (source := _SOURCE.match(reply, position)) is not None:
        ssrc, lost, average, round_trip, jitter, lowest, highest = source.groups()
        told = (int(lost), int(jitter), (int(lowest), int(average), int(highest)), int(round_trip))
        sources.setdefault(_content(ssrc), told)
        position = source.end()
    tags = _TAGS.match(reply, position)
    return _media(reply, tags.end(), sources) if tags is not None else None


def _media(reply: bytes, position: int, sources: Mapping[bytes, _Source]) -> list[Row] | None:
    """Return the rows of all parties, of whom the first begins at a position; None if one is of another form."""
    streams: list[Row] = []
    names: set[bytes] = set()
    party, is_first = b"", True
    while (found := _MEDIUM.match(reply, position)) is not None:
        groups = found.groups()
        name, tag = groups[:2]
        if (name is not None) is not is_first or name in names or len(streams) == MAX_STREAMS:
            return None
        if is_first:
            names.add(name)
            party = _content(tag)
        streams.append(_row(party, groups[2:-1], sources))
        is_first = groups[-1] is not None
        position = found.end()
    if not is_first or _END.match(reply, position) is None:
        return None
    return [stream for stream in streams if stream[0]]


def _row(party: bytes, medium: tuple[bytes | Any, ...], sources: Mapping[bytes, _Source]) -> Row:
    index, kind, ssrc, listed, packets, octets, errors, packets_sent, octets_sent = medium
    told = [ssrc] if ssrc else _SSRC.findall(listed)[:MAX_SOURCES] if listed else []
    ssrcs = [one for one in told if int(one) < _NO_SSRC]
    lost, jitter, mos, round_trip = next((sources[one] for one in ssrcs if one in sources), _UNHEARD)
    return (
        party,
        int(packets),
        int(octets),
        tuple([int(one) for one in ssrcs]),
        int(index) or 1,
        _content(kind),
        int(errors),
        int(packets_sent) if packets_sent else None,
        int(octets_sent) if octets_sent else None,
        lost,
        jitter,
        mos,
        round_trip,
    )


def _content(text: bytes) -> bytes:
    """Return a text without its length, which has one digit or two."""
    return text[2:] if text[1:2] == b":" else text[3:]
