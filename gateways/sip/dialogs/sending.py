"""A request of our own on its way: address after address, each in a client transaction, and the ACK for its 2xx."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TypeAlias

from sipmessage import Request

from actors.sip_requests import DialogRequest
from events.values import value
from gateways.sip.addresses import Hop
from gateways.sip.dialogs.exchange import End, RequestExchange
from gateways.sip.dialogs.hops import Hops
from gateways.sip.dialogs.making import ack_of, request_for, sent_from
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.messages.uris import read_uri
from gateways.sip.proxy.border import Layer
from gateways.sip.rules.route_set import Path, path
from gateways.sip.transactions.users import TransactionFailure

Change: TypeAlias = Callable[[Request], Awaitable[None]]
"""Changes a request before it leaves."""

Spawn: TypeAlias = Callable[[Coroutine[None, None, None]], object]
"""Starts something that nobody waits for."""


@value
class _Made:
    asked: DialogRequest
    way: Path
    request: Request


class Sender:
    """Sends requests. patience: seconds for all addresses of one together. grace: for a cancelled INVITE."""

    def __init__(self, layer: Layer, hops: Hops, spawn: Spawn, *, patience: float, grace: float) -> None:
        self._layer, self._hops, self._spawn = layer, hops, spawn
        self._patience, self._grace = patience, grace

    async def send(self, asked: DialogRequest, change: Change) -> End:
        """Send a request and wait for its end. Raises ValueError if it has a URI that cannot be read."""
        until = asyncio.get_running_loop().time() + self._patience
        made = _make(asked)
        await change(made.request)
        return await self._try_each(made, await self._hops.towards(made.way.next_hop, asked), until)

    async def acknowledge(self, ack: DialogRequest) -> None:
        """Send an ACK, once. Raises ValueError if it has a URI that cannot be read."""
        made = _make(ack)
        for hop in (await self._hops.towards(made.way.next_hop, ack))[:1]:
            self._send_ack(made.request, hop)

    # -- address after address --

    async def _try_each(self, made: _Made, hops: Sequence[Hop], until: float) -> End:
        """Go on to the next address where one fails (RFC 3263 4.3); each has its share of the time that is left."""
        time = asyncio.get_running_loop().time
        ends: list[End] = []
        for number, hop in enumerate(hops):
            share = (until - time()) / (len(hops) - number)
            end = await self._try_one(made, hop, share, until)
            if isinstance(end, IncomingResponse) and end.status != 503:
                return end
            ends.append(end)
        return min(ends, key=_how_little_it_says, default=TransactionFailure.TRANSPORT)

    async def _try_one(self, made: _Made, hop: Hop, share: float, until: float) -> End:
        request = self._addressed(made.request, hop)
        if request is None:
            return TransactionFailure.TRANSPORT
        exchange = RequestExchange(partial(self._accepted, made, hop))
        transaction = self._layer.request(request, hop, exchange)
        end = await exchange.ended(share)
        if end is None and exchange.heard:
            end = await exchange.ended(until - asyncio.get_running_loop().time())
        if end is None and request.method == "INVITE":
            transaction.cancel()
            end = await exchange.ended(self._grace) if exchange.heard else None
        return end or TransactionFailure.TIMEOUT

    def _addressed(self, request: Request, hop: Hop) -> Request | None:
        local = self._hops.local_for(hop)
        return None if local is None else sent_from(request, local)

    # -- the ACK of a 2xx --

    def _accepted(self, made: _Made, hop: Hop, exchange: RequestExchange, response: IncomingResponse) -> None:
        ack = _make(ack_of(made.asked, response.message))
        if ack.way.next_hop == made.way.next_hop:
            exchange.acknowledge_with(partial(self._send_ack, ack.request, hop))
        else:
            self._spawn(self._acknowledge_elsewhere(ack, exchange))

    async def _acknowledge_elsewhere(self, ack: _Made, exchange: RequestExchange) -> None:
        for hop in (await self._hops.towards(ack.way.next_hop, ack.asked))[:1]:
            exchange.acknowledge_with(partial(self._send_ack, ack.request, hop))

    def _send_ack(self, ack: Request, hop: Hop) -> None:
        request = self._addressed(ack, hop)
        if request is not None:
            self._layer.send(request, hop)


def _make(asked: DialogRequest) -> _Made:
    way = path(read_uri(asked.target), asked.routes)
    return _Made(asked, way, request_for(asked, way))


def _how_little_it_says(end: End) -> int:
    if isinstance(end, IncomingResponse):
        return 0
    return 1 if end is TransactionFailure.TIMEOUT else 2
