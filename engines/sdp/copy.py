"""The SDP that offers a recorder copies of streams (RFC 7866 section 7.1 for the direction and the label)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from engines.sdp.detours import DETOURS
from engines.sdp.lines import SdpError
from engines.sdp.session import Sdp, Stream, parse

_LEFT_OUT = DETOURS | {
    b"rtcp",
    b"rtcp-mux",
    b"mid",
    b"label",
    b"sendrecv",
    b"sendonly",
    b"recvonly",
    b"inactive",
}
_KEPT_TYPES = frozenset({b"a", b"b", b"k"})


@dataclass(frozen=True, slots=True)
class Source:
    """A stream that is copied, and the SDP that it stands in."""

    sdp: Sdp
    stream: Stream


def compose(sources: Iterable[Source], *, session: int, version: int, labelled: bool, paused: bool) -> bytes:
    """Return an SDP with one stream for each source: its codecs, its address, and only to be received.

    session, version: the numbers in the o= line. labelled: with a=label, which counts from 1. paused: no packet is to
    be expected; of a stream whose sender sends nothing that is said, too. Raises SdpError for a stream without an
    address.
    """
    streams = list(sources)
    address = streams[0].sdp.address_of(streams[0].stream)
    where = b"IN %s %s" % (address.family, address.host)
    lines = [b"v=0", b"o=- %d %d %s" % (session, version, where), b"s=-", b"t=0 0"]
    for number, source in enumerate(streams, start=1):
        lines += _lines(source, paused)
        if labelled:
            lines.append(b"a=label:%d" % number)
    return b"".join(line + b"\r\n" for line in lines)


def rearranged(answer: bytes, had: Sequence[str], has: Sequence[str]) -> bytes | None:
    """Return a recorder's answer to one offer as its answer to another, whose m= lines have other places.

    had, has: what is in the m= lines of each offer. None if the recorder was not asked for all that the other has.
    """
    if not has or sorted(had) != sorted(has):
        return None
    try:
        sdp = parse(answer)
    except SdpError:
        return None
    if len(sdp.streams) != len(had):
        return None
    streams = dict(zip(had, sdp.streams, strict=True))
    lines = [*sdp.lines, *(line for entry in has for line in streams[entry].lines)]
    return b"".join(line.text + (line.ending or b"\r\n") for line in lines)


def _lines(source: Source, paused: bool) -> Iterator[bytes]:
    """Yield the lines of one stream."""
    stream = source.stream
    address = source.sdp.address_of(stream)
    yield b" ".join((b"m=" + stream.media, stream.port.text, stream.transport, *stream.formats))
    yield b"c=IN %s %s" % (address.family, address.host)
    for line in stream.lines[1:]:
        if line.type in _KEPT_TYPES and line.attribute not in _LEFT_OUT:
            yield line.text
    is_silent = paused or source.sdp.direction_of(stream) in (b"recvonly", b"inactive")
    yield b"a=inactive" if is_silent else b"a=sendonly"
