"""A session description with other addresses and ports in it; every byte that need not change stays.

Which c= line is changed: that of the stream where it has its own; else the session's, if all streams that rely on it
go to one address. Where they do not, the session's gets the address of the first of them, and the others are given a
c= line. A session's c= line that no live stream relies on stays, unless it is asked for. A stream with port 0 is left
alone, and an address that means hold (0.0.0.0) stays. What names other addresses (`engines.sdp.detours`) is taken out.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from engines.sdp.address import MediaAddress
from engines.sdp.detours import detours
from engines.sdp.lines import Field
from engines.sdp.session import ConnectionData, Rtcp, Sdp, Stream

_PLACE = itemgetter(0, 1)


@dataclass(frozen=True, slots=True)
class MediaTarget:
    """Where a stream is to be sent from now on: RTP to this port, RTCP to the next."""

    address: MediaAddress
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteRules:
    """What else is to be changed.

    origin: the address in the o= line. session_connection: the session's c= line also where all streams have their
    own. zero_address: an address that means hold, too. mark: a line to add at the end.
    """

    origin: bool = False
    session_connection: bool = False
    zero_address: bool = False
    mark: bytes = b""


class _Edit(NamedTuple):
    """Put text in the place of the bytes from start to end."""

    start: int
    end: int
    text: bytes


def rewrite(sdp: Sdp, targets: Mapping[int, MediaTarget], rules: RewriteRules) -> bytes:
    """Return the body with each live stream sent to its target, by the stream's number.

    A stream without a target is left alone: it gets the session's address as its own where the session's is changed.
    Raises SdpError for a stream with a target but without an address.
    """
    moved = [(stream, targets[stream.number]) for stream in sdp.live_streams if stream.number in targets]
    edits = [edit for stream, target in moved for edit in _stream_edits(stream, target, rules)]
    edits += _session_edits(sdp, moved, rules)
    edits += [_Edit(line.start, line.end, b"") for line in detours(sdp)]
    if rules.mark:
        edits.append(_last_line(sdp, rules.mark))
    return _apply(sdp.body, edits)


def with_own_connections(sdp: Sdp, numbers: Container[int]) -> bytes:
    """Return the body with a c= line of its own in each stream of these numbers that relies on the session's.

    Raises SdpError for a stream without an address.
    """
    sharing = [stream for stream in sdp.streams if stream.number in numbers and not stream.connections]
    return _apply(sdp.body, [_new_connection(sdp, stream, sdp.address_of(stream)) for stream in sharing])


def _stream_edits(stream: Stream, target: MediaTarget, rules: RewriteRules) -> Iterator[_Edit]:
    """Change the stream's own lines."""
    yield _number(stream.port, target.port)
    for connection in stream.connections:
        yield from _move(connection, target.address, rules)
    for rtcp in stream.rtcp:
        yield from _rtcp_edits(stream, rtcp, target, rules)


def _rtcp_edits(stream: Stream, rtcp: Rtcp, target: MediaTarget, rules: RewriteRules) -> Iterator[_Edit]:
    """Change an a=rtcp line. One that names the port of the RTP (RFC 5761: both on one port) goes on to do so."""
    is_same = int(rtcp.port.text) == int(stream.port.text)
    yield _number(rtcp.port, target.port if is_same else target.port + 1)
    if rtcp.connection is not None:
        yield from _move(rtcp.connection, target.address, rules)


def _session_edits(sdp: Sdp, moved: list[tuple[Stream, MediaTarget]], rules: RewriteRules) -> Iterator[_Edit]:
    """Change the session's c= and o= lines, and add c= lines to streams that can no longer share one."""
    sharing = [(stream, target) for stream, target in moved if not stream.connections]
    if moved and rules.origin and sdp.origin is not None:
        yield from _move(sdp.origin, moved[0][1].address, rules)
    if sharing:
        yield from _shared_edits(sdp, sharing, rules)
    elif moved and rules.session_connection and sdp.connection is not None:
        yield from _move(sdp.connection, moved[0][1].address, rules)
        yield from _kept_connections(sdp, {stream.number for stream, _ in moved})


def _shared_edits(sdp: Sdp, sharing: list[tuple[Stream, MediaTarget]], rules: RewriteRules) -> Iterator[_Edit]:
    """Change the c= line that these streams share."""
    chosen = sharing[0][1].address
    old = sdp.address_of(sharing[0][0])
    if sdp.connection is None or _stays(old, rules):
        return
    yield from _move(sdp.connection, chosen, rules)
    for stream, target in sharing:
        if target.address != chosen:
            yield _new_connection(sdp, stream, target.address)
    yield from _kept_connections(sdp, {stream.number for stream, _ in sharing})


def _kept_connections(sdp: Sdp, moved: Container[int]) -> Iterator[_Edit]:
    """Return the streams that are left alone and rely on the session's c= line, which is changed, one of their own."""
    for stream in sdp.streams:
        if stream.is_live and not stream.connections and stream.number not in moved:
            yield _new_connection(sdp, stream, sdp.address_of(stream))


def _new_connection(sdp: Sdp, stream: Stream, address: MediaAddress) -> _Edit:
    """Return a stream a c= line of its own, after its m= and i= lines (the order of RFC 8866 section 5)."""
    after = stream.lines[0]
    if len(stream.lines) > 1 and stream.lines[1].type == b"i":
        after = stream.lines[1]
    line = b"c=IN %s %s" % (address.family, address.host)
    newline = sdp.lines[0].ending
    return _Edit(after.end, after.end, line + newline if after.ending else newline + line)


def _last_line(sdp: Sdp, text: bytes) -> _Edit:
    """Add a line behind the last one that stays."""
    gone = set(detours(sdp))
    lines = (*sdp.lines, *(line for stream in sdp.streams for line in stream.lines))
    last = next(line for line in reversed(lines) if line not in gone)
    newline = sdp.lines[0].ending or b"\r\n"
    return _Edit(last.end, last.end, text + newline if last.ending else newline + text)


def _stays(address: MediaAddress, rules: RewriteRules) -> bool:
    """Whether the address means hold and is to go on doing so."""
    return address.is_unspecified and not rules.zero_address


def _move(connection: ConnectionData, address: MediaAddress, rules: RewriteRules) -> Iterator[_Edit]:
    if _stays(connection.address, rules):
        return
    if connection.address.family != address.family:
        yield _Edit(connection.family.start, connection.family.end, address.family)
    yield _Edit(connection.host.start, connection.host.end, address.host)


def _number(field: Field, number: int) -> _Edit:
    """Write a number, unless it is that number already (007 is 7)."""
    text = field.text if int(field.text) == number else b"%d" % number
    return _Edit(field.start, field.end, text)


def _apply(body: bytes, edits: list[_Edit]) -> bytes:
    """Do the edits, which do not overlap; of two insertions at one place the first comes first."""
    pieces: list[bytes] = []
    at = 0
    for edit in sorted(edits, key=_PLACE):
        pieces += (body[at : edit.start], edit.text)
        at = edit.end
    return b"".join((*pieces, body[at:]))
