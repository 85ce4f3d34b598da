"""ng over UDP.

The socket is read and written directly rather than through an asyncio transport: it costs the same, and on a socket
bound to the unspecified address only this way tells which address was asked, so that the reply can come from it.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from time import monotonic
from typing import Any, TypeAlias

import structlog

from gateways.ng.counters import NgCounters
from gateways.ng.handler import Handler, Peer
from gateways.ng.limits import Clients
from gateways.ng.sockets import IP_PKTINFO

log = structlog.get_logger(bounded=True)

ROOM = 65_507
"""The longest datagram over IPv4, in bytes; over IPv6 some more would fit."""

_DATAGRAMS_A_TURN = 32
_SECONDS_A_TURN = 0.002
_BUFFER = 65_536
_CONTROL_BUFFER = socket.CMSG_SPACE(20)

_Control: TypeAlias = list[tuple[int, int, bytes]]


class UdpPort:
    """One listening address: hands datagrams to the handler, and sends replies from the address that was asked."""

    def __init__(self, sock: socket.socket, handler: Handler, clients: Clients, counters: NgCounters) -> None:
        self._sock, self._handler, self._clients, self._counters = sock, handler, clients, counters
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _readable(self) -> None:
        """Take a few datagrams, but not for long: the loop's other work gets its turn."""
        stop_at = monotonic() + _SECONDS_A_TURN
        for _ in range(_DATAGRAMS_A_TURN):
            try:
                received = self._sock.recvmsg(_BUFFER, _CONTROL_BUFFER)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                log.warning("ng socket failed to receive", why=str(error))
                return
            self._take(*received)
            if monotonic() > stop_at:
                return

    def _take(self, datagram: bytes, control: _Control, _flags: int, address: Any) -> None:
        host, port = address[0], address[1]
        client = self._clients.find(host)
        if client is None:
            self._counters.not_allowed += 1
            log.warning("ng datagram of a client that is not allowed", client=host)
            return
        name = b"udp %b %d\0" % (host.encode(), port)
        source = _asked(control) if control else control
        self._handler.take(datagram, Peer(client, name, ROOM), partial(self._send, address, source))

    def _send(self, address: Any, source: _Control, datagram: bytes) -> None:
        try:
            self._sock.sendmsg((datagram,), source, 0, address)
        except OSError as error:  # the client repeats its request; a full socket buffer is one of these errors
            self._counters.unsent += 1
            log.warning("ng reply not sent", client=address[0], why=str(error))


def _asked(control: _Control) -> _Control:
    """Give the control message that makes a reply come from the address that its request was sent to."""
    for level, kind, data in control:
        if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):  # struct in_pktinfo: interface, address, header's address
            return [(level, kind, bytes(4) + data[4:8] + bytes(4))]
        if (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):  # struct in6_pktinfo: address, interface
            return [(level, kind, data[:16] + bytes(4))]
    return []
