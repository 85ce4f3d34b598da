"""Listening sockets, as the doors that speak UDP and TCP have them."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable
from typing import Protocol, TypeAlias

RECEIVE_BUFFER = 8 * 1024 * 1024
"""Bytes of datagrams that may wait in the kernel; it gives less where net.core.rmem_max is lower."""

IP_PKTINFO = 8
"""Option and control message of Linux (ip(7)); Python names it only for IPv6."""


_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
)
"""What connections take over from the socket that they came to (tcp(7)): who vanished is found out in two minutes."""


class ListenAddress(Protocol):
    """Where to listen.

    `transport` is "udp", "tcp" or what goes over TCP, `host` an IP address; port 0 lets the system choose.
    """

    @property
    def transport(self) -> str:
        """The transport."""

    @property
    def host(self) -> str:
        """The IP address."""

    @property
    def port(self) -> int:
        """The port."""


Bind: TypeAlias = Callable[[ListenAddress], socket.socket]
"""Gives the socket that is bound to an address. Raises OSError, ValueError if the host is not an IP address."""


def bind(address: ListenAddress, *, shared: bool = False) -> socket.socket:
    """Open a socket and bind it; `shared` lets others of this user do the same, each of whom gets a part of what comes.

    Raises OSError, ValueError if the host is not an IP address.
    """
    ip = ipaddress.ip_address(address.host)
    family = socket.AF_INET6 if ip.version == 6 else socket.AF_INET
    datagrams = address.transport == "udp"
    sock = socket.socket(family, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if datagrams:
            _prepare_datagrams(sock, unspecified=ip.is_unspecified)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for level, option, number in _KEEP_ALIVE:
                sock.setsockopt(level, option, number)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((address.host, address.port))
    except OSError:
        sock.close()
        raise
    return sock


def _prepare_datagrams(sock: socket.socket, *, unspecified: bool) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    if not unspecified:
        return
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)


def source_towards(host: str) -> str | None:
    """Return the address of this machine that the system sends from to an IP address, None if it knows no way there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((host, 9))  # nothing is sent
        except OSError:
            return None
        return str(sock.getsockname()[0])
