"""Datagrams read from a socket directly, rather than through an asyncio transport.

They are read in batches. On a socket bound to the unspecified address only this way tells which address was asked, so
that the answer can come from it.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Final, TypeAlias

from gateways.batches import AT_ONCE, receive
from gateways.sockets import IP_PKTINFO

Control: TypeAlias = list[tuple[int, int, bytes]]
"""Control messages beside a datagram (cmsg(3)): level, type and data each."""

Take: TypeAlias = Callable[[bytes, Control, Any], None]
"""Takes a datagram, its control messages, and the socket address that it came from."""

ROOM = 65_507
"""The longest datagram over IPv4, in bytes; over IPv6 some more would fit."""

_DATAGRAMS_A_TURN = 32
_SECONDS_A_TURN = 0.002
_AT_FIRST = 4
"""So many are read before it is known how long one takes."""
_unpack_timespec: Final = struct.Struct("@qq").unpack
_TIMESPEC_SIZE: Final = 16
_SO_TIMESTAMPNS_NEW: Final = 64
"""Option and control message of Linux (socket(7)) that Python does not name."""
_SOCKET: Final[int] = socket.SOL_SOCKET
_IP: Final[int] = socket.IPPROTO_IP
_IPV6: Final[int] = socket.IPPROTO_IPV6
_IPV6_PKTINFO: Final[int] = socket.IPV6_PKTINFO


def take_some(sock: socket.socket, take: Take) -> None:
    """Read a few of the datagrams that wait, but not for long: the loop's other work gets its turn. Raises OSError."""
    began = monotonic()
    taken, batch = 0, min(_AT_FIRST, AT_ONCE)
    while batch > 0:
        datagrams = receive(sock, batch)
        if len(datagrams) == 1:
            datagram, control, address = datagrams[0]
            take(datagram, control, address)
        elif datagrams:
            _hand_over(iter(datagrams), take)
        if len(datagrams) < batch:
            return
        taken += batch
        seconds = monotonic() - began
        rest = _SECONDS_A_TURN - seconds
        if rest < 0:
            return
        batch = min(AT_ONCE, _DATAGRAMS_A_TURN - taken)
        if taken * rest < batch * seconds:  # what takes long is not read before there is time for it
            batch = max(1, int(taken * rest / seconds))


def _hand_over(datagrams: Iterator[tuple[bytes, Control, Any]], take: Take) -> None:
    """Have each of them taken, whatever becomes of the others: they are nowhere else any more."""
    try:
        for datagram, control, address in datagrams:
            take(datagram, control, address)
    except BaseException:
        _hand_over(datagrams, take)
        raise


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
