"""Streams switched off in a session description."""

from __future__ import annotations

from collections.abc import Container

from engines.sdp.session import Sdp


def switched_off(sdp: Sdp, numbers: Container[int]) -> bytes:
    """Return the body with port 0 in the m= lines of these numbers (RFC 3264 section 6)."""
    body = sdp.body
    for stream in reversed(sdp.streams):
        if stream.number in numbers:
            body = body[: stream.port.start] + b"0" + body[stream.port.end :]
    return body
