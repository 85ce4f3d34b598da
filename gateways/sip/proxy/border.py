"""What the proxy needs of the parts below it: transactions, listening points, the resolver, time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sipmessage import URI, Request, Response, Via

from gateways.sip.addresses import Hop, ListeningPoint
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.transactions.users import ClientTransaction, ClientUser


class Layer(Protocol):
    """The transactions."""

    def request(self, request: Request, hop: Hop, user: ClientUser) -> ClientTransaction:
        """Send a request, our Via on top of it; `user` is told what comes of it."""

    def send(self, message: Request | Response, hop: Hop) -> None:
        """Send a message without a transaction."""


class ProxyLayer(Layer, Protocol):
    """The transactions of a proxy."""

    def pass_on(self, response: IncomingResponse, via: Via, hop: Hop) -> None:
        """Send a response on to who sent a request to another control node: `via` is on top of it and leads to `hop`.

        The failure of an INVITE is repeated until its ACK comes, and that ACK is absorbed.
        """


class Sockets(Protocol):
    """The listening points, open already."""

    @property
    def locals(self) -> Sequence[ListeningPoint]:
        """All of them."""

    def local_for(self, hop: Hop) -> ListeningPoint | None:
        """Return the one that a message to `hop` leaves from, None if there is none of its transport and family."""


class Resolver(Protocol):
    """Where URIs lead (RFC 3263)."""

    def numeric(self, uri: URI) -> list[Hop] | None:
        """Return the hops of a URI for which nobody needs to be asked; None for others."""

    async def resolve(self, uri: URI) -> list[Hop]:
        """Return the hops of a URI in the order in which they are to be tried; none if there are none."""


async def hops_to(uri: URI, resolver: Resolver) -> list[Hop]:
    """Return the hops to be tried for a URI. Addresses that are in it as numbers cost no task switch."""
    hops = resolver.numeric(uri)
    return await resolver.resolve(uri) if hops is None else list(hops)


class TimerHandle(Protocol):
    """Something that is to happen later."""

    def cancel(self) -> None:
        """Cancel it."""


class Clock(Protocol):
    """What makes things happen later: an event loop."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> TimerHandle:
        """Call back after so many seconds."""
