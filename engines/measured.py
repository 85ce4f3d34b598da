"""What a reply with statistics tells of the media, stream by stream, in the form that rtpengine gives it.

`tags` has the parties; each has `medias`, and each of these its `streams`, of which one is RTP. `SSRC` has what RTCP
said of the sources. What makes no sense is left out: statistics never keep a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from engines.ids import tag_of
from events.names import Tag
from events.registry import MeasuredStream

MAX_STREAMS = 64
"""So many streams are told of a session; those of a call have two or four."""

MAX_NAME = 1024
"""The longest tag, in bytes; as the ng door takes them."""

MAX_KIND = 32
"""The longest media type, in bytes."""

MAX_SOURCES = 8
"""So many sources are told of a stream."""

MAX_COUNT = 2**63 - 1
"""The largest number that is told."""

Row: TypeAlias = tuple[
    bytes,
    int,
    int | None,
    tuple[int, ...],
    int,
    bytes,
    int,
    int | None,
    int | None,
    int | None,
    int | None,
    tuple[int, int, int] | None,
    int | None,
]
"""What is told of a stream: the fields of a MeasuredStream, in their order, with its texts as they came."""


def measured(told: Mapping[bytes, Any]) -> tuple[MeasuredStream, ...]:
    """Return the streams that a reply to a delete or query tells of; those of who has no tag yet are not told."""
    sources = told.get(b"SSRC")
    streams = list(_streams(told.get(b"tags"), sources if isinstance(sources, dict) else {}))
    return tuple(streams[:MAX_STREAMS])


def _streams(parties: Any, sources: Mapping[bytes, Any]) -> Iterator[MeasuredStream]:
    for party in _dictionaries(list(parties.values()) if isinstance(parties, dict) else None):
        tag = party.get(b"tag")
        if not isinstance(tag, bytes) or not 0 < len(tag) <= MAX_NAME:
            continue
        for medium in _dictionaries(party.get(b"medias")):
            stream = next(filter(_is_rtp, _dictionaries(medium.get(b"streams"))), None)
            if stream is not None:
                yield _stream(tag_of(tag), medium, stream, sources)


def _is_rtp(stream: Mapping[bytes, Any]) -> bool:
    """Whether a stream has RTP, perhaps RTCP beside it; who counts no RTCP does not say."""
    flags = stream.get(b"flags")
    return not isinstance(flags, list) or b"RTP" in flags


def _stream(
    tag: Tag, medium: Mapping[bytes, Any], stream: Mapping[bytes, Any], sources: Mapping[bytes, Any]
) -> MeasuredStream:
    received, sent = _dictionary(stream.get(b"stats")), _dictionary(stream.get(b"stats_out"))
    ssrcs = tuple(_ssrcs(stream))
    heard = [said for ssrc in ssrcs if isinstance(said := sources.get(b"%d" % ssrc), dict)]
    average = _dictionary(heard[0].get(b"average MOS")) if heard else {}
    kind = medium.get(b"type")
    return MeasuredStream(
        tag,
        count(received.get(b"packets")) or 0,
        count(received.get(b"bytes")),
        ssrcs,
        count(medium.get(b"index")) or 1,
        kind[:MAX_KIND].decode("utf-8", "replace") if isinstance(kind, bytes) else "",
        count(received.get(b"errors")) or 0,
        count(sent.get(b"packets")),
        count(sent.get(b"bytes")),
        count(heard[0].get(b"cumulative loss")) if heard else None,
        count(average.get(b"jitter")),
        _mos(heard[0]) if heard else None,
        count(average.get(b"round-trip time")),
    )


def _ssrcs(stream: Mapping[bytes, Any]) -> Iterator[int]:
    """Return the sources of what came: of the newest releases a list, of others the last one."""
    told = [one.get(b"SSRC") for one in _dictionaries(stream.get(b"ingress SSRCs"))] or [stream.get(b"SSRC")]
    return (ssrc for ssrc in told[:MAX_SOURCES] if isinstance(ssrc, int) and 0 <= ssrc < 2**32)


def _mos(source: Mapping[bytes, Any]) -> tuple[int, int, int] | None:
    scores = [
        count(_dictionary(source.get(key)).get(b"MOS")) for key in (b"lowest MOS", b"average MOS", b"highest MOS")
    ]
    lowest, average, highest = scores
    if lowest is None or average is None or highest is None:
        return None
    return lowest, average, highest


def count(number: Any) -> int | None:
    """Return a count, None for what is none."""
    return min(number, MAX_COUNT) if isinstance(number, int) and number >= 0 else None


def _dictionary(said: Any) -> Mapping[bytes, Any]:
    return said if isinstance(said, dict) else {}


def _dictionaries(said: Any) -> Iterator[Mapping[bytes, Any]]:
    return (one for one in said if isinstance(one, dict)) if isinstance(said, list) else iter(())
