"""The proxy as a whole: takes what the transactions have for it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence

import structlog

from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.proxy.backlog import Backlog
from gateways.sip.proxy.border import Clock, ProxyLayer, Resolver, Sockets
from gateways.sip.proxy.checks import Fingerprints, fault_of
from gateways.sip.proxy.context import Context
from gateways.sip.proxy.contexts import Contexts
from gateways.sip.proxy.dependencies import ProxyDependencies
from gateways.sip.proxy.forwarding import arrival_of
from gateways.sip.proxy.hooks import Answer, RefusalError, Router
from gateways.sip.proxy.refusals import refusal_for, reply_with
from gateways.sip.proxy.settings import ProxyCounters, ProxySettings
from gateways.sip.proxy.stateless import Stateless
from gateways.sip.proxy.upstream import Upstream
from gateways.sip.proxy.work_queues import WorkQueue, WorkQueues
from gateways.sip.rules.own_routes import OwnAddresses
from gateways.sip.transactions.users import ServerTransaction

log = structlog.get_logger(bounded=True)


class Proxy:
    """A stateful, forking, record-routing proxy (RFC 3261 16). A transactions.users.TransactionUser.

    `router` decides where requests go. It is to be opened, with what it sends by, before the first message comes.
    `backlog` has gauges, which are to be told how long messages wait; of those that wait too long, only what belongs
    to a dialog is taken.
    """

    def __init__(self, router: Router, settings: ProxySettings) -> None:
        self.counters = ProxyCounters()
        self._router, self._settings = router, settings
        self._fingerprints = Fingerprints()
        self.backlog = Backlog(settings.max_delay)
        self._contexts = Contexts(settings, self.backlog)
        self._queues = WorkQueues()
        self._means: ProxyDependencies
        self._stateless: Stateless

    def open(self, layer: ProxyLayer, sockets: Sockets, resolver: Resolver, clock: Clock | None = None) -> None:
        """Begin. sockets: open already, so that we know which addresses are ours. clock: else the running loop."""
        settings = self._settings
        self._means = ProxyDependencies(
            settings=settings,
            counters=self.counters,
            router=self._router,
            layer=layer,
            sockets=sockets,
            resolver=resolver,
            own=OwnAddresses(sockets.locals, (*settings.aliases, *settings.second_record_routes)),
            queues=self._queues,
            clock=clock or asyncio.get_running_loop(),
        )
        self._stateless = Stateless(self._means, self._fingerprints)

    @property
    def contexts(self) -> int:
        """How many requests are in work."""
        return len(self._contexts)

    @property
    def setups(self) -> int:
        """How many of them are initial INVITEs that have not left yet."""
        return self._contexts.setups

    async def close(self, grace: float) -> None:
        """Begin no more dialogs, wait up to `grace` seconds for what is in work, and forget the rest."""
        self._contexts.closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._contexts.empty()
                await self._queues.idle()
        self._contexts.abort()
        await self._queues.stop()

    # -- what the transactions tell --

    def refuses(self, request: IncomingRequest) -> Sequence[tuple[str, str]] | None:
        """Refuse a request for which there is no room."""
        if self._contexts.has_room_for(request):
            return None
        self.counters.overloaded += 1
        log.warning("sip request refused with 503", call_id=request.call_id, closing=self._contexts.closing)
        least = self._settings.retry_after
        return (("Retry-After", str(random.randint(least, 2 * least))),)

    def asked_about(self, request: IncomingRequest, answer: Callable[[bool], None]) -> None:
        """Ask the router about a request's dialog."""
        WorkQueue(self._queues).add(self._ask_about, request, answer)

    def request_came(self, transaction: ServerTransaction) -> None:
        """Handle a request."""
        self.counters.requests += 1
        try:
            self._take(transaction)
        except Exception as error:
            refusal = refusal_for(error, "request", transaction.request, self.counters)
            _refuse(transaction, refusal)

    def ack_came(self, ack: IncomingRequest) -> None:
        """Forward an ACK for a 2xx, or for nothing that is known."""
        self._stateless.ack_came(ack)

    def cancel_came(self, transaction: ServerTransaction, cancel: IncomingRequest) -> None:
        """Cancel an INVITE that its client gives up. The Reason that it gives goes on to the branches (RFC 3326)."""
        context = self._contexts.find(transaction)
        if context is not None:
            context.cancel(", ".join(cancel.message.headers.getlist("Reason")))

    def stray_cancel_came(self, cancel: IncomingRequest, answer: Callable[[bool], None]) -> None:
        """Handle a CANCEL of an INVITE that no transaction knows."""
        self._stateless.cancel_came(cancel, answer)

    def stray_response_came(self, response: IncomingResponse) -> None:
        """Handle a response that no transaction knows."""
        self._stateless.response_came(response)

    # -- requests --

    async def _ask_about(self, request: IncomingRequest, answer: Callable[[bool], None]) -> None:
        known = False
        try:
            known = await self._router.knows(arrival_of(request, self._means.own))
        except Exception:
            log.exception("sip dialog not looked up", call_id=request.call_id)
        finally:
            answer(known)

    def _take(self, transaction: ServerTransaction) -> None:
        incoming = transaction.request
        fingerprint = self._fingerprints.of(incoming)
        fault = fault_of(incoming, fingerprint, self._settings.supported)
        if fault is not None:
            self.counters.refused += 1
            _refuse(transaction, fault)
            return
        arrival = arrival_of(incoming, self._means.own)
        context = Context(self._means, self._contexts, transaction, arrival, fingerprint)
        self._contexts.add(context)
        context.start()


def _refuse(transaction: ServerTransaction, said: Answer | RefusalError) -> None:
    Upstream(transaction).end(reply_with(transaction.request, said))
