"""All connections: found by who is at the other end, opened where there is none, and taken from those who connect."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Coroutine

import structlog

from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.transport.connection import SipConnection
from gateways.sip.transport.settings import Failed, Gauge, Receive, TransportSettings
from gateways.sip.transport.sharing import ConnectionKey, SharedConnections
from gateways.sip.transport.tls import may_be_proved

log = structlog.get_logger(bounded=True)

_TLS_GOODBYE = 1.0
_GRACE = 1.0
_RETRY_ACCEPT = 1.0
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class SipConnections:
    """The connections of all listening points."""

    def __init__(self, settings: TransportSettings, receive: Receive, gauge: Gauge) -> None:
        self._settings, self._receive, self._gauge = settings, receive, gauge
        self._server_tls: ssl.SSLContext | None = None
        self._client_tls: ssl.SSLContext | None = None
        self._usable: dict[ConnectionKey, SipConnection] = {}
        self._all: set[SipConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[socket.socket] = []
        self._empty = asyncio.Event()
        self.others: SharedConnections | None = None
        """The connections of other workers of this service, where there are any."""

    def __len__(self) -> int:
        return len(self._all)

    def use_tls(self, server: ssl.SSLContext, client: ssl.SSLContext) -> None:
        """Set what connections over TLS need: those that others open, and those that we do. Before any is there."""
        self._server_tls, self._client_tls = server, client

    # -- using --

    def has(self, hop: Hop) -> bool:
        """Whether something sent to a hop goes over a connection that is there already."""
        key = self._key(hop)
        return key in self._usable or (self.others is not None and self.others.has(key))

    @property
    def keys(self) -> list[ConnectionKey]:
        """What the connections that can be used are known by."""
        return list(self._usable)

    def send_through(self, key: ConnectionKey, data: bytes, failed: Failed) -> bool:
        """Send a message through a connection that is there; return False if there is none."""
        connection = self._usable.get(key)
        if connection is not None:
            connection.send(data, failed)
        return connection is not None

    def send(self, data: bytes, hop: Hop, local: ListeningPoint, failed: Failed) -> None:
        """Send a message; if there is no connection yet, open one from `local`'s address. `failed` is called later."""
        key = self._key(hop)
        connection = self._usable.get(key)
        if connection is None:
            if self.others is not None and self.others.send(key, data, failed):
                return
            if self._is_full():
                asyncio.get_running_loop().call_soon(failed, "too many connections")
                return
            connection = self._new(Hop(hop.transport, hop.host, hop.port, local, hop.name))
            self._spawn(self._connect(connection, local))
        connection.send(data, failed)

    def _key(self, hop: Hop) -> ConnectionKey:
        """Return what tells connections apart: one whose peer has proved one name is not used for another."""
        proved = hop.transport is SipTransport.TLS and self._settings.verify
        return hop.transport, hop.host, hop.port, hop.name.lower() if proved else ""

    def _is_full(self) -> bool:
        return len(self._all) >= self._settings.max_connections

    def _new(self, hop: Hop) -> SipConnection:
        connection = SipConnection(
            hop, self._settings, self._receive, self._gauge(), unusable=self._drop, gone=self._forget
        )
        key = self._key(hop)
        self._usable[key] = connection
        if self.others is not None:
            self.others.opened(key)
        self._all.add(connection)
        return connection

    def _drop(self, connection: SipConnection) -> None:
        key = self._key(connection.hop)
        if self._usable.get(key) is connection:
            del self._usable[key]
            if self.others is not None:
                self.others.closed(key)

    def _forget(self, connection: SipConnection) -> None:
        self._all.discard(connection)
        if not self._all:
            self._empty.set()

    async def _connect(self, connection: SipConnection, local: ListeningPoint) -> None:
        hop, loop = connection.hop, asyncio.get_running_loop()
        tls = self._client_tls if hop.transport is SipTransport.TLS else None
        if tls is not None and not may_be_proved(hop.name or hop.host):
            connection.connect_failed("no certificate can have this name")
            return
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await loop.create_connection(
                    lambda: connection,
                    hop.host,
                    hop.port,
                    ssl=tls,
                    server_hostname=(hop.name or hop.host) if tls else None,
                    ssl_shutdown_timeout=_TLS_GOODBYE if tls else None,
                    local_addr=(local.host, 0),
                )
        except TimeoutError:
            connection.connect_failed("no connection in time")
        except OSError as error:
            connection.connect_failed(str(error))
        except asyncio.CancelledError:
            connection.connect_failed("closed")
            raise

    # -- listening --

    def listen(self, sock: socket.socket, local: ListeningPoint) -> None:
        """Accept connections on a socket that is bound. Raises OSError."""
        sock.listen(socket.SOMAXCONN)
        self._listeners.append(sock)
        self._spawn(self._accept(sock, local))

    async def _accept(self, sock: socket.socket, local: ListeningPoint) -> None:
        """Accept connections one by one: so those that are still in TLS' handshake count, too."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(sock)
            except OSError as error:  # the peer has gone again, or there is no file descriptor left
                log.warning("sip connection not accepted", local=str(local), why=str(error))
                await asyncio.sleep(_RETRY_ACCEPT if error.errno in _NO_ROOM else 0)
                continue
            hop = Hop(local.transport, address[0], address[1], local)
            if self._is_full():
                log.warning("sip connection refused, there are too many", remote=str(hop))
                accepted.close()
            else:
                self._spawn(self._welcome(accepted, self._new(hop)))
            await asyncio.sleep(0)  # sock_accept gives no turn to others while connections wait

    async def _welcome(self, accepted: socket.socket, connection: SipConnection) -> None:
        tls = self._server_tls if connection.hop.transport is SipTransport.TLS else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=tls,
                ssl_handshake_timeout=self._settings.connect_timeout if tls else None,
                ssl_shutdown_timeout=_TLS_GOODBYE if tls else None,
            )
        except OSError as error:
            log.warning("sip connection not opened", remote=str(connection.hop), why=str(error))
            connection.connect_failed(str(error))
        except asyncio.CancelledError:
            connection.connect_failed("closed")
            raise

    # -- closing --

    async def close(self) -> None:
        """Close all, after what was written as far as it is read at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sock in self._listeners:
            sock.close()
        self._listeners.clear()
        if not self._all:
            return
        self._empty.clear()
        for connection in list(self._all):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await self._empty.wait()
        for connection in list(self._all):
            connection.abort()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
