"""The ng door as a whole: its sockets opened and closed, its parts put together."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from aiohttp import web

from actors.control.control import Control
from actors.control.counters import Sample, samples_of
from gateways.bounded_http import BoundedServer
from gateways.handoff.mesh import Mesh
from gateways.handoff.ng import NgHandOff
from gateways.handoff.steering.programs import of_ng
from gateways.ng.cache import ReplyCache
from gateways.ng.counters import NgCounters
from gateways.ng.handler import Calls, Handler, NgBackend
from gateways.ng.http import NgHttp
from gateways.ng.limits import Clients, Network
from gateways.ng.overview import Overview
from gateways.ng.standstill import BEAT, Standstill
from gateways.ng.tap import Tap
from gateways.ng.tcp import MAX_CONNECTIONS, NgConnections
from gateways.ng.udp import NgUdpPort
from gateways.sockets import Bind, ListenAddress, bind


@dataclass(frozen=True, slots=True, kw_only=True)
class NgSettings:
    """How the ng door is set up.

    listen: the addresses, each UDP, TCP or HTTP. allow: the networks of clients. set: the node set of new calls.
    max_queued_per_client: how many requests of one host may be in work. reply_cache: how long replies are kept for
    repeats, in seconds.
    """

    listen: Sequence[ListenAddress]
    allow: Sequence[Network]
    set: str = "default"
    max_queued_per_client: int = 1000
    reply_cache: float = 60.0


class NgDoor:
    """What Kamailio and OpenSIPS take for an rtpengine."""

    def __init__(
        self,
        settings: NgSettings,
        *,
        calls: Calls,
        control: Control,
        now: Callable[[], int],
        ready: Callable[[], bool],
        mesh: Mesh | None = None,
        tap: Tap | None = None,
    ) -> None:
        """Put the door together.

        `now` gives ms since the epoch; `ready` tells what a ping is to be answered. With a `mesh` other workers listen
        on the same addresses. `tap` gets a copy of what is asked and answered.
        """
        self._settings = settings
        self.counters = NgCounters()
        self.cache = ReplyCache(settings.reply_cache)
        self._clients = Clients(settings.allow, settings.max_queued_per_client)
        self._overview = Overview(control)
        backend = NgBackend(
            calls=calls, overview=self._overview, now=now, monotonic=monotonic, ready=ready, set=settings.set
        )
        self._handler = Handler(backend, self._clients, self.cache, self.counters)
        self._standstill = Standstill(monotonic)
        self._hand_off = None if mesh is None else NgHandOff(mesh, self._handler, self._clients)
        self._bind: Bind = bind if mesh is None else partial(mesh.sockets.bind, program=of_ng)
        takes = self._hand_off or self._handler
        self._tap = tap
        self._connections = NgConnections(takes, self._clients, self.counters, self._standstill, tap)
        self._http = NgHttp(takes, self._clients, self.counters, self._standstill, tap)
        self._runners: list[web.ServerRunner] = []
        self._ports: list[NgUdpPort] = []
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self.addresses: list[tuple[str, str, int]] = []
        """Transport, host and port of what is open, in the order of the settings."""

    def samples(self) -> Iterable[Sample]:
        """Return what the door has counted."""
        return samples_of("ng", self.counters, {"requests": ("verb", "result"), "seconds": ("verb",)})

    async def open(self) -> None:
        """Begin to listen on all addresses, or on none if it raises. Raises OSError, which names the address."""
        try:
            for address in self._settings.listen:
                await self._listen(address)
        except BaseException:
            await self._close_sockets()
            raise
        self._tick()

    async def close(self, grace: float) -> None:
        """Accept nothing new, wait up to `grace` seconds for the replies under way, and close all sockets."""
        idle = asyncio.Event()
        self._handler.close(idle.set)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await idle.wait()
                if self._hand_off is not None:
                    await self._hand_off.idle()
        if self._timer is not None:
            self._timer.cancel()
        await self._overview.close()
        await self._close_sockets()

    async def _listen(self, address: ListenAddress) -> None:
        try:
            sock = self._bind(address)
        except OSError as error:
            raise OSError(
                error.errno, f"{address.transport}:{address.host}:{address.port}: {error.strerror}"
            ) from error
        host, port = sock.getsockname()[:2]
        if address.transport == "udp":
            way = NgUdpPort(sock, self._handler, self._clients, self.counters, self._tap)
            if self._hand_off is not None:
                datagrams = self._hand_off.datagrams
                way.hand_off_by(datagrams, datagrams.add(way))
            self._ports.append(way)
        elif address.transport == "http":
            await self._listen_http(sock)
        else:
            loop = asyncio.get_running_loop()
            self._servers.append(await loop.create_server(self._connections.new, sock=sock))
        self.addresses.append((address.transport, host, port))

    async def _listen_http(self, sock: socket.socket) -> None:
        runner = web.ServerRunner(BoundedServer(self._http.answer, most=2 * MAX_CONNECTIONS), shutdown_timeout=0)
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, sock).start()

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(BEAT, self._tick)
        self._standstill.beat()
        self._handler.tick()

    async def _close_sockets(self) -> None:
        for port in self._ports:
            port.close()
        for server in self._servers:
            server.close()
        self._connections.close()
        await self._http.close()
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        self._ports.clear()
        self._servers.clear()
        self.addresses.clear()
