"""The transport layer as a whole (RFC 3261 18): listening points, and messages sent from them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from functools import lru_cache, partial

import structlog

from gateways.datagrams import Control
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport, bracketed
from gateways.sip.transport import tls
from gateways.sip.transport.connections import SipConnections
from gateways.sip.transport.settings import Failed, Gauge, Listen, Receive, TransportSettings, no_gauge
from gateways.sip.transport.sharing import ConnectionKey, SharedConnections
from gateways.sip.transport.udp import SipUdpPort
from gateways.sockets import bind, source_towards

log = structlog.get_logger(bounded=True)


class Transports:
    """Sockets for SIP. `receive` gets each message with the hop that it came over; it must not raise.

    gauge: is asked for each socket what is to be told, before each message, how long it waited: in the kernel if it
    is a datagram, else since it was taken from there (how long before that, TCP does not tell).
    """

    def __init__(self, settings: TransportSettings, receive: Receive, gauge: Gauge = no_gauge) -> None:
        self._settings, self._receive, self._gauge = settings, receive, gauge
        self.locals: list[ListeningPoint] = []
        """The listening points that are open, in the order of the settings."""
        self._ports: dict[ListeningPoint, SipUdpPort] = {}
        self._connections = SipConnections(settings, receive, gauge)

    @property
    def connections(self) -> int:
        """How many connections there are, those that are being opened among them."""
        return len(self._connections)

    # -- what other workers share --

    def share_connections(self, others: SharedConnections) -> None:
        """Use the connections of other workers, too, and tell them of our own."""
        self._connections.others = others

    def own_connections(self) -> list[ConnectionKey]:
        """Return what our own connections are known by."""
        return self._connections.keys

    def send_through(self, key: ConnectionKey, data: bytes, failed: Failed) -> bool:
        """Send a message through a connection of our own; return False if it is not there. `failed` is called later."""
        return self._connections.send_through(key, data, failed)

    def source_of(self, hop: Hop) -> Control:
        """Return the address of ours that a remote has sent its last datagram to, as far as that has to be known."""
        port = None if hop.local is None else self._ports.get(hop.local)
        return [] if port is None else port.source_of(hop.host, hop.port)

    def remember_source(self, hop: Hop, source: Control) -> None:
        """Send to a remote from this address of ours, which another worker has heard it on."""
        port = None if hop.local is None else self._ports.get(hop.local)
        if port is not None and source:
            port.remember((hop.host, hop.port), source)

    # -- opening and closing --

    async def open(self) -> None:
        """Begin to listen on all addresses, or on none if it raises.

        Raises OSError, which names the address or the file that cannot be used; ValueError for settings that make no
        sense.
        """
        try:
            if any(listen.transport is SipTransport.TLS for listen in self._settings.listen):
                self._connections.use_tls(tls.server_context(self._settings), tls.client_context(self._settings))
            for listen in self._settings.listen:
                self._listen(listen)
        except BaseException:
            await self.close()
            raise

    def _listen(self, listen: Listen) -> None:
        name = f"{listen.transport}:{bracketed(listen.host)}:{listen.port}"
        try:
            sock = bind(listen, shared=self._settings.shared)
        except OSError as error:
            raise OSError(error.errno, f"{name}: {error.strerror}") from error
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        local = _local(listen, sock)
        if listen.transport is SipTransport.UDP:
            self._ports[local] = SipUdpPort(sock, local, self._receive, self._gauge(), self._settings.tap)
        else:
            self._connections.listen(sock, local)
        self.locals.append(local)

    async def close(self) -> None:
        """Close all sockets; of connections after what was written, as far as the peer takes it at once."""
        self.locals.clear()
        for port in self._ports.values():
            port.close()
        self._ports.clear()
        await self._connections.close()

    # -- sending --

    def connected(self, hop: Hop) -> bool:
        """Whether a message to `hop` would go over a connection that is there already."""
        return self._connections.has(hop)

    def local_for(self, hop: Hop) -> ListeningPoint | None:
        """Return the listening point that a message to `hop` leaves from, None if none can reach it.

        It is the hop's own if it has one that is open; else, of those that fit, the one with the address that the
        system would send from, or the first.
        """
        if not _is_address(hop.host, hop.port):
            return None
        if hop.local is not None and _fits(hop.local, hop) and hop.local in self.locals:
            return hop.local
        fitting = [local for local in self.locals if _fits(local, hop)]
        if len(fitting) > 1:
            source = source_towards(hop.host)
            fitting.sort(key=lambda local: (local.host != source, not _is_unspecified(local.host)))
        return fitting[0] if fitting else None

    def send(self, data: bytes, hop: Hop, failed: Failed | None = None) -> None:
        """Send a message; if that is impossible, or comes out to be, `failed` is called later with the reason.

        A message may be lost all the same: over UDP nobody tells, and a connection can end before the peer has read.
        """
        report = partial(_report, hop, failed)
        local = self.local_for(hop)
        if local is None:
            asyncio.get_running_loop().call_soon(report, "no listening point of ours can reach it")
        elif hop.transport.reliable:
            self._connections.send(data, hop, local, report)
        else:
            self._send_datagram(data, hop, local, report)

    def _send_datagram(self, data: bytes, hop: Hop, local: ListeningPoint, failed: Failed) -> None:
        try:
            self._ports[local].send(data, hop.host, hop.port)
        except OSError as error:  # a message that is too long for a datagram is one of these errors
            asyncio.get_running_loop().call_soon(failed, error.strerror or str(error))


def _report(hop: Hop, failed: Failed | None, why: str) -> None:
    log.warning("sip message not sent", to=str(hop), why=why)
    if failed is not None:
        failed(why)


def _local(listen: Listen, sock: socket.socket) -> ListeningPoint:
    host, port = sock.getsockname()[:2]
    if listen.advertised is not None:
        return ListeningPoint(listen.transport, host, port, *listen.advertised)
    advertised = host
    if _is_unspecified(host):
        somewhere, loopback = ("2001:db8::1", "::1") if ":" in host else ("192.0.2.1", "127.0.0.1")
        advertised = source_towards(somewhere) or loopback
    return ListeningPoint(listen.transport, host, port, advertised, port)


def _is_unspecified(host: str) -> bool:
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
