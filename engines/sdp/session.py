"""A session description taken apart: its session part and its streams, with the places of what a relay changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from engines.sdp.address import MediaAddress
from engines.sdp.lines import Field, Line, SdpError, split_lines
from events.values import value

_PORT = re.compile(rb"(\d{1,5})(?:/(\d{1,5}))?")
_DIRECTIONS = frozenset({b"sendrecv", b"sendonly", b"recvonly", b"inactive"})
_MAX_PORT = 65535
_USUAL_SIZE = 4096
"""Bytes. What was read of a longer body is not remembered."""


@value
class ConnectionData:
    """A c= line, or the end of an o= line: the places of its address family and of its address."""

    family: Field
    host: Field

    @property
    def address(self) -> MediaAddress:
        """The address that is written there."""
        return MediaAddress(self.family.text.upper(), self.host.text)


@value
class Rtcp:
    """An a=rtcp line (RFC 3605): the place of its port, and of its address where it has one."""

    port: Field
    connection: ConnectionData | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A media stream: an m= line and all lines up to the next.

    number: which m= line of the body it is, from 1. port: the place of the port; port_count: how many (RFC 8866
    section 5.14), mostly 1. connections and rtcp are empty in a stream that is not live.
    """

    number: int
    lines: tuple[Line, ...]
    media: bytes
    port: Field
    port_count: int
    transport: bytes
    formats: tuple[bytes, ...]
    connections: tuple[ConnectionData, ...]
    rtcp: tuple[Rtcp, ...]

    @property
    def is_live(self) -> bool:
        """Whether it is wanted: its port is not 0 (RFC 3264 section 6)."""
        return int(self.port.text) != 0

    def has(self, attribute: bytes) -> bool:
        """Whether it has an a= line of this name."""
        return any(line.attribute == attribute for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdp:
    """A session description.

    lines: those of the session part, before the first m= line. live_streams: the streams whose port is not 0.
    """

    body: bytes
    lines: tuple[Line, ...]
    origin: ConnectionData | None
    connection: ConnectionData | None
    streams: tuple[Stream, ...]
    live_streams: tuple[Stream, ...]

    def address_of(self, stream: Stream) -> MediaAddress:
        """Return where the stream is to be sent. Raises SdpError if no c= line says it."""
        if stream.connections:
            return stream.connections[0].address
        if self.connection is None:
            raise stream.lines[0].error("no c= line, neither for the session nor for this stream")
        return self.connection.address

    def direction_of(self, stream: Stream) -> bytes:
        """Return b"sendrecv" (the default), b"sendonly", b"recvonly" or b"inactive" (RFC 8866 section 6.7)."""
        for line in (*stream.lines, *self.lines):
            if line.attribute in _DIRECTIONS:
                return line.attribute
        return b"sendrecv"


def parse(body: bytes) -> Sdp:
    """Parse a session description.

    Raises SdpError for a multipart body, and for a line that stands in the way of finding the media's addresses.
    """
    return parse_once(body) if len(body) <= _USUAL_SIZE else _parse(body)


def _parse(body: bytes) -> Sdp:
    lines = list(split_lines(body))
    if not lines:
        raise SdpError("line 1: an empty body, not an SDP")
    if lines[0].type != b"v":
        raise lines[0].error("an SDP begins with v=")
    starts = [index for index, line in enumerate(lines) if line.type == b"m"]
    session = tuple(lines[: starts[0]] if starts else lines)
    bounds = pairwise([*starts, len(lines)])
    streams = tuple(_stream(number, tuple(lines[a:b])) for number, (a, b) in enumerate(bounds, start=1))
    return Sdp(
        body=body,
        lines=session,
        origin=_origin(session),
        connection=next(iter(_connections(session)), None),
        streams=streams,
        live_streams=tuple(stream for stream in streams if stream.is_live),
    )


parse_once = lru_cache(maxsize=32)(_parse)
"""Each body is looked at before it is given to a node, and again when the node has answered."""


def _stream(number: int, lines: tuple[Line, ...]) -> Stream:
    """Read an m= line and those that follow it."""
    media = lines[0]
    fields = media.fields()
    if len(fields) < 3:
        raise media.error("an m= line needs a media type, a port and a transport")
    port = _PORT.fullmatch(fields[1].text)
    if port is None or int(port[1]) > _MAX_PORT:
        raise media.error("not a port from 0 to 65535")
    is_live = int(port[1]) != 0
    return Stream(
        number=number,
        lines=lines,
        media=fields[0].text,
        port=Field(fields[1].start, port[1]),
        port_count=int(port[2] or 1),
        transport=fields[2].text,
        formats=tuple(field.text for field in fields[3:]),
        connections=_connections(lines) if is_live else (),
        rtcp=tuple(filter(None, [_rtcp(line) for line in lines if line.attribute == b"rtcp"])) if is_live else (),
    )


def _connections(lines: tuple[Line, ...]) -> tuple[ConnectionData, ...]:
    return tuple(_connection(line, line.fields()) for line in lines if line.type == b"c")


def _connection(line: Line, fields: list[Field]) -> ConnectionData:
    """Read `IN IP4 192.0.2.1`."""
    if len(fields) != 3 or fields[0].text.upper() != b"IN" or fields[1].text.upper() not in (b"IP4", b"IP6"):
        raise line.error("not an address of the form IN IP4 <address> or IN IP6 <address>")
    return ConnectionData(fields[1], fields[2])


def _rtcp(line: Line) -> Rtcp | None:
    """Read `a=rtcp:49171 IN IP4 192.0.2.1`, of which all after the port may be missing.

    None for one without a port: some write a bare `a=rtcp:`, which says nothing.
    """
    _, _, text = line.value.partition(b":")
    if not text.strip():
        return None
    fields = line.fields(skip=line.value.find(b":") + 1)
    port = _PORT.fullmatch(fields[0].text)
    if port is None or port[2] is not None:
        raise line.error("not a port")
    return Rtcp(fields[0], _connection(line, fields[1:]) if len(fields) > 1 else None)


def _origin(lines: tuple[Line, ...]) -> ConnectionData | None:
    """Find the address of the o= line. One that is not as it should be is left alone: no media go there."""
    for line in lines:
        if line.type == b"o":
            try:
                return _connection(line, line.fields()[-3:])
            except SdpError:
                return None
    return None
