"""Datagrams read from a socket directly, rather than through an asyncio transport.

It costs the same, and on a socket bound to the unspecified address only this way tells which address was asked, so
that the answer can come from it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeAlias

from gateways.sockets import IP_PKTINFO

Control: TypeAlias = list[tuple[int, int, bytes]]
"""Control messages beside a datagram (cmsg(3)): level, type and data each."""

Take: TypeAlias = Callable[[bytes, Control, Any], None]
"""Takes a datagram, its control messages, and the socket address that it came from."""

ROOM = 65_507
"""The longest datagram over IPv4, in bytes; over IPv6 some more would fit."""

_DATAGRAMS_A_TURN = 32
_SECONDS_A_TURN = 0.002
_BUFFER = 65_536
_TIMESPEC = struct.Struct("@qq")
_CONTROL_BUFFER = socket.CMSG_SPACE(20) + socket.CMSG_SPACE(_TIMESPEC.size)
_SO_TIMESTAMPNS_NEW = 64
"""Option and control message of Linux (socket(7)) that Python does not name."""


def take_some(sock: socket.socket, take: Take) -> None:
    """Read a few of the datagrams that wait, but not for long: the loop's other work gets its turn. Raises OSError."""
    stop_at = monotonic() + _SECONDS_A_TURN
    for _ in range(_DATAGRAMS_A_TURN):
        try:
            datagram, control, _flags, address = sock.recvmsg(_BUFFER, _CONTROL_BUFFER)
        except (BlockingIOError, InterruptedError):
            return
        take(datagram, control, address)
        if monotonic() > stop_at:
            return


def asked(control: Control) -> Control:
    """Return the control message that makes an answer come from the address that its question was sent to."""
    for level, kind, data in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):  # struct in_pktinfo: interface, address, header's address
            return [(level, kind, bytes(4) + data[4:8] + bytes(4))]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):  # struct in6_pktinfo: address, interface
            return [(level, kind, data[:16] + bytes(4))]
    return []


def address_in(control: Control) -> str:
    """Return the address of ours that a datagram was sent to, or is to be sent from; "" if nothing says it."""
    for level, kind, data in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            return socket.inet_ntop(socket.AF_INET, data[4:8])
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
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
        if (level, kind, len(data)) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS_NEW, _TIMESPEC.size):
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return max(0.0, time.time() - float(seconds) - float(nanoseconds) / 1e9)
    return 0.0
