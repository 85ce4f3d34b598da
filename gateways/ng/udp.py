"""ng over UDP."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any

import structlog

from gateways.datagrams import ROOM, Control, asked, stamp, take_some, waited
from gateways.ng.counters import NgCounters
from gateways.ng.handler import Handler, Peer
from gateways.ng.limits import Clients

log = structlog.get_logger(bounded=True)


class NgUdpPort:
    """One listening address: hands datagrams to the handler, and sends replies from the address that was asked."""

    def __init__(self, sock: socket.socket, handler: Handler, clients: Clients, counters: NgCounters) -> None:
        self._sock, self._handler, self._clients, self._counters = sock, handler, clients, counters
        stamp(sock)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _readable(self) -> None:
        try:
            take_some(self._sock, self._take)
        except OSError as error:
            log.warning("ng socket failed to receive", why=str(error))

    def _take(self, datagram: bytes, control: Control, address: Any) -> None:
        host, port = address[0], address[1]
        client = self._clients.find(host)
        if client is None:
            self._counters.not_allowed += 1
            log.warning("ng datagram of a client that is not allowed", client=host)
            return
        name = b"udp %b %d\0" % (host.encode(), port)
        send = partial(self._send, address, asked(control))
        self._handler.take(datagram, Peer(client, name, ROOM), send, waited(control))

    def _send(self, address: Any, source: Control, datagram: bytes) -> None:
        try:
            self._sock.sendmsg((datagram,), source, 0, address)
        except OSError as error:  # the client repeats its request; a full socket buffer is one of these errors
            self._counters.unsent += 1
            log.warning("ng reply not sent", client=address[0], why=str(error))
