"""The transport layer as a whole (RFC 3261 18): listening points, and messages sent from them."""

from __future__ import annotations

import socket

from actors.sockets.reading import Control
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport, bracketed
from gateways.sip.transport import tls
from gateways.sip.transport.connections import SipConnections
from gateways.sip.transport.outlets import Outlets, is_unspecified
from gateways.sip.transport.settings import Failed, Gauge, Listen, Receive, TransportSettings, no_gauge
from gateways.sip.transport.sharing import ConnectionKey, SharedConnections
from gateways.sip.transport.udp import SipUdpPort
from gateways.sockets import Bind, bind, source_towards


class Transports:
    """Sockets for SIP. `receive` gets each message with the hop that it came over; it must not raise.

    gauge: is asked for each socket what is to be told, before each message, how long it waited: in the kernel if it
    is a datagram, else since it was taken from there (how long before that, TCP does not tell).
    """

    def __init__(
        self, settings: TransportSettings, receive: Receive, gauge: Gauge = no_gauge, bind: Bind = bind
    ) -> None:
        self._settings, self._receive, self._gauge, self._bind = settings, receive, gauge, bind
        self._connections = SipConnections(settings, receive, gauge)
        outlets = Outlets(self._connections)
        self.locals = outlets.points
        """The listening points that are open, in the order of the settings."""
        self._ports = outlets.ports
        self.local_for, self.send = outlets.local_for, outlets.send

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
            sock = self._bind(listen)
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


def _local(listen: Listen, sock: socket.socket) -> ListeningPoint:
    host, port = sock.getsockname()[:2]
    if listen.advertised is not None:
        return ListeningPoint(listen.transport, host, port, *listen.advertised)
    advertised = host
    if is_unspecified(host):
        somewhere, loopback = ("2001:db8::1", "::1") if ":" in host else ("192.0.2.1", "127.0.0.1")
        advertised = source_towards(somewhere) or loopback
    return ListeningPoint(listen.transport, host, port, advertised, port)
