"""ng over TCP, as rtpengine's `listen-tcp-ng` has it: bencode only, any number of requests on a connection.

Replies come as they are ready, each with the cookie of its request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import cast

import structlog

from engines.ng import bencode
from engines.ng.bencode import BencodeError
from engines.ng.framing import StreamSplitter
from gateways.ng import message as messages
from gateways.ng import replies
from gateways.ng.cache import Send
from gateways.ng.counters import NgCounters
from gateways.ng.handler import Peer, TakesMessages
from gateways.ng.limits import Clients
from gateways.ng.standstill import Standstill
from gateways.ng.tap import Tap

log = structlog.get_logger(bounded=True)

ROOM = 4 * 1024 * 1024
"""The longest reply, in bytes."""

MAX_CONNECTIONS = 1024
MAX_UNREAD = 8 * 1024 * 1024
"""Bytes of replies that a client may leave unread before its connection is broken off."""

_SECONDS_A_TURN = 0.002


class NgConnections:
    """The open connections of all listening addresses."""

    def __init__(
        self,
        handler: TakesMessages,
        clients: Clients,
        counters: NgCounters,
        standstill: Standstill,
        tap: Tap | None = None,
    ) -> None:
        self.handler, self.clients, self.counters, self.standstill = handler, clients, counters, standstill
        self.tap = tap
        self._open: set[NgConnection] = set()

    def __len__(self) -> int:
        return len(self._open)

    def new(self) -> asyncio.Protocol:
        """Make the protocol of a connection."""
        return NgConnection(self)

    def admit(self, connection: NgConnection, host: str, port: int) -> Peer | None:
        """Accept a new connection; return None if its client is not allowed, or there are too many."""
        client = self.clients.find(host)
        if client is None or len(self._open) >= MAX_CONNECTIONS:
            self.counters.not_allowed += 1
            log.warning("ng connection refused", client=host, open=len(self._open))
            return None
        self._open.add(connection)
        return Peer(client, b"tcp %b %d\0" % (host.encode(), port), ROOM)

    def forget(self, connection: NgConnection) -> None:
        """Record that a connection is closed."""
        self._open.discard(connection)

    def close(self) -> None:
        """Close all connections, after what was written to them."""
        for connection in list(self._open):
            connection.close()


class NgConnection(asyncio.Protocol):
    """One client's connection."""

    _transport: asyncio.Transport
    _peer: Peer

    def __init__(self, connections: NgConnections) -> None:
        self._connections = connections
        self._splitter = StreamSplitter()
        self._piece = b""  # what came last
        self._rest = 0  # the bytes, up to its end, that are not taken yet
        self._came = 0.0  # when it may have come, by the monotonic clock
        self._messages: Iterator[bytes] = iter(())
        self._paused = False
        self._writable = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept the client, or close the connection."""
        self._transport = cast("asyncio.Transport", transport)
        address = transport.get_extra_info("peername")  # None if the client has gone again already
        peer = self._connections.admit(self, address[0], address[1]) if address else None
        if peer is None:
            self._transport.abort()
        else:
            self._peer = peer

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the client repeats itself elsewhere
        """Forget it; replies that still come are dropped."""
        self._connections.forget(self)

    def close(self) -> None:
        """Close after what is written."""
        self._transport.close()

    # -- requests --

    def data_received(self, data: bytes) -> None:
        """Read the requests in a piece of the stream."""
        self._piece = data
        self._came = monotonic() - self._connections.standstill.waited()
        self._rest += len(data)
        self._messages = self._splitter.feed(data)
        self._take_some()

    def _take_some(self) -> None:
        """Handle requests, but not for long: the loop's other work goes on, and nothing is read while some are left."""
        stop_at = monotonic() + _SECONDS_A_TURN
        try:
            for message in self._messages:
                self._rest -= len(message)
                self._connections.handler.take(message, self._peer, self._reply_to(message), monotonic() - self._came)
                if not self._writable:
                    return
                if monotonic() > stop_at:
                    self._pause()
                    asyncio.get_running_loop().call_soon(self._go_on)
                    return
        except BencodeError as error:
            self._give_up(error)
        else:
            self._piece = b""
            self._resume()

    def _go_on(self) -> None:
        if self._writable:
            self._take_some()

    def _give_up(self, error: BencodeError) -> None:
        """Close, since nobody knows where the next request begins; answer first if the cookie is in the last piece."""
        self._connections.counters.streams_lost += 1
        log.warning("ng stream unreadable", client=self._peer.client.host, why=str(error))
        parts = messages.split(self._piece[-self._rest :]) if self._rest <= len(self._piece) else None
        if parts is not None:
            self._send(messages.join(parts[0], bencode.encode(replies.error("Could not decode bencode dictionary"))))
        self._transport.close()

    # -- replies --

    def _reply_to(self, message: bytes) -> Send:
        """Return what sends the reply to a request."""
        tap, transport = self._connections.tap, self._transport
        if tap is None:
            return self._send
        client, door = (transport.get_extra_info(name)[:2] for name in ("peername", "sockname"))
        return tap(message, "tcp", client, door, self._send)

    def _send(self, message: bytes) -> None:
        if self._transport.is_closing():
            self._connections.counters.unsent += 1
            return
        self._transport.write(message)
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._connections.counters.streams_lost += 1
            log.warning("ng client does not read its replies", client=self._peer.client.host)
            self._transport.abort()

    def pause_writing(self) -> None:
        """Stop reading requests of a client that does not read its replies."""
        self._writable = False
        self._pause()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        self._take_some()

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._writable and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
