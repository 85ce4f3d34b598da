"""Streams that go past a relay: those of a description which stand in the one that is to replace it as they were."""

from __future__ import annotations

from collections.abc import Sequence

from engines.sdp.detours import ICE_ATTRIBUTES
from engines.sdp.session import Sdp, Stream
from engines.sdp.tcp import is_tcp


def passed(own: Sdp, relayed: Sdp) -> Sequence[int]:
    """Return the numbers of the streams that are to be sent to the same address and port as before.

    A stream over TCP does not count: whether it goes past a relay that passes UDP is a setting (`engines.sdp.tcp`).
    Nor does one with the address that means hold, to which nothing is sent, unless it has attributes of ICE: then that
    address and any port are but a beginning (RFC 8840 4.3.1). Raises SdpError for a stream without an address.
    """
    pairs = zip(own.streams, relayed.streams, strict=False)
    return [before.number for before, after in pairs if _is_same(own, before, relayed, after)]


def _is_same(own: Sdp, before: Stream, relayed: Sdp, after: Stream) -> bool:
    if not before.is_live or not after.is_live or is_tcp(before):
        return False
    here, there = own.address_of(before), relayed.address_of(after)
    if int(before.port.text) != int(after.port.text) or here != there:
        return False
    return not there.is_unspecified or any(line.attribute.lower() in ICE_ATTRIBUTES for line in after.lines)
