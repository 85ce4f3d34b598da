"""Which flags a client must have given, by what an rtpengine made of its session description.

The journal has no words of clients of the ng protocol. What they said of the transport, of ICE and of RTCP shows in the
session description that came back, and without it another rtpengine would give another kind of it.
"""

from __future__ import annotations

from engines.sdp.lines import SdpError
from engines.sdp.session import Sdp, parse
from events.verb import OFFER, SdpVerb


def flags_shown(verb: SdpVerb, sdp: bytes, relayed: bytes) -> str:
    """Return the words (`engines.rtpengine.flags`) that make this of it; "" where none is needed."""
    try:
        before, after = parse(sdp), parse(relayed)
    except SdpError:
        return ""
    of_offers = (_transport(before, after), _mux(before, after)) if verb is OFFER else ()
    words = (_ice(before, after), *of_offers)
    return " ".join(filter(None, words))


def _transport(before: Sdp, after: Sdp) -> str:
    pairs = zip(before.live_streams, after.live_streams, strict=False)
    changed = {other.transport for one, other in pairs if one.transport != other.transport}
    return changed.pop().decode("ascii", "replace") if len(changed) == 1 else ""


def _ice(before: Sdp, after: Sdp) -> str:
    had, has = (_has(sdp, b"ice-ufrag") for sdp in (before, after))
    return {(True, False): "ICE=remove", (False, True): "ICE=force"}.get((had, has), "")


def _mux(before: Sdp, after: Sdp) -> str:
    had, has = (_has(sdp, b"rtcp-mux") for sdp in (before, after))
    return {(True, False): "rtcp-mux-demux", (False, True): "rtcp-mux-offer"}.get((had, has), "")


def _has(sdp: Sdp, attribute: bytes) -> bool:
    lines = (line for part in (sdp.lines, *(stream.lines for stream in sdp.streams)) for line in part)
    return any(line.attribute == attribute for line in lines)
