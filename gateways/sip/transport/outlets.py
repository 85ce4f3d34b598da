"""The ways out of the listening points: which of them a message leaves from, and its sending."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from functools import lru_cache, partial

import structlog

from gateways.sip.addresses import Hop, ListeningPoint
from gateways.sip.transport.connections import SipConnections
from gateways.sip.transport.settings import Failed
from gateways.sip.transport.udp import SipUdpPort
from gateways.sockets import source_towards

log = structlog.get_logger(bounded=True)


class Outlets:
    """What messages leave by.

    points: the listening points that are open, in the order of the settings. ports: the sockets of those over UDP.
    """

    def __init__(self, connections: SipConnections) -> None:
        self.points: list[ListeningPoint] = []
        self.ports: dict[ListeningPoint, SipUdpPort] = {}
        self._connections = connections

    def local_for(self, hop: Hop) -> ListeningPoint | None:
        """Return the listening point that a message to `hop` leaves from, None if none can reach it.

        It is the hop's own if it has one that is open; else, of those that fit, the one with the address that the
        system would send from, or the first.
        """
        if not _is_address(hop.host, hop.port):
            return None
        if hop.local is not None and _fits(hop.local, hop) and hop.local in self.points:
            return hop.local
        fitting = [local for local in self.points if _fits(local, hop)]
        if len(fitting) > 1:
            source = source_towards(hop.host)
            fitting.sort(key=lambda local: (local.host != source, not is_unspecified(local.host)))
        return fitting[0] if fitting else None

    def send(self, data: bytes, hop: Hop, failed: Failed | None = None) -> None:
        """Send a message; if that is impossible, or comes out to be, `failed` is called later with the reason.

        A message may be lost all the same: over UDP nobody tells, and a connection can end before the peer has read.
        """
        local = self.local_for(hop)
        if local is None:
            _fail(hop, failed, "no listening point of ours can reach it")
        elif hop.transport.reliable:
            self._connections.send(data, hop, local, partial(_report, hop, failed))
        else:
            self._send_datagram(data, hop, local, failed)

    def _send_datagram(self, data: bytes, hop: Hop, local: ListeningPoint, failed: Failed | None) -> None:
        try:
            self.ports[local].send(data, hop.host, hop.port)
        except OSError as error:  # a message that is too long for a datagram is one of these errors
            _fail(hop, failed, error.strerror or str(error))


def _fail(hop: Hop, failed: Failed | None, why: str) -> None:
    """Report soon, but not at once, that a message was not sent."""
    asyncio.get_running_loop().call_soon(partial(_report, hop, failed), why)


def _report(hop: Hop, failed: Failed | None, why: str) -> None:
    log.warning("sip message not sent", to=str(hop), why=why)
    if failed is not None:
        failed(why)


def is_unspecified(host: str) -> bool:
    """Whether an address is that of no interface, which stands for all of them."""
    return ipaddress.ip_address(host).is_unspecified


def _fits(local: ListeningPoint, hop: Hop) -> bool:
    return local.transport is hop.transport and (":" in local.host) == (":" in hop.host)


@lru_cache(maxsize=4096)
def _is_address(host: str, port: int) -> bool:
    """Whether a host is an IP address (a name would be looked up by whoever blocks on it) and a port one."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host.partition("%")[0])
    except (OSError, ValueError):
        return False
    return 0 < port <= 65_535
