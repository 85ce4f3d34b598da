"""The media of all parties: each sends 50 packets a second, and hears those of its peer."""

from __future__ import annotations

import asyncio
import base64
import time
from itertools import cycle

from bench.migrate.account import PacketLog
from bench.migrate.network import NETWORKS
from bench.migrate.options import Media, Nat
from bench.migrate.rtp import PERIOD, Key, Speaker, is_signed, key_in
from tests.peers.datagram import Address
from tests.peers.rtp import make_sdp, media_address
from tests.peers.srtp import SUITE


class Stream:
    """What one party says and hears. It goes where the newest SDP says, and hears what all of them have said.

    speaker: writes its packets. said: what became of them, which its peer notes. strange: packets that came and were
    not of its peer, or not signed with a key that it was given.
    """

    peer: Stream

    def __init__(self, media: Media, nat: Nat) -> None:
        self.speaker = Speaker(secured=media is Media.SDES)
        self._network = NETWORKS[nat](self._hear)
        self._keys: list[Key] = []
        self._target: Address | None = None
        self.said = PacketLog()
        self.strange = 0

    @property
    def address(self) -> Address:
        """Where its SDP says that it hears."""
        return self._network.address

    def sdp(self) -> bytes:
        """Return the SDP that invites media to here: always the same, but for the number of the key that it answers."""
        plain = make_sdp(self.address, session=self.speaker.ssrc)
        if self.speaker.master is None:
            return plain.encode()
        line = self._keys[0].line.decode() if self._keys else "1"
        key = base64.b64encode(self.speaker.master).decode()
        return (plain.replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:{line} {SUITE} inline:{key}\r\n").encode()

    def hears_of(self, sdp: bytes) -> None:
        """Take what the other side's SDP says: from now on media go there, and may come with its key, too."""
        self._target = media_address(sdp)
        key = key_in(sdp)
        if key is not None:
            self._keys.insert(0, key)

    def send(self) -> None:
        """Send the next packet, if it is known where to."""
        if self._target is not None:
            now = time.time()
            self._network.send(self.speaker.packet(self.said.note_sent(now), now), self._target)

    def close(self) -> None:
        """Close its sockets."""
        self._network.close()

    def _hear(self, packet: bytes, came: float) -> None:
        number = self.peer.speaker.number_of(packet)
        if number is None or not self._is_for_us(packet):
            self.strange += 1
            return
        self.peer.said.note_heard(number, came)

    def _is_for_us(self, packet: bytes) -> bool:
        return self.speaker.master is None or any(is_signed(packet, key.signs) for key in self._keys)


_SLOTS = 10
"""Parts of a period, over which the parties are spread."""


class Metronome:
    """Has all streams send at their time. One that comes late sends all that is due: none is left out."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots: list[list[Stream]] = [[] for _ in range(_SLOTS)]
        self._emptiest = cycle(self._slots)
        self._turns = cycle(self._slots)
        self._due = self._loop.time()
        self._timer = self._loop.call_soon(self._tick)

    def add(self, stream: Stream) -> None:
        """Have a stream send from now on."""
        next(self._emptiest).append(stream)

    def stop(self) -> None:
        """Have nobody send any more."""
        self._timer.cancel()

    def _tick(self) -> None:
        while self._due <= self._loop.time():
            for stream in next(self._turns):
                stream.send()
            self._due += PERIOD / _SLOTS
        self._timer = self._loop.call_at(self._due, self._tick)
