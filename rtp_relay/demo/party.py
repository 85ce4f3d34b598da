"""A party of the demonstration's call: an end of an audio stream that really sends and receives G.711."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import struct
from collections import Counter
from typing import cast

Address = tuple[str, int]

PERIOD = 0.02
SAMPLES = 160
"""One packet: 20 ms at 8000 Hz (RFC 3551, 4.5.14)."""

_PCMU = 0
_HEADER = struct.Struct("!BBHII")  # RFC 3550, 5.1
_VERSION = 2 << 6


class MediaParty(asyncio.DatagramProtocol):
    """Sends a tone to `target` every 20 ms, and counts what it hears by sender.

    heard: the RTP packets of the other party's stream (`listen_for` says which) that have come, by sender's address.
    strange: all other datagrams.
    """

    def __init__(self, name: str, pitch: float) -> None:
        self.name = name
        self.ssrc = random.getrandbits(32)
        self.target: Address | None = None
        self.heard: Counter[Address] = Counter()
        self.strange = 0
        self.sent = 0
        self._expected = 0
        self._payload = _tone(pitch)
        self._sequence = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)
        self._transport: asyncio.DatagramTransport | None = None
        self._talk: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @classmethod
    async def open(cls, name: str, pitch: float) -> MediaParty:
        """Return a party with a socket on loopback.

        `pitch` is its tone's, in Hz: a multiple of 50, so that one packet goes on where the last one ended.
        """
        loop = asyncio.get_running_loop()
        _, party = await loop.create_datagram_endpoint(lambda: cls(name, pitch), local_addr=("127.0.0.1", 0))
        return party

    @property
    def address(self) -> Address:
        """Where it takes media."""
        assert self._transport is not None, "not open"
        host, port = self._transport.get_extra_info("sockname")
        return host, port

    def listen_for(self, other: MediaParty) -> None:
        """Count the packets of this other party from now on."""
        self._expected = other.ssrc

    def talk_to(self, target: Address) -> None:
        """Send to `target` from now on."""
        self.target = target
        if self._talk is None:
            self._talk = asyncio.get_running_loop().create_task(self._send_on())

    async def hear(self, count: int) -> None:
        """Wait until so many more packets have come."""
        until = self.heard.total() + count
        while self.heard.total() < until:
            self._news.clear()
            await self._news.wait()

    async def close(self) -> None:
        """Stop sending, and close the socket."""
        if self._talk is not None:
            self._talk.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._talk
        if self._transport is not None:
            self._transport.close()

    async def _send_on(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._transport is not None and self.target is not None:
            self._transport.sendto(self._next_packet(), self.target)
            self.sent += 1
            due = max(due + PERIOD, loop.time())
            await asyncio.sleep(due - loop.time())

    def _next_packet(self) -> bytes:
        self._sequence = (self._sequence + 1) % 2**16
        self._timestamp = (self._timestamp + SAMPLES) % 2**32
        return _HEADER.pack(_VERSION, _PCMU, self._sequence, self._timestamp, self.ssrc) + self._payload

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Count what comes."""
        if len(data) == _HEADER.size + SAMPLES and _HEADER.unpack_from(data)[4] == self._expected:
            self.heard[addr] += 1
        else:
            self.strange += 1
        self._news.set()

    def error_received(self, exc: Exception) -> None:
        """Ignore it: when nobody listens there, that shows by what is not heard."""


def _tone(pitch: float) -> bytes:
    """Return a packet's worth of a tone in G.711 mu-law."""
    return bytes(_mu_law(round(8000 * math.sin(2 * math.pi * pitch * at / 8000))) for at in range(SAMPLES))


def _mu_law(sample: int) -> int:
    """Compress a 16 bit sample (ITU-T G.711, table 2; the biased form that every implementation uses)."""
    sign, level = (0x80, -sample) if sample < 0 else (0, sample)
    level = min(level, 32635) + 132
    exponent = level.bit_length() - 8
    return ~(sign | exponent << 4 | level >> exponent + 3 & 0xF) & 0xFF
