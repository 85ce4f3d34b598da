"""Queries and deletes, and what the rtpproxy counted, as an ng dictionary.

A node is asked by stream and does not tell how many there are. So they are asked for in rounds until there are no
more; a call with one stream takes one round. The rounds go on while nothing is found, since the first streams of a
call may be switched off (port 0); a gap further on ends them, and what is behind it is not counted.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace

from engines.kind import Exchange
from engines.ng.bencode import NgDict, NgValue
from engines.refusal import RefusalCode
from engines.reply import UNKNOWN_CALL_ID, agreed, not_found, refused
from engines.rtpproxy import commands
from engines.rtpproxy.commands import SessionKey
from engines.rtpproxy.negotiation import error
from engines.rtpproxy.replies import Counters, ErrorReply, parse_counters, parse_done

_ROUNDS = (range(1, 3), range(3, 5), range(5, 9), range(9, 17))


def query(key: SessionKey) -> Exchange:
    """Ask for the counters of all streams."""
    counters = yield from _counters(key)
    if isinstance(counters, ErrorReply):
        return error(counters)
    if not counters:
        return refused(UNKNOWN_CALL_ID, RefusalCode.UNKNOWN_SESSION)
    return agreed(_statistics(key, counters))


def delete(key: SessionKey, *, fatal: bool) -> Exchange:
    """Ask for the counters, and remove all streams with one command.

    D without a medium number takes all sessions of the call-id that one of the tags created (rpcpv1_delete.c). A
    session that is unknown is gone, which is what was wanted: ok with a warning, or with `fatal` an error.
    """
    counters = yield from _counters(key)
    (reply,) = yield [commands.delete(key)]
    refusal = parse_done(reply)
    if refusal is None:
        return agreed(_statistics(key, counters) if isinstance(counters, dict) else None)
    if not refusal.is_unknown_session:
        return error(refusal)
    return not_found(fatal=fatal)


def _counters(key: SessionKey) -> Generator[list[bytes], list[bytes], dict[int, Counters] | ErrorReply]:
    """Ask for the counters of each stream; a refusal other than E50 ends it."""
    found: dict[int, Counters] = {}
    for media in _ROUNDS:
        replies = yield [commands.query(replace(key, medium=medium)) for medium in media]
        for medium, reply in zip(media, replies, strict=True):
            counters = parse_counters(reply)
            if isinstance(counters, Counters):
                found[medium] = counters
            elif not counters.is_unknown_session:
                return counters
        if found and media[-1] not in found:
            break
    return found


def _statistics(key: SessionKey, counters: Mapping[int, Counters]) -> NgDict:
    """Return the keys `tags` and `totals` of rtpengine's replies, as far as an rtpproxy counts. It counts no bytes."""
    if not counters:
        return {}
    tags: NgDict = {key.from_tag: _party(key.from_tag, {m: c.from_party for m, c in counters.items()})}
    if key.to_tag:
        tags[key.to_tag] = _party(key.to_tag, {m: c.to_party for m, c in counters.items()})
    packets = sum(c.from_party + c.to_party for c in counters.values())
    totals: NgDict = {b"RTP": {b"packets": packets, b"errors": sum(c.dropped for c in counters.values())}}
    return {b"tags": tags, b"totals": totals}


def _party(tag: bytes, packets: Mapping[int, int]) -> NgDict:
    """Return the entry of one party: the packets that came from it, by stream."""
    medias: list[NgValue] = [
        {b"index": medium, b"streams": [{b"stats": {b"packets": count}}]} for medium, count in packets.items()
    ]
    return {b"tag": tag, b"medias": medias}
