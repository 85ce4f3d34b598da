"""What everything in the proxy works with."""

from __future__ import annotations

from dataclasses import dataclass

from gateways.sip.proxy.border import Clock, ProxyLayer, Resolver, Sockets
from gateways.sip.proxy.hooks import Router
from gateways.sip.proxy.settings import ProxyCounters, ProxySettings
from gateways.sip.proxy.work_queues import WorkQueues
from gateways.sip.rules.own_routes import OwnAddresses


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyDependencies:
    """What everything in the proxy works with."""

    settings: ProxySettings
    counters: ProxyCounters
    router: Router
    layer: ProxyLayer
    sockets: Sockets
    resolver: Resolver
    own: OwnAddresses
    queues: WorkQueues
    clock: Clock
