"""How a party's packets reach the relays, and theirs it: with or without a NAT between.

A socket that is connected to a relay's address is what a symmetric NAT has for it: an address of its own for each
destination, which takes packets from there alone. The kernel says when each packet came, so that a bench that is busy
finds none late.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from bench.migrate.options import Nat
from bench.sockets import udp_socket
from tests.peers.datagram import Address

Hear: TypeAlias = Callable[[bytes, float], None]
"""Takes a packet, and when it came (seconds since the epoch)."""

_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("qq")
_LARGEST = 2048


class Network:
    """Nothing between party and relays. `address` is what its SDP says."""

    def __init__(self, hear: Hear) -> None:
        self._hear = hear
        self._sockets: list[socket.socket] = []
        self._inside = self.begin()
        self.address: Address = self._inside.getsockname()

    def begin(self) -> socket.socket:
        """Open the socket whose address the SDP has."""
        return self.open()

    def open(self, connected_to: Address | None = None) -> socket.socket:
        """Open a socket at which packets reach the party; one that is connected takes them from there alone."""
        opened = self.bind()
        if connected_to is not None:
            opened.connect(connected_to)
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        asyncio.get_running_loop().add_reader(opened, self._read, opened)
        return opened

    def bind(self) -> socket.socket:
        """Open a socket at which nothing is heard."""
        bound = udp_socket()
        self._sockets.append(bound)
        return bound

    def send(self, packet: bytes, target: Address) -> None:
        """Send a packet. Nobody says if it cannot leave: it is lost."""
        with suppress(OSError):
            self._inside.sendto(packet, target)

    def close(self) -> None:
        """Close all sockets."""
        for one in self._sockets:
            asyncio.get_running_loop().remove_reader(one)
            one.close()

    def _read(self, opened: socket.socket) -> None:
        try:
            packet, ancillary, _, _ = opened.recvmsg(_LARGEST, 64)
        except OSError:  # what a connected socket is told of a dead relay, too
            return
        seconds, nanoseconds = _STAMP.unpack(ancillary[0][2])
        self._hear(packet, seconds + nanoseconds / 1e9)


class BehindCone(Network):
    """Behind a NAT that shows the party at one address to all."""

    def __init__(self, hear: Hear) -> None:
        super().__init__(hear)
        self._outside = self.open()

    def begin(self) -> socket.socket:
        """Open a socket at which the party does not hear."""
        return self.bind()

    def send(self, packet: bytes, target: Address) -> None:
        """Send a packet from the NAT's address."""
        with suppress(OSError):
            self._outside.sendto(packet, target)


class BehindSymmetric(Network):
    """Behind a NAT that shows the party at another address to each."""

    def __init__(self, hear: Hear) -> None:
        super().__init__(hear)
        self._outside: dict[Address, socket.socket] = {}

    def begin(self) -> socket.socket:
        """Open a socket at which the party does not hear."""
        return self.bind()

    def send(self, packet: bytes, target: Address) -> None:
        """Send a packet from the NAT's address for that target."""
        outside = self._outside.get(target)
        if outside is None:
            outside = self._outside[target] = self.open(connected_to=target)
        with suppress(OSError):
            outside.send(packet)


NETWORKS: dict[Nat, type[Network]] = {
    Nat.NONE: Network,
    Nat.CONE: BehindCone,
    Nat.SYMMETRIC: BehindSymmetric,
}
