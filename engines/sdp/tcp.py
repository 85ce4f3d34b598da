"""Streams over TCP (RFC 4145: BFCP, MSRP, MRCP, T.38) in a session whose relay passes UDP only."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from engines.kind import Untranslatable
from engines.sdp.session import Sdp, Stream, parse
from engines.sdp.switch import switched_off


class TcpStreams(StrEnum):
    """What becomes of a TCP stream: `OFF` offers it with port 0, `PASS` leaves it as it is, `REFUSE` refuses it all."""

    OFF = "off"
    PASS = "pass"
    REFUSE = "refuse"


def is_tcp(stream: Stream) -> bool:
    """Whether the stream goes over TCP: its transport says so first (RFC 4145 section 3)."""
    return stream.transport.upper().startswith(b"TCP")


def without_tcp(sdp: Sdp, wish: TcpStreams, *, alone: bool) -> Sdp:
    """Return the description in which no live stream goes over TCP.

    A stream that is left as it is stays in the body, but does not count as live. `alone` says that there may be no
    other stream. Raises Untranslatable.
    """
    over_tcp = [stream for stream in sdp.live_streams if is_tcp(stream)]
    if not over_tcp:
        return sdp
    if wish is TcpStreams.REFUSE or (len(over_tcp) == len(sdp.live_streams) and not alone):
        transport = over_tcp[0].transport.decode("ascii", "replace")
        raise Untranslatable(f"sdp: this relay passes UDP only, not the {transport} stream")
    if wish is TcpStreams.OFF:
        return parse(switched_off(sdp, {stream.number for stream in over_tcp}))
    return replace(sdp, live_streams=tuple(stream for stream in sdp.live_streams if not is_tcp(stream)))
