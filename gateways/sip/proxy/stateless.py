"""What passes without a transaction: ACKs for 2xx, and responses that no transaction knows (RFC 3261 16.11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from sipmessage import Request

from gateways.sip.addresses import Hop
from gateways.sip.messages.hops import hop_of
from gateways.sip.messages.ids import COOKIE
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.making import ack_without_invite
from gateways.sip.messages.values import take_first
from gateways.sip.messages.vias import top_via
from gateways.sip.proxy.border import hops_to
from gateways.sip.proxy.checks import Fingerprints, fault_of
from gateways.sip.proxy.dependencies import ProxyDependencies
from gateways.sip.proxy.forwarding import arrival_of, forwarded, next_hop, put_via
from gateways.sip.proxy.hooks import Forwarding, ProxyTarget, RefusalError
from gateways.sip.proxy.work_queues import WorkQueue

log = structlog.get_logger(bounded=True)


@dataclass(slots=True)
class AckBranch:
    """The one branch of an ACK."""

    index: int
    target: ProxyTarget
    request: Request
    source: Hop | None = None


class Stateless:
    """Forwards ACKs and stray responses, each on its own; what cannot go on is dropped."""

    def __init__(self, means: ProxyDependencies, fingerprints: Fingerprints) -> None:
        self._means, self._fingerprints = means, fingerprints
        self._in_work = 0

    def ack_came(self, ack: IncomingRequest) -> None:
        """Forward an ACK, where the router wants it to go."""
        self._begin(self._ack, ack)

    def response_came(self, response: IncomingResponse) -> None:
        """Forward a response by its next Via, if it is for a request that left from here and the router wants it."""
        self._begin(self._response, response)

    def cancel_came(self, cancel: IncomingRequest, answer: Callable[[bool], None]) -> None:
        """Answer a CANCEL of an INVITE that no transaction knows, by what the router makes of it."""
        if self._in_work >= self._means.settings.max_loose:
            answer(False)
            return
        self._in_work += 1
        WorkQueue(self._means.queues).add(self._cancel, cancel, answer)

    async def _cancel(self, cancel: IncomingRequest, answer: Callable[[bool], None]) -> None:
        cancelled = False
        try:
            cancelled = await self._means.router.cancels(cancel)
        except Exception:
            self._means.counters.failures += 1
            log.exception("sip message failed", kind="CANCEL", call_id=cancel.call_id)
        finally:
            self._in_work -= 1
            answer(cancelled)

    def _begin(self, work: Callable[[Any], Awaitable[bool]], message: IncomingRequest | IncomingResponse) -> None:
        if self._in_work >= self._means.settings.max_loose:
            self._means.counters.dropped += 1
            return
        self._in_work += 1
        WorkQueue(self._means.queues).add(self._do, work, message)

    async def _do(self, work: Callable[[Any], Awaitable[bool]], message: IncomingRequest | IncomingResponse) -> None:
        try:
            went = await work(message)
        except Exception as error:
            went = False
            if not isinstance(error, RefusalError):
                self._means.counters.failures += 1
                log.exception("sip message failed", kind=type(message).__name__, call_id=message.call_id)
        finally:
            self._in_work -= 1
        if not went:
            self._means.counters.dropped += 1

    async def _ack(self, ack: IncomingRequest) -> bool:
        means = self._means
        fingerprint = self._fingerprints.of(ack)
        if fault_of(ack, fingerprint, means.settings.supported) is not None:
            return False
        arrival = arrival_of(ack, means.own, answerable=False)
        decision = await means.router.route(arrival)
        if not isinstance(decision, Forwarding) or not decision.targets:
            return False
        target = decision.targets[0]
        branch = AckBranch(0, target, forwarded(arrival.request, target))
        await decision.passage.branch_leaves(branch)
        return await self._send(branch, f"{COOKIE}{self._fingerprints.branch(ack)}.{fingerprint}")

    async def _send(self, branch: AckBranch, via_branch: str) -> bool:
        means = self._means
        for hop in await hops_to(next_hop(branch.request, branch.target), means.resolver):
            local = hop.local or means.sockets.local_for(hop)
            if local is not None:
                put_via(branch.request, local, via_branch)
                means.layer.send(branch.request, hop.leaving(local))
                means.counters.acks += 1
                return True
        return False

    async def _response(self, response: IncomingResponse) -> bool:
        means, headers = self._means, response.message.headers
        via = top_via(headers)
        if not means.own.has(via.host, via.port or response.hop.transport.default_port):
            return False
        ours = take_first(headers, "Via")
        next_via = top_via(headers) if headers.get("Via") else None
        hop = hop_of(next_via) if next_via else None
        decision = await means.router.stray(response)
        if decision.acknowledge is not None:
            means.layer.send(ack_without_invite(decision.acknowledge, ours, response.message), response.hop)
        if next_via is None or hop is None or not decision.goes_on:
            return decision.acknowledge is not None
        means.layer.pass_on(response, next_via, hop)
        means.counters.strays += 1
        return True
