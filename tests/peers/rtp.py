"""Two parties that really talk: RTP endpoints with G.711, and the SDP that says where they are."""

from __future__ import annotations

import asyncio
import random
import struct
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from tests.peers.datagram import Address, DatagramSocket
from tests.peers.ports import HOST

PCMU = 0
SAMPLES = 160  # of one packet: 20 ms at 8000 Hz
PERIOD = 0.02
_HEADER = struct.Struct("!BBHII")


def make_sdp(address: Address, session: int = 1, version: int = 1) -> str:
    """Return a minimal SDP (RFC 4566): one audio stream, PCMU, at `address`."""
    host, port = address
    family = "IP6" if ":" in host else "IP4"
    lines = [
        "v=0",
        f"o=- {session} {version} IN {family} {host}",
        "s=-",
        f"c=IN {family} {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {PCMU}",
        "a=rtpmap:0 PCMU/8000",
        "a=sendrecv",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def media_address(sdp: str | bytes) -> Address:
    """Return where the first stream of `sdp` wants its media; raise `ValueError` when it does not say."""
    host, port = "", 0
    for line in (sdp.decode() if isinstance(sdp, bytes) else sdp).splitlines():
        if line.startswith("c="):
            host = line.split()[2]
        elif line.startswith("m="):
            if port:
                break
            port = int(line.split()[1])
    if not host or not port:
        message = f"no address of media in {sdp!r}"
        raise ValueError(message)
    return host, port


class RtpEndpoint(DatagramSocket):
    """A party's end of one audio stream: sends G.711 to `target` every 20 ms, keeps all packets it received.

    `packets` are the datagrams with their senders, in the order of arrival.
    """

    def __init__(self, host: str = HOST) -> None:
        super().__init__(host)
        self.packets: list[tuple[bytes, Address]] = []
        self.sent = 0
        self.ssrc = random.getrandbits(32)
        self.target: Address | None = None
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(31)
        self._sender: asyncio.Task[None] | None = None

    def sdp(self, version: int = 1) -> str:
        """Return the SDP that invites media to here."""
        return make_sdp(self.address, session=self.ssrc, version=version)

    @property
    def senders(self) -> set[Address]:
        """From where packets came."""
        return {sender for _, sender in self.packets}

    def heard(self, ssrc: int) -> int:
        """Return how many RTP packets of the source `ssrc` arrived."""
        return sum(
            1 for packet, _ in self.packets if len(packet) >= _HEADER.size and _HEADER.unpack_from(packet)[4] == ssrc
        )

    def forget(self) -> None:
        """Leave what has arrived out of account."""
        self.packets.clear()
        while not self.received.empty():
            self.received.get_nowait()

    def talk_to(self, target: Address) -> None:
        """Send to `target` from now on, at the pace of real speech."""
        self.target = target
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._talk())

    def fall_silent(self) -> None:
        """Send nothing until `talk_to` is called again.

        A party does so when its call ends: a relay may give the next call one of the ports at once, and what arrives
        there of this call would count as the next one's.
        """
        self.target = None

    def send_packet(self, target: Address) -> None:
        """Send the next packet to `target`."""
        header = _HEADER.pack(0x80, PCMU, self._sequence & 0xFFFF, self._timestamp & 0xFFFFFFFF, self.ssrc)
        self.send(header + b"\xff" * SAMPLES, target)
        self._sequence += 1
        self._timestamp += SAMPLES
        self.sent += 1

    async def wait_for(self, ssrc: int, count: int, within: float = 10) -> None:
        """Return when `count` packets of `ssrc` have arrived in all; raise `TimeoutError` after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                while self.heard(ssrc) < count:
                    self.packets.append(await self.received.get())
        except TimeoutError as error:
            message = f"{self.heard(ssrc)} of {count} packets at {self.address} from {self.senders}, sent {self.sent}"
            raise TimeoutError(message) from error

    async def _talk(self) -> None:
        while self.target is not None:
            self.send_packet(self.target)
            await asyncio.sleep(PERIOD)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.wait([self._sender])
        await super().__aexit__(kind, error, trace)


async def converse(first: RtpEndpoint, second: RtpEndpoint, count: int = 10) -> None:
    """Return when both have heard `count` more packets of each other.

    Both talk already (`talk_to`), to whatever stands between them.
    """
    await asyncio.gather(
        first.wait_for(second.ssrc, first.heard(second.ssrc) + count),
        second.wait_for(first.ssrc, second.heard(first.ssrc) + count),
    )


class Parties:
    """A caller and a callee with an RTP endpoint each, for `async with`."""

    def __init__(self) -> None:
        self.caller = RtpEndpoint()
        self.callee = RtpEndpoint()
        self._stack = AsyncExitStack()

    async def talk(self, caller_hears_of: str | bytes, callee_hears_of: str | bytes, count: int = 10) -> None:
        """Let both talk to what the SDP they were given names, until both have heard `count` packets."""
        self.caller.talk_to(media_address(caller_hears_of))
        self.callee.talk_to(media_address(callee_hears_of))
        await converse(self.caller, self.callee, count)

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.caller)
        await self._stack.enter_async_context(self.callee)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)
