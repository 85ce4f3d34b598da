"""One branch of a request, from the hook that sees it leave to its final response (RFC 3261 16.6 to 16.10)."""

from __future__ import annotations

from typing import Any, Protocol

from sipmessage import Response

from gateways.sip.addresses import Hop, ListeningPoint
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.messages.making import copy_request
from gateways.sip.messages.replies import reply_to
from gateways.sip.messages.values import take_first
from gateways.sip.proxy.border import TimerHandle, hops_to
from gateways.sip.proxy.dependencies import ProxyDependencies
from gateways.sip.proxy.forwarding import Marks, forwarded, next_hop
from gateways.sip.proxy.hooks import ProxyTarget, ReceivedRequest, RequestHooks
from gateways.sip.proxy.refusals import reason_of
from gateways.sip.proxy.work_queues import Work, WorkQueue
from gateways.sip.transactions.users import ClientTransaction, TransactionFailure

_RANG_TOO_LONG = reason_of(408, "No answer in time")
_MOST_WAITING = 64
_BROKE = reason_of(500, "Server Internal Error")


class Fork(Protocol):
    """What a branch is one of: the response context."""

    means: ProxyDependencies
    arrival: ReceivedRequest
    passage: RequestHooks
    marks: Marks

    def hold(self) -> None:
        """Count something under way that will need the context: a transaction, or queued work."""

    def release(self) -> None:
        """Count the end of something that `hold` counted."""

    def has_left(self) -> None:
        """Record that a branch was sent."""

    def progressed(self, response: Response) -> None:
        """Handle a provisional response."""

    async def ended(self, branch: ForkedBranch, response: Response) -> None:
        """Handle a final response: the first of the branch, or a further 2xx to an INVITE."""

    async def refused(self, branch: ForkedBranch, response: Response, error: Exception) -> None:
        """Handle what the request hooks raised for a response."""

    async def broke(self, branch: ForkedBranch, error: Exception) -> None:
        """Handle what was raised for a branch: it has ended."""


class ForkedBranch:
    """A branch. What happens to it is told to its context in its own work queue, one thing after the other.

    It is over when a final response has come, or was made for want of one; after that only a 2xx is taken (a callee may
    answer just when it is cancelled). It has ended, a little later, when the passage and the context have seen that.
    """

    def __init__(self, context: Fork, index: int, target: ProxyTarget) -> None:
        self.index, self.target = index, target
        self.request = forwarded(context.arrival.request, target)
        self.source: Hop | None = None
        self.ended = False
        self._unmarked = self.request
        self._context, self._means = context, context.means
        self._queue = WorkQueue(self._means.queues)
        self._is_invite = self.request.method == "INVITE"
        self._hops: list[Hop] = []
        self._transaction: ClientTransaction | None = None
        self._timer: TimerHandle | None = None
        self._heard = self._stopped = self._over = False

    def start(self) -> None:
        """Start sending it."""
        self._add(self._leave)

    def stop(self, reason: str) -> None:
        """End it soon: an INVITE that has left is cancelled, what has not left stays here."""
        if self._stopped or self._over:
            return
        self._stopped = True
        if self._transaction is not None and self._is_invite:
            self._stop_timer()  # from here on the transaction ends this (9.1)
            self._transaction.cancel(reason)

    def abort(self) -> None:
        """Forget all about it."""
        self._over = True
        self._stop_timer()
        if self._transaction is not None:
            self._transaction.forget()

    def _add(self, work: Work, *args: Any) -> None:
        self._context.hold()
        self._queue.add(self._do, work, *args)

    async def _do(self, work: Work, *args: Any) -> None:
        try:
            await work(*args)
        except Exception as error:
            await self._failed(error)
        finally:
            self._context.release()

    # -- leaving --

    async def _leave(self) -> None:
        if self._stopped:
            self._over = True
            await self._context.ended(self, self._reply(487))
            return
        await self._context.passage.branch_leaves(self)
        self._hops = await hops_to(next_hop(self.request, self.target), self._means.resolver)
        self._unmarked = self.request
        await self._send()

    async def _send(self) -> None:
        """Send it to the next hop that we have a listening point for."""
        if self._over:
            return
        while self._hops and not self._stopped:
            hop = self._hops.pop(0)
            local = hop.local or self._means.sockets.local_for(hop)
            if local is not None:
                self._send_to(hop.leaving(local), local)
                return
        self._make(487 if self._stopped else 503)

    def _send_to(self, hop: Hop, local: ListeningPoint) -> None:
        self.request = copy_request(self._unmarked) if self._hops else self._unmarked
        self._context.marks.put_on(self.request, local, self.index)
        self._heard = False
        if self._transaction is None:
            self._restart_timer_c()
        self._means.counters.branches += 1
        self._transaction = self._means.layer.request(self.request, hop, self)
        self._context.hold()
        self._context.has_left()

    def _try_next(self) -> None:
        self._means.counters.failovers += 1
        self._add(self._send)

    # -- what comes of it --

    def response_came(self, response: IncomingResponse) -> None:
        """Handle a response (16.7)."""
        self._heard = True
        code = response.status
        if not self._is_wanted(code):
            return
        if code == 503 and self._hops and not self._stopped:
            self._try_next()
            return
        if code < 200:
            self._restart_timer_c()
        else:
            self._end_waiting()
        take_first(response.message.headers, "Via")
        self._add(self._came, response.message, response.hop)

    def _is_wanted(self, code: int) -> bool:
        """Whether a response matters. While many wait already, only the final one of the branch does."""
        if code >= 200 and not self._over:
            return True
        is_further = self._is_invite and 200 <= code < 300 if self._over else code > 100
        return is_further and self._queue.waiting < _MOST_WAITING

    def transaction_failed(self, failure: TransactionFailure) -> None:
        """Handle the end without a response: try the next hop if this one never answered (16.9)."""
        if self._over:
            return
        if self._hops and not self._heard and not self._stopped:
            self._try_next()
        else:
            self._make(408 if failure is TransactionFailure.TIMEOUT else 503)

    def transaction_over(self) -> None:
        """Handle the end of one of its transactions."""
        self._context.release()

    def _make(self, code: int) -> None:
        """Go on as if this final response had come."""
        self._end_waiting()
        self._add(self._came, self._reply(code), self.source)

    def _reply(self, code: int) -> Response:
        return reply_to(self._context.arrival.incoming.message, code)

    def _end_waiting(self) -> None:
        self._over = True
        self._stop_timer()

    async def _came(self, response: Response, source: Hop | None) -> None:
        self.source = source
        try:
            changed = await self._context.passage.response_came(self, response)
        except Exception as error:
            await self._context.refused(self, response, error)
            return
        if response.code >= 200:
            await self._context.ended(self, changed or response)
        elif changed is not None:
            self._context.progressed(changed)

    async def _failed(self, error: Exception) -> None:
        self.stop(_BROKE)
        self._end_waiting()
        await self._context.broke(self, error)

    # -- timers --

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _restart_timer_c(self) -> None:
        self._stop_timer()
        if self._is_invite and not self._stopped:
            self._timer = self._means.clock.call_later(self._means.settings.timer_c, self._timer_c_fired)

    def _timer_c_fired(self) -> None:
        """Cancel what rang for too long; if it did not even ring, go on without it (16.8)."""
        heard = self._heard
        self.stop(_RANG_TOO_LONG)
        if not heard:
            self._make(408)
