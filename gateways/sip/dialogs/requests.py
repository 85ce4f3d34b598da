"""Requests of our own within a dialog of others: what the calls' flows want sent, and what comes of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog
from sipmessage import Request, Response

from actors.sip_requests import DialogRequest, SipOutcome
from gateways.sip.addresses import Hop
from gateways.sip.dialogs.exchange import End
from gateways.sip.dialogs.hops import Hops
from gateways.sip.dialogs.making import ends_of
from gateways.sip.dialogs.sending import Sender
from gateways.sip.proxy.border import Layer
from gateways.sip.rules.contacts import contact_of
from gateways.sip.script.branch_views import Local
from gateways.sip.script.script import ScriptFailure
from gateways.sip.transactions.users import TransactionFailure

log = structlog.get_logger(bounded=True)

_T = TypeVar("_T")
_SECONDS = re.compile(r"\s*(\d{1,9})")
_TOO_MANY = SipOutcome(0, "too many requests of our own are under way", reached=False)
_CLOSED = SipOutcome(0, "the SIP door was closed", reached=False)
_BROKEN = SipOutcome(0, "it could not be sent for a fault of ours", reached=False)


class LocalRouting(Protocol):
    """Who may change requests of our own before they leave: the routing script."""

    async def local(self, view: Local) -> None:
        """Change a request. Raises ScriptFailure, and then has left it as it was."""


class DialogRequests:
    """Sends requests of our own. `signal` is a SipSender (actors.sip_requests).

    routing: it may be set to another one at any time. max_in_flight: so many requests at a time. patience: seconds
    that a request has to be answered; an INVITE to which there were only provisional responses is then cancelled, and
    has `grace` seconds more to end.
    """

    def __init__(
        self,
        layer: Layer,
        hops: Hops,
        *,
        routing: LocalRouting | None = None,
        max_in_flight: int = 1000,
        patience: float = 35.0,
        grace: float = 4.0,
    ) -> None:
        self._sender = Sender(layer, hops, self._spawn, patience=patience, grace=grace)
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.routing = routing

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return self._in_flight

    def signal(self, asked: DialogRequest, callback: Callable[[SipOutcome], None]) -> None:
        """Send a request, and call back once, later. A 2xx to an INVITE is acknowledged by us, and its repeats are.

        Without any usable address, and where too many are under way, the outcome is one that was not reached.
        """
        if self._in_flight >= self._max_in_flight:
            asyncio.get_running_loop().call_soon(callback, _TOO_MANY)
        else:
            self._in_flight += 1
            self._start(self._carry_out(asked)).add_done_callback(partial(self._tell, callback))

    async def abandon(
        self, invite: Request, response: Response, source: Hop | None = None, *, ends: bool = True
    ) -> None:
        """End a dialog that nobody upstream will hear of: send the ACK for its 2xx, and a BYE (RFC 3261 15).

        invite: as we forwarded it. response: its 2xx, our Via gone already; it came from `source`, None if unknown.
        ends: False if somebody else sees to the BYE.
        """
        try:
            ack, bye = ends_of(invite, response, source)
            await self._sender.acknowledge(ack)
        except ValueError as error:
            log.warning("abandoned sip dialog not ended", call=invite.headers.get("Call-ID"), why=str(error))
        else:
            if ends:
                self.signal(bye, partial(_tell_unless_ended, bye))

    async def acknowledge(self, ack: DialogRequest) -> None:
        """Send the ACK of a 2xx to an INVITE of ours whose transaction is gone, with who began it."""
        try:
            await self._sender.acknowledge(ack)
        except ValueError as error:
            log.warning("2xx not acknowledged", call=ack.call_id, why=str(error))

    async def close(self) -> None:
        """Cancel the requests under way; those who wait are called back."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, work: Coroutine[None, None, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._start(work).add_done_callback(_failed)

    async def _carry_out(self, asked: DialogRequest) -> SipOutcome:
        try:
            return _outcome(await self._sender.send(asked, partial(self._change, asked)))
        except ValueError as error:
            return SipOutcome(0, f"{asked.target}: {error}", reached=False)

    def _tell(self, callback: Callable[[SipOutcome], None], task: asyncio.Task[SipOutcome]) -> None:
        # Not in the task itself: one that is cancelled before its first turn does nothing at all.
        self._in_flight -= 1
        if task.cancelled():
            callback(_CLOSED)
        else:
            callback(_BROKEN if _failed(task) else task.result())

    async def _change(self, asked: DialogRequest, request: Request) -> None:
        if self.routing is None:
            return
        try:
            await self.routing.local(Local(request, asked.to_leg))
        except ScriptFailure as failure:
            # It goes as it was: a call that has to end ends, whatever its script does.
            log.error("routing script failed", why=str(failure), call=asked.call_id)


def _failed(task: asyncio.Task[_T]) -> bool:
    """Return whether a task has met with a fault of ours, and log that."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("sip request of our own failed", exc_info=error)
    return error is not None


def _outcome(end: End) -> SipOutcome:
    if isinstance(end, TransactionFailure):
        return SipOutcome(0, end, reached=end is TransactionFailure.TIMEOUT)
    response = end.message
    retry_after = _SECONDS.match(response.headers.get("Retry-After") or "")
    return SipOutcome(
        status=response.code,
        reason=response.phrase,
        body=response.body,
        contact=contact_of(response),
        retry_after=int(retry_after[1]) if retry_after else 0,
    )


def _tell_unless_ended(bye: DialogRequest, outcome: SipOutcome) -> None:
    if not 200 <= outcome.status < 300 and outcome.status != 481:
        log.warning("abandoned sip dialog not ended", call=bye.call_id, status=outcome.status, why=outcome.reason)
