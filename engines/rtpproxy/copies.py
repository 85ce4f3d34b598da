"""Copies of a session's media on an rtpproxy: its command C for each stream of each party.

Facts, seen with rtpproxy 3 (and read in rpcpv1_copy.c there): C copies the packets of the party of the from-tag, RTCP
to the next port. The other end is an IPv4 address. A stream has one copy or recording at a time; a second C is answered
with success and does nothing. So N comes before each C, and a new copy takes the place of another.

The relay has no name for a copy. Its copy-ctx is the list of its streams in the order of the SDP: `caller:1,callee:1`.
Without a copy-ctx there was no offer, and so there is no copy.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import replace

from engines.kind import Exchange, Untranslatable
from engines.ng.bencode import NgDict, NgValue
from engines.refusal import RefusalCode
from engines.reply import agreed, refused
from engines.rtpproxy import commands
from engines.rtpproxy.commands import SessionKey
from engines.rtpproxy.negotiation import answered, error
from engines.rtpproxy.replies import parse_done
from engines.rtpproxy.words import words_of
from engines.sdp.copy import Source, compose
from engines.sdp.lines import SdpError
from engines.sdp.session import Sdp, Stream, parse

NOTHING_TO_COPY = b"No stream to be copied"

_CTX = re.compile(rb"(caller|callee):(\d{1,4})")
_NO_PACKETS = frozenset({b"inactive", b"sendonly"})


def offer(key: SessionKey, request: NgDict) -> Exchange:
    """Make the SDP for the recorder from those of the parties.

    The node is only asked to end what a copy that is changed has no more. Raises Untranslatable.
    """
    try:
        chosen = list(_chosen(request))
        sdp = _compose(key, request, [source for _, source in chosen]) if chosen else b""
    except SdpError as problem:
        return answered(refused(f"Failed to parse SDP: {problem}", RefusalCode.BAD_SDP))
    if not chosen:
        return answered(refused(NOTHING_TO_COPY))
    entries = [(leg, source.stream.number) for leg, source in chosen]
    copies: list[NgValue] = [
        {b"leg": leg, b"stream": number, b"label": b"%d" % label}
        for label, (leg, number) in enumerate(entries, start=1)
    ]
    ctx = b",".join(b"%s:%d" % entry for entry in entries)
    told: NgDict = {b"sdp": sdp, b"copy-ctx": ctx, b"copy-layout": [*ctx.split(b",")], b"streams": copies}
    kept = _keys(key, told)
    dropped = [stream for stream in _keys(key, request) if stream not in kept] if b"copy-ctx" in request else []
    return _exchange([commands.stop_recording(stream) for stream in dropped], [], told)


def answer(key: SessionKey, request: NgDict) -> Exchange:
    """Copy each stream that the recorder takes to where it wants it. Raises Untranslatable."""
    body = request.get(b"sdp")
    if not isinstance(body, bytes):
        return answered(refused(b"No SDP body in message", RefusalCode.BAD_SDP))
    try:
        sdp = parse(body)
        keys = _keys(key, request)
        wanted = [
            _copy(stream_key, sdp, stream)
            for stream_key, stream in zip(keys, sdp.streams, strict=False)
            if stream.is_live and sdp.direction_of(stream) not in _NO_PACKETS
        ]
    except SdpError as problem:
        return answered(refused(f"Failed to parse SDP: {problem}", RefusalCode.BAD_SDP))
    return _exchange([commands.stop_recording(stream_key) for stream_key in keys], wanted)


def delete(key: SessionKey, request: NgDict) -> Exchange:
    """End the copy. That there is nothing to end, or no session, is as good. Raises Untranslatable."""
    keys = _keys(key, request) if b"copy-ctx" in request else []
    return _exchange([commands.stop_recording(stream_key) for stream_key in keys], [])


def _exchange(stops: list[bytes], starts: list[bytes], told: NgDict | None = None) -> Exchange:
    """Send the commands that end copies, then those that begin some. If one is refused the reply is an error."""
    for refusal in map(parse_done, (yield stops) if stops else []):
        if refusal is not None and not refusal.is_unknown_session:
            return error(refusal)
    for refusal in map(parse_done, (yield starts) if starts else []):
        if refusal is not None:
            return error(refusal)
    return agreed(told)


def _chosen(request: NgDict) -> Iterator[tuple[bytes, Source]]:
    """Yield the streams to copy with whose they are. Raises SdpError."""
    legs, numbers = request.get(b"legs"), request.get(b"streams")
    for leg in (b"caller", b"callee"):
        body = request.get(leg + b"-sdp")
        if not isinstance(body, bytes) or not body or (isinstance(legs, list) and leg not in legs):
            continue
        sdp = parse(body)
        for stream in sdp.live_streams:
            if not (isinstance(numbers, list) and numbers) or stream.number in numbers:
                yield leg, Source(sdp, stream)


def _compose(key: SessionKey, request: NgDict, sources: list[Source]) -> bytes:
    flags, version = words_of(request, b"flags"), request.get(b"version")
    return compose(
        sources,
        session=zlib.crc32(key.call_id),
        version=version if isinstance(version, int) else 1,
        labelled=b"siprec" in flags,
        paused=b"inactive" in flags,
    )


def _keys(key: SessionKey, request: NgDict) -> list[SessionKey]:
    """Return the key of each copied stream, with the party whose packets are copied first."""
    ctx = request.get(b"copy-ctx")
    entries = [_CTX.fullmatch(entry) for entry in ctx.split(b",")] if isinstance(ctx, bytes) else [None]
    keys = [
        replace(key if entry[1] == b"caller" else key.swapped(), medium=int(entry[2]))
        for entry in entries
        if entry is not None
    ]
    if len(keys) != len(entries):
        raise Untranslatable(f"copy-ctx: {ctx!r} is not one that an rtpproxy's copy_offer returned")
    return keys


def _copy(key: SessionKey, sdp: Sdp, stream: Stream) -> bytes:
    """Return the command that copies a stream. Raises Untranslatable, and SdpError for a stream without an address."""
    address = sdp.address_of(stream)
    if address.family != b"IP4" or address.literal is None:
        raise Untranslatable(f"sdp: {address.host!r}: an rtpproxy copies to IPv4 addresses only")
    return commands.copy(key, address.host, int(stream.port.text))
