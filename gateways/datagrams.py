"""What the kernel tells beside a datagram: which address was asked, and when it came.

On a socket bound to the unspecified address an answer comes from the address that was asked only so.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from typing import Final

from actors.sockets.reading import Control
from gateways.sockets import IP_PKTINFO

ROOM = 65_507
"""The longest datagram over IPv4, in bytes; over IPv6 some more would fit."""

_unpack_timespec: Final = struct.Struct("@qq").unpack
_TIMESPEC_SIZE: Final = 16
_SO_TIMESTAMPNS_NEW: Final = 64
"""Option and control message of Linux (socket(7)) that Python does not name."""
_SOCKET: Final[int] = socket.SOL_SOCKET
_IP: Final[int] = socket.IPPROTO_IP
_IPV6: Final[int] = socket.IPPROTO_IPV6
_IPV6_PKTINFO: Final[int] = socket.IPV6_PKTINFO


def asked(control: Control) -> Control:
    """Return the control message that makes an answer come from the address that its question was sent to."""
    for level, kind, data in control:
        if level == _IP and kind == IP_PKTINFO:  # struct in_pktinfo: interface, address, header's address
            return [(level, kind, bytes(4) + data[4:8] + bytes(4))]
        if level == _IPV6 and kind == _IPV6_PKTINFO:  # struct in6_pktinfo: address, interface
            return [(level, kind, data[:16] + bytes(4))]
    return []


def address_in(control: Control) -> str:
    """Return the address of ours that a datagram was sent to, or is to be sent from; "" if nothing says it."""
    for level, kind, data in control:
        if level == _IP and kind == IP_PKTINFO:
            return socket.inet_ntop(socket.AF_INET, data[4:8])
        if level == _IPV6 and kind == _IPV6_PKTINFO:
            return socket.inet_ntop(socket.AF_INET6, data[:16])
    return ""


def stamp(sock: socket.socket) -> None:
    """Enable the kernel's timestamps of received datagrams, where it has them."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS_NEW, 1)


def waited(control: Control) -> float:
    """Return how many seconds ago a datagram came to a socket that stamps; 0 if that is not known."""
    for level, kind, data in control:
        if level == _SOCKET and kind == _SO_TIMESTAMPNS_NEW and len(data) == _TIMESPEC_SIZE:
            seconds: int
            nanoseconds: int
            seconds, nanoseconds = _unpack_timespec(data)
            return max(0.0, time.time() - seconds - nanoseconds / 1e9)
    return 0.0
