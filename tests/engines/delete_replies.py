"""Replies to a delete as an rtpengine gives them, with anything in them that a SIP user or a long call may bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from hypothesis import strategies as st

from tests.peers.bencode import NgDict, NgValue, encode

NOWHERE: NgDict = {}
ENDPOINT: NgDict = {b"family": b"IPv6", b"address": b"2001:db8::e", b"port": 40000}
REST_OF_A_PARTY = b"7:createdi1e13:subscriptionsle11:subscribersle6:mediasl"
REST_OF_A_STREAM = b"4:SSRCi7e5:statsd7:packetsi9e5:bytesi9e6:errorsi9eee"

TEXTS = st.sampled_from([b"", b"a", b"audio", REST_OF_A_PARTY, REST_OF_A_STREAM, b"e6:totalsd", b"\n\xff:", 99 * b"7"])
LONG_TEXTS = TEXTS | st.binary(max_size=120) | st.binary(min_size=1100, max_size=1100)
COUNTS = st.sampled_from([0, 1, 2**31, 2**63 - 1])
SSRCS = st.sampled_from([0, 7, 2**32 - 1, 2**32])

Medium: TypeAlias = tuple[bytes, int, int, list[int]]
"""Its type and codec, its number, what it counts, and its sources, of which releases before 12 know one."""

MEDIA = st.lists(st.tuples(LONG_TEXTS, COUNTS, COUNTS, st.lists(SSRCS, max_size=10)), min_size=1, max_size=3)
PARTIES = st.lists(st.tuples(LONG_TEXTS, LONG_TEXTS, MEDIA), max_size=4)
RELEASES = st.sampled_from([10, 12])
SOURCES = st.lists(st.tuples(SSRCS, COUNTS), max_size=4)


def text(of: bytes) -> bytes:
    return b"%d:%b" % (len(of), of)


def reply_of(
    parties: Sequence[tuple[bytes, bytes, list[Medium]]], sources: Sequence[tuple[int, int]], release: int
) -> bytes:
    """Return the reply to a delete; the same party or source may stand in it twice, with something else."""
    told = b"".join(text(b"%d" % ssrc) + encode(source(number)) for ssrc, number in sources)
    tags = b"".join(text(name) + encode(party(tag, media, release)) for name, tag, media in parties)
    head = b"d7:createdi1e10:created_usi1e11:last signali1e" + (b"17:last redis updatei0e" if release == 12 else b"")
    return head + b"4:SSRCd" + told + b"e4:tagsd" + tags + b"e6:totalsd3:RTPde4:RTCPdee6:result2:oke"


def source(number: int) -> NgDict:
    def score(of: int) -> NgDict:
        return {b"MOS": of, b"round-trip time": number, b"round-trip time leg": 1, b"jitter": number, b"samples": 1}

    scores: NgDict = {b"average MOS": score(2), b"lowest MOS": score(1), b"highest MOS": score(3)}
    return {b"cumulative loss": number, **scores, b"MOS progression": {b"interval": 0, b"entries": [score(1)]}}


def party(tag: bytes, media: list[Medium], release: int) -> NgDict:
    codecs: NgDict = {b"VSC": []} if release == 12 else {}
    return {
        b"tag": tag,
        b"via-branch": tag,
        b"created": 1,
        b"subscriptions": [{b"tag": tag, b"type": b"offer/answer"}],
        b"subscribers": [],
        b"medias": [medium(*one, release) for one in media],
        **codecs,
    }


def medium(kind: bytes, index: int, number: int, ssrcs: list[int], release: int) -> NgDict:
    told = stream_of_12 if release == 12 else stream
    streams = [told(ssrcs, number, b"RTP", ENDPOINT), told(ssrcs, number, b"RTCP", NOWHERE)]
    words: NgDict = {b"index": index, b"type": kind, b"protocol": b"RTP/AVP", b"codec": kind}
    return {**words, b"streams": [*streams], b"flags": [b"send", b"ICE controlling"]}


def stream(ssrcs: list[int], number: int, flag: bytes, endpoint: NgDict) -> NgDict:
    last: NgDict = {b"SSRC": ssrcs[-1]} if ssrcs else {}
    return {**place(endpoint), b"flags": [flag, b"filled"], **last, b"stats": stats(number)}


def stream_of_12(ssrcs: list[int], number: int, flag: bytes, endpoint: NgDict) -> NgDict:
    seen: NgDict = {b"last kernel packet": 0, b"last user packet": 1}
    came: list[NgValue] = [source_of_12(ssrc, number) for ssrc in ssrcs]
    told: NgDict = {b"ingress SSRCs": came, b"egress SSRCs": [source_of_12(5, number)]}
    counted: NgDict = {b"stats": stats(number), b"stats_out": stats(number // 2)}
    return {**place(endpoint), **seen, b"flags": [flag, b"filled"], **told, **counted}


def source_of_12(ssrc: int, number: int) -> NgDict:
    last: NgDict = {b"last RTP timestamp": 1, b"last RTP seq": 1}
    return {b"SSRC": ssrc, b"bytes": number, b"packets": number, **last}


def place(endpoint: NgDict) -> NgDict:
    local: NgDict = {b"local port": 40000, b"local address": b"::1", b"family": b"IPv6"}
    return {**local, b"endpoint": endpoint, b"advertised endpoint": endpoint, b"last packet": 1}


def stats(number: int) -> NgDict:
    return {b"packets": number, b"bytes": number, b"errors": number}
