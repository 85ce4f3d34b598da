"""ng over UDP."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any, Protocol

import structlog

from actors.sockets.reading import Control, take_some
from gateways.datagrams import ROOM, address_in, asked, stamp, waited
from gateways.ng.cache import Send
from gateways.ng.counters import NgCounters
from gateways.ng.handler import Handler, Peer
from gateways.ng.limits import Clients
from gateways.ng.tap import Tap

log = structlog.get_logger(bounded=True)


class HandOff(Protocol):
    """Where datagrams go that another worker of this service serves (gateways.handoff)."""

    def hands_over(self, port: int, datagram: bytes, address: Any, source: Control, waited: float) -> bool:
        """Hand a datagram over; return False if it is this worker's."""


class NgUdpPort:
    """One listening address: hands datagrams to the handler, and sends replies from the address that was asked.

    `hand_off_by` sets where those go first that may be another worker's.
    """

    def __init__(
        self, sock: socket.socket, handler: Handler, clients: Clients, counters: NgCounters, tap: Tap | None = None
    ) -> None:
        self._sock, self._handler, self._clients, self._counters = sock, handler, clients, counters
        self._tap = tap
        self._hand_off: HandOff | None = None
        self._number = 0
        stamp(sock)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    def hand_off_by(self, hand_off: HandOff, number: int) -> None:
        """Ask this first about each datagram; `number` is what it knows this address by."""
        self._hand_off, self._number = hand_off, number

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
        source, seconds = asked(control), waited(control)
        if self._hand_off is None or not self._hands_over(self._hand_off, datagram, address, source, seconds):
            self.serve(datagram, address, source, seconds)

    def _hands_over(self, hand_off: HandOff, datagram: bytes, address: Any, source: Control, waited: float) -> bool:
        if self._clients.find(address[0]) is None:
            return False
        return hand_off.hands_over(self._number, datagram, address, source, waited)

    def serve(self, datagram: bytes, address: Any, source: Control, waited: float) -> None:
        """Serve a request that came `waited` seconds ago, and answer from `source`."""
        host: str = address[0]
        port: int = address[1]
        client = self._clients.find(host)
        if client is None:
            self._counters.not_allowed += 1
            log.warning("ng datagram of a client that is not allowed", client=host)
            return
        name = f"udp {host} {port}\0".encode()
        send: Send = partial(self._send, address, source)
        if self._tap is not None:
            bound = self._sock.getsockname()
            send = self._tap(datagram, "udp", (host, port), (address_in(source) or bound[0], bound[1]), send)
        self._handler.take(datagram, Peer(client, name, ROOM), send, waited)

    def _send(self, address: Any, source: Control, datagram: bytes) -> None:
        try:
            self._sock.sendmsg((datagram,), source, 0, address)
        except OSError as error:  # the client repeats its request; a full socket buffer is one of these errors
            self._counters.unsent += 1
            log.warning("ng reply not sent", client=address[0], why=str(error))
