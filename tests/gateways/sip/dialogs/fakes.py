"""Stand-ins for what lies below requests of our own, and the request that the tests send."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from sipmessage import URI, Request, Response

from actors.sip_requests import DialogRequest, SipOutcome
from events.names import CallId, Leg, Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.messages.incoming import IncomingResponse
from gateways.sip.messages.vias import top_branch
from gateways.sip.transactions.users import ClientUser, TransactionFailure

LOCAL = ListeningPoint(SipTransport.UDP, "127.0.0.1", 5060, "127.0.0.1", 5060)
OTHER_LOCAL = ListeningPoint(SipTransport.UDP, "127.0.0.1", 5062, "127.0.0.1", 5062)
TCP_LOCAL = ListeningPoint(SipTransport.TCP, "127.0.0.1", 5060, "127.0.0.1", 5060)


def udp(host: str, port: int = 5060, local: ListeningPoint | None = LOCAL) -> Hop:
    """Return a hop over UDP."""
    return Hop(SipTransport.UDP, host, port, local)


def asked(
    method: str = "INVITE",
    target: str = "sip:bob@192.0.2.4",
    routes: tuple[str, ...] = (),
    source: str = "",
    local: str = str(LOCAL),
) -> DialogRequest:
    """Return a request of our own to bob."""
    return DialogRequest(
        call_id=CallId("call"),
        to_leg=Leg.CALLEE,
        method=method,
        cseq=3,
        from_value="<sip:alice@example.com>;tag=a",
        to_value="<sip:bob@example.com>;tag=b",
        target=target,
        routes=routes,
        local=local,
        source=source,
    )


@dataclass
class Sent:
    """A request in a client transaction of the fake layer, to be answered by the test."""

    request: Request
    hop: Hop
    user: ClientUser
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def cancel(self, reason: str = "") -> None:  # noqa: ARG002 - the protocol's signature
        self.cancelled.set()

    def forget(self) -> None:
        raise AssertionError("a late 2xx has to be acknowledged")

    def answer(self, code: int, phrase: str = "", body: bytes = b"", **headers: str) -> None:
        """Return the user a response."""
        response = Response(code, phrase, body)
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            response.headers.setlist(name, self.request.headers.getlist(name))
        for name, text in headers.items():
            response.headers.add(name.replace("_", "-"), text)
        branch = top_branch(response.headers)
        self.user.response_came(
            IncomingResponse(response, self.hop, branch, CallId("call"), Tag("a"), Tag("b"), 3, self.request.method)
        )

    def fail(self, failure: TransactionFailure) -> None:
        """Tell the user that there is no response."""
        self.user.transaction_failed(failure)


class FakeLayer:
    """Transactions that end as the test says: `requests` in the order in which they were sent, `alone` without any."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[Sent] = asyncio.Queue()
        self.alone: asyncio.Queue[tuple[Request | Response, Hop]] = asyncio.Queue()

    def request(self, request: Request, hop: Hop, user: ClientUser) -> Sent:
        sent = Sent(request, hop, user)
        self.requests.put_nowait(sent)
        return sent

    def send(self, message: Request | Response, hop: Hop) -> None:
        self.alone.put_nowait((message, hop))


class FakeNetwork:
    """A resolver that knows `names`, listening points, and the connections that the test says there are."""

    def __init__(self, *locals: ListeningPoint) -> None:  # noqa: A002 - as the transports call it
        self.locals = list(locals or (LOCAL, OTHER_LOCAL))
        self.names: dict[str, list[Hop]] = {}
        self.connections: set[str] = set()

    def numeric(self, uri: URI) -> list[Hop] | None:
        if not uri.host[:1].isdigit():
            return None
        transport = SipTransport((uri.parameters.get("transport") or "udp").lower())
        return [Hop(transport, uri.host, uri.port or 5060)]

    async def resolve(self, uri: URI) -> list[Hop]:
        return self.names.get(uri.host, [])

    def local_for(self, hop: Hop) -> ListeningPoint | None:
        fitting = [local for local in self.locals if local.transport is hop.transport]
        if hop.local in fitting:
            return hop.local
        return fitting[0] if fitting else None

    def connected(self, hop: Hop) -> bool:
        return str(hop) in self.connections


class Outcomes:
    """A callback that may be called once."""

    def __init__(self) -> None:
        self._outcome: asyncio.Future[SipOutcome] = asyncio.get_running_loop().create_future()

    def __call__(self, outcome: SipOutcome) -> None:
        self._outcome.set_result(outcome)

    @property
    def came(self) -> bool:
        return self._outcome.done()

    async def outcome(self) -> SipOutcome:
        return await self._outcome
