"""What an rtpengine counted of a session's media, without taking its kilobytes of statistics apart.

A reply that `engines.rtpengine.statistics` does not make sense of is decoded and read as it may be.
"""

from __future__ import annotations

from engines.ids import tag_of
from engines.measured import MAX_KIND, Row, measured
from engines.ng.bencode import BencodeError
from engines.ng.bulky import PartlyRead
from engines.reply import NodeReply
from engines.rtpengine.statistics import rows
from events.registry import MeasuredStream


def measured_in(reply: NodeReply) -> tuple[MeasuredStream, ...]:
    """Return the streams that a reply to a delete or query tells of; none where it makes no sense."""
    words = reply.words
    if isinstance(words, PartlyRead):
        told = rows(words.whole)
        if told is not None:
            return tuple([stream_of(row) for row in told])
    try:
        return measured(reply.everything())
    except BencodeError:
        return ()


def stream_of(row: Row) -> MeasuredStream:
    """Return the stream that a row tells of."""
    party, packets, octets, ssrcs, medium, kind, errors, packets_sent, octets_sent, lost, jitter, mos, round_trip = row
    return MeasuredStream(
        tag_of(party),
        packets,
        octets,
        ssrcs,
        medium,
        kind[:MAX_KIND].decode("utf-8", "replace"),
        errors,
        packets_sent,
        octets_sent,
        lost,
        jitter,
        mos,
        round_trip,
    )
