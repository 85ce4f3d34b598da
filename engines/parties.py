"""What a relay's answer to a query says of a session's parties: whether media come of them, and from where.

The addresses that one relay has learned, put into what a party has said of itself, let another one that takes the call
over reach a party behind a NAT at once: it need not wait for that one's media.
"""

from __future__ import annotations

from collections.abc import Mapping

from engines.media_request import to_bytes
from engines.ng.bencode import NgDict, NgValue
from engines.reply import NodeReply
from engines.sdp.address import MediaAddress, parse_address
from engines.sdp.lines import SdpError
from engines.sdp.rewrite import MediaTarget, RewriteRules, rewrite
from engines.sdp.session import Sdp, Stream, parse


def packets_from(reply: NodeReply, tag: str) -> int:
    """Return how many packets of a party a query counts."""
    streams = [stream for media in _medias(reply, tag) for stream in _dicts(media.get(b"streams"))]
    stats = [stream.get(b"stats") for stream in streams]
    counts = [one.get(b"packets") for one in stats if isinstance(one, dict)]
    return sum(count for count in counts if isinstance(count, int))


def takes_restarts(reply: NodeReply) -> bool:
    """Return whether a relay takes a restart of ICE from an answer; that of a 12.5 is told from that of a 10.5."""
    return b"last redis update" not in reply.everything()


def learned_addresses(reply: NodeReply, tag: str, sdp: bytes) -> Mapping[MediaTarget, MediaTarget]:
    """Return where a relay sends a party's streams, as a query says, by where the party has said that they are to go.

    Streams that are held, or of which nothing else is known, are left out. So are those with candidates for ICE, which
    has its own ways to find an address.
    """
    medias = _medias(reply, tag)
    try:
        parsed = parse(sdp)
        streams = [(stream, _said(parsed, stream)) for stream in parsed.streams]
    except SdpError:
        return {}
    found: dict[MediaTarget, MediaTarget] = {}
    for stream, said in streams:
        there = _endpoint(medias, stream.number)
        if said is not None and there is not None and there != said and not stream.has(b"candidate"):
            found[said] = there
    return found


def with_learned(sdp: bytes, learned: Mapping[MediaTarget, MediaTarget]) -> bytes:
    """Return a session description with these addresses in place of those that it has."""
    if not learned:
        return sdp
    try:
        parsed = parse(sdp)
        said = {stream.number: _said(parsed, stream) for stream in parsed.live_streams}
        targets = {number: learned[there] for number, there in said.items() if there is not None and there in learned}
        return rewrite(parsed, targets, RewriteRules()) if targets else sdp
    except SdpError:
        return sdp


def _said(sdp: Sdp, stream: Stream) -> MediaTarget | None:
    """Return where a stream is to go; None for one that goes nowhere."""
    if not stream.is_live:
        return None
    address = sdp.address_of(stream)
    return None if address.is_unspecified else MediaTarget(address, int(stream.port.text))


def _medias(reply: NodeReply, tag: str) -> list[NgDict]:
    tags = reply.everything().get(b"tags")
    party = tags.get(to_bytes(tag)) if isinstance(tags, dict) else None
    return _dicts(party.get(b"medias")) if isinstance(party, dict) else []


def _endpoint(medias: list[NgDict], number: int) -> MediaTarget | None:
    """Return where a relay sends a stream, as its query says; None where it does not say."""
    media = next((one for one in medias if one.get(b"index") == number), None)
    stream = next(iter(_dicts(media.get(b"streams"))), None) if media else None
    endpoint = stream.get(b"endpoint") if stream else None
    if not isinstance(endpoint, dict):
        return None
    host, port = endpoint.get(b"address"), endpoint.get(b"port")
    address = parse_address(host) if isinstance(host, bytes) else None
    if address is None or address.is_unspecified or not isinstance(port, int) or not 0 < port < 65536:
        return None
    return MediaTarget(MediaAddress(address.family, address.host), port)


def _dicts(values: NgValue | None) -> list[NgDict]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []
