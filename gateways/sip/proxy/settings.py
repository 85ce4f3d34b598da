"""How the proxy is set up, and what it has counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from events.histogram import Histogram
from gateways.sip.transactions.counters import counted_method


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """How the proxy is set up. Times are in seconds.

    aliases: hosts, or hosts with ports, that stand for us in Routes beside the listening points; a host without port
    does so with any. second_record_routes: the sent-by's of other control nodes, whose Record-Routes are put beside
    ours; in Routes they stand for us, too. supported: the option tags, in lower case, of Proxy-Require that what is
    behind the hooks understands. timer_c: how long an INVITE may ring (RFC 3261 16.6 step 11: more than 180).
    max_branches: of one request, over all forks. max_setups: initial INVITEs that were taken and have not left yet.
    max_delay: how long messages may wait to be read; while they wait for longer, no new requests are taken.
    max_contexts: requests in work. max_loose: ACKs and stray responses in work. retry_after: what those who came too
    many are told, at least; at most twice as much.
    """

    aliases: Sequence[str] = ()
    second_record_routes: Sequence[str] = ()
    supported: frozenset[str] = frozenset()
    timer_c: float = 190.0
    max_branches: int = 64
    max_setups: int = 500
    max_delay: float = 0.1
    max_contexts: int = 50_000
    max_loose: int = 10_000
    retry_after: int = 5


@dataclass(slots=True)
class ProxyCounters:
    """Counters of the proxy since its start.

    requests: those taken, ACKs not counted. refused: answered for a fault that RFC 3261 16.3 finds. overloaded:
    answered with 503 for too much to do, or for the end being near. branches: requests sent, failovers counted.
    failovers: to another address of the same target. cancelled: requests that the client gave up. acks, strays: those
    forwarded. dropped: ACKs and stray responses that were not. failures: faults of hooks, and of the proxy itself.
    forwarding: how long it took until a request left for its first target, in seconds, by method.
    """

    requests: int = 0
    refused: int = 0
    overloaded: int = 0
    branches: int = 0
    failovers: int = 0
    cancelled: int = 0
    acks: int = 0
    strays: int = 0
    dropped: int = 0
    failures: int = 0
    forwarding: dict[str, Histogram] = field(default_factory=dict)

    def forwarded(self, method: str, took: float) -> None:
        """Count a request that left so many seconds after it had come."""
        method = counted_method(method)
        seconds = self.forwarding.get(method)
        if seconds is None:
            seconds = self.forwarding[method] = Histogram()
        seconds.observe(took)
