"""A party's stream as packets: G.711 in RTP (RFC 3550), or SRTP (RFC 3711) with keys in the SDP (RFC 4568).

The timestamp of a packet is the time at which it was sent, at 8000 a second. An SRTP packet carries noise: that is what
any speech looks like in AES' counter mode, so nothing is encrypted here, but each packet is signed and checked.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import secrets
import struct
from typing import NamedTuple

from tests.peers.srtp import SUITE, Context

PERIOD = 0.020
"""Seconds from one packet to the next."""

_SAMPLES = 160
_CLOCK = 8000
_HEADER = struct.Struct("!BBHII")
_TAG = 10
_MASTER = 30
_CRYPTO = re.compile(rf"^a=crypto:(\d+) {SUITE} inline:([A-Za-z0-9+/]+=*)".encode(), re.MULTILINE)
_ROLLOVER = bytes(4)
"""The rollover counter: streams begin low enough, and are short enough, that it stays 0."""


class Key(NamedTuple):
    """A key of an SDP: the number of its line, and what its packets are signed with."""

    line: bytes
    signs: bytes


def key_in(sdp: bytes) -> Key | None:
    """Return the key that an SDP has for the suite that is spoken here; None if it has none."""
    found = _CRYPTO.search(sdp)
    return Key(found[1], Context.of(base64.b64decode(found[2])).auth) if found else None


class Speaker:
    """Writes the packets of one stream; `master` is its SRTP key, None for plain RTP."""

    def __init__(self, *, secured: bool) -> None:
        self.ssrc = secrets.randbits(32)
        self.master = secrets.token_bytes(_MASTER) if secured else None
        self._first = secrets.randbits(14)
        self._signs = Context.of(self.master).auth if self.master else b""
        self._payload = os.urandom(_SAMPLES) if secured else b"\xff" * _SAMPLES

    def packet(self, number: int, now: float) -> bytes:
        """Return the packet of a number, counted from 0."""
        stamp = int(now * _CLOCK) & 0xFFFFFFFF
        packet = _HEADER.pack(0x80, 0, (self._first + number) & 0xFFFF, stamp, self.ssrc) + self._payload
        return packet + _signature(self._signs, packet) if self._signs else packet

    def number_of(self, packet: bytes) -> int | None:
        """Return the number of a packet of this stream; None if it is none of it."""
        if len(packet) < _HEADER.size:
            return None
        version, _, sequence, _, ssrc = _HEADER.unpack_from(packet)
        return (sequence - self._first) & 0xFFFF if version >> 6 == 2 and ssrc == self.ssrc else None


def is_signed(packet: bytes, signs: bytes) -> bool:
    """Return whether a packet was signed with a key."""
    return hmac.compare_digest(packet[-_TAG:], _signature(signs, packet[:-_TAG]))


def _signature(signs: bytes, packet: bytes) -> bytes:
    return hmac.digest(signs, packet + _ROLLOVER, "sha1")[:_TAG]
