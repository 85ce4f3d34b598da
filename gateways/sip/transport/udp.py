"""SIP over UDP."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from functools import lru_cache
from typing import Any

import structlog

from actors.sockets.reading import Control, take_some
from gateways.datagrams import address_in, asked, stamp, waited
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.transport.settings import Address, Receive, Tap, Waited

log = structlog.get_logger(bounded=True)

MAX_SOURCES = 16_384
"""So many remote addresses are remembered with the address of ours that they know."""

_MAX_HOPS = 4096

_KEEP_ALIVE = b"\r\n\0 "


class SipUdpPort:
    """One listening point.

    On the unspecified address it remembers which of the machine's addresses a remote has sent to last, and sends to it
    from there: only so does an answer pass a NAT, or an in-dialog request seem to come from the one who was called.
    """

    def __init__(
        self, sock: socket.socket, local: ListeningPoint, receive: Receive, note_wait: Waited, tap: Tap | None = None
    ) -> None:
        self._sock, self._local, self._receive, self._note_wait = sock, local, receive, note_wait
        self._tap = tap
        self._keeps_sources = ipaddress.ip_address(local.host).is_unspecified
        self._sources: dict[tuple[str, int], Control] = {}
        self._hop_from = lru_cache(maxsize=_MAX_HOPS)(lambda host, port: Hop(SipTransport.UDP, host, port, local))
        stamp(sock)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def send(self, data: bytes, host: str, port: int) -> None:
        """Send a datagram. Raises OSError if it can't leave; one that finds the socket full is lost as on the way."""
        source = self._sources.get((host, port), []) if self._keeps_sources else []
        try:
            self._sock.sendmsg((data,), source, 0, (host, port))
        except (BlockingIOError, InterruptedError):
            log.warning("sip datagram lost, the socket is full", local=str(self._local))
        else:
            if self._tap is not None:
                self._tap(data, SipTransport.UDP, self._own_address(source), (host, port), True)

    def _readable(self) -> None:
        try:
            take_some(self._sock, self._take)
        except OSError as error:  # what ICMP tells of one remote is no reason to stop hearing the others
            log.warning("sip socket failed to receive", local=str(self._local), why=str(error))

    def _take(self, datagram: bytes, control: Control, address: Any) -> None:
        host, port = address[0], address[1]
        if not datagram.strip(_KEEP_ALIVE):
            return
        if self._keeps_sources:
            self.remember((host, port), asked(control))
        if self._tap is not None:
            self._tap(datagram, SipTransport.UDP, (host, port), self._own_address(control), False)
        self._note_wait(waited(control))
        self._receive(datagram, self._hop_from(host, port))

    def _own_address(self, control: Control) -> Address:
        """Return which address of ours a datagram went to or leaves from, as its control messages say it."""
        local = self._local
        return (address_in(control) if self._keeps_sources else "") or local.host, local.port

    def source_of(self, host: str, port: int) -> Control:
        """Return the address of ours that a remote knows, where there are several."""
        return self._sources.get((host, port), [])

    def remember(self, remote: tuple[str, int], source: Control) -> None:
        """Record which address of ours a remote knows."""
        self._sources.pop(remote, None)
        self._sources[remote] = source
        if len(self._sources) > MAX_SOURCES:
            del self._sources[next(iter(self._sources))]
