"""The SIP door as a whole: its parts put together, opened and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from actors.control.counters import Sample, samples_of
from actors.directory import Directory
from actors.sip_requests import SipOutlet
from engines.set_names import BY_NAME, SetNames
from gateways.handoff.mesh import Mesh
from gateways.handoff.sip import SipHandOff
from gateways.handoff.steering.programs import of_sip
from gateways.sip.addresses import Hop, ListeningPoint
from gateways.sip.calls.client import CallClient
from gateways.sip.dialogs.hops import Hops
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.proxy.core import Proxy
from gateways.sip.proxy.settings import ProxySettings
from gateways.sip.routing.access import Access
from gateways.sip.routing.router import CallRouter
from gateways.sip.script.script import Routing
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transactions.timers import Timers
from gateways.sip.transport.resolver import UriResolver
from gateways.sip.transport.settings import TransportSettings
from gateways.sip.transport.transports import Transports
from gateways.sockets import Bind, bind


@dataclass(frozen=True, slots=True, kw_only=True)
class SipSettings:
    """How the SIP door is set up: each part's settings. nameservers: None for the system's. sets: their numbers."""

    transport: TransportSettings
    proxy: ProxySettings = field(default_factory=ProxySettings)
    timers: Timers = field(default_factory=Timers)
    max_transactions: int = 100_000
    nameservers: tuple[str, ...] | None = None
    access: Access = field(default_factory=Access)
    sets: SetNames = BY_NAME


class SipDoor:
    """A SIP proxy whose calls look after their relays. `open` it once, `close` it in any case after that."""

    def __init__(
        self,
        settings: SipSettings,
        routing: Routing,
        *,
        calls: Directory,
        outlet: SipOutlet,
        now: Callable[[], int],
        ready: Callable[[], bool] = lambda: True,
        mesh: Mesh | None = None,
    ) -> None:
        """Put the door together.

        `outlet` takes requests of calls while it is open; `now` gives ms since the epoch; `ready` tells whether calls
        can be served. With a `mesh` other workers listen on the same addresses.
        """
        self._outlet = outlet
        self._relays = CallClient(calls, now)
        self._router = CallRouter(routing, self._relays, settings.access, ready=ready, sets=settings.sets)
        self.proxy = Proxy(self._router, settings.proxy)
        listens: Bind = bind if mesh is None else partial(mesh.sockets.bind, program=of_sip)
        self._transports = Transports(settings.transport, self._received, self.proxy.backlog.gauge, listens)
        self._resolver = UriResolver(settings.nameservers, reach=self._transports.locals)
        self._layer = TransactionLayer(
            self._transports.send,
            self.proxy,
            timers=settings.timers,
            loop=asyncio.get_running_loop(),
            max_transactions=settings.max_transactions,
        )
        self._hand_off = None if mesh is None else self._handing_over_by(mesh, settings)
        self.requests = DialogRequests(self._layer, Hops(self._resolver, self._transports), routing=routing)

    def samples(self) -> Iterable[Sample]:
        """Return what the transaction layer and the proxy have counted."""
        yield from samples_of("sip", self._layer.counters, {"answered": ("method", "status"), "seconds": ("method",)})
        yield from samples_of("proxy", self.proxy.counters, {"forwarding": ("method",)})
        yield Sample("proxy", "not_allowed", self.not_allowed)

    @property
    def not_allowed(self) -> int:
        """How many requests were refused because their sender may not send them, or not where they were to go."""
        return self._router.gate.refused

    @property
    def locals(self) -> list[ListeningPoint]:
        """The listening points that are open."""
        return list(self._transports.locals)

    async def open(self) -> None:
        """Begin to listen. Raises OSError or ValueError, which names the address."""
        await self._transports.open()
        self._router.open(self.requests)
        self.proxy.open(self._layer, self._transports, self._resolver)
        self._outlet.sender = self.requests.signal

    def reload(self, routing: Routing) -> None:
        """Set the routing of new requests; those on their way keep theirs."""
        self._router.routing = self.requests.routing = routing

    async def close(self, grace: float) -> None:
        """Accept nothing new, wait up to `grace` seconds for what is under way, and close all sockets."""
        self._outlet.sender = None
        await self.proxy.close(grace)
        await self.requests.close()
        await self._relays.close()
        self._layer.close()
        await self._transports.close()

    def _handing_over_by(self, mesh: Mesh, settings: SipSettings) -> SipHandOff:
        remembers = settings.proxy.timer_c + 64 * settings.timers.t1
        return SipHandOff(mesh, self._transports, self._layer, self.proxy.backlog.gauge(), remembers=remembers)

    def _received(self, data: bytes, hop: Hop) -> None:
        if self._hand_off is None:
            self._layer.receive(data, hop)
        else:
            self._hand_off.receive(data, hop)
