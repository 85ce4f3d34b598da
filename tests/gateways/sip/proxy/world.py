"""What the tests of the proxy share: a proxy with nothing real around it, and hooks that do what a test tells them."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from sipmessage import URI, Request, Response, Via

from events.names import NO_TAG, CallId, Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.reading import read
from gateways.sip.messages.replies import reply_to
from gateways.sip.messages.uris import read_uri
from gateways.sip.proxy.core import Proxy
from gateways.sip.proxy.hooks import Answer, Forwarding, ProxyBranch, ProxyTarget, ReceivedRequest, StrayDecision
from gateways.sip.proxy.settings import ProxySettings
from gateways.sip.transactions.users import ClientUser, TransactionFailure

UDP = ListeningPoint(SipTransport.UDP, "192.0.2.1", 5060, "192.0.2.1", 5060)
TCP = ListeningPoint(SipTransport.TCP, "192.0.2.1", 5060, "192.0.2.1", 5060)
TLS = ListeningPoint(SipTransport.TLS, "192.0.2.1", 5061, "proxy.example.com", 5061)
UDP6 = ListeningPoint(SipTransport.UDP, "2001:db8::1", 5060, "2001:db8::1", 5060)
CALLER = Hop(SipTransport.UDP, "198.51.100.7", 5060, UDP)


def request(
    method: str = "INVITE",
    uri: str = "sip:bob@203.0.113.5",
    *,
    headers: Sequence[str] = (),
    hop: Hop = CALLER,
    call_id: CallId = CallId("a-call"),
    to_tag: Tag = NO_TAG,
    cseq: int = 1,
    branch: str = "z9hG4bK-caller",
) -> IncomingRequest:
    """Return a request as it came from the caller. A header that `headers` has too is theirs."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/{hop.transport.upper()} 198.51.100.7:5060;branch={branch}",
        "From: <sip:alice@example.com>;tag=tC",
        f"To: <sip:bob@example.com>{to_tag and f';tag={to_tag}'}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *([] if any(line.startswith("Max-Forwards") for line in headers) else ["Max-Forwards: 70"]),
        *headers,
        "Content-Length: 0",
    ]
    message = read(("\r\n".join(lines) + "\r\n\r\n").encode(), hop)
    assert isinstance(message, IncomingRequest)
    return message


def target(uri: str = "sip:bob@203.0.113.5", *, q: float = 1.0, next_hop: str = "") -> ProxyTarget:
    """Return a target."""
    return ProxyTarget(read_uri(uri), read_uri(next_hop) if next_hop else None, q)


@dataclass(eq=False)
class Client:
    """A request that the proxy sent, in the hands of a test that plays the next hop."""

    request: Request
    hop: Hop
    user: ClientUser
    cancels: list[str] = field(default_factory=list)
    forgotten: bool = False

    def cancel(self, reason: str = "") -> None:
        self.cancels.append(reason)

    def forget(self) -> None:
        self.forgotten = True

    def answer(self, code: int, tag: Tag = NO_TAG, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Send a response."""
        response = reply_to(self.request, code, to_tag=Tag(tag or f"t{self.hop.host}"), headers=headers)
        message = read(bytes(response), self.hop)
        assert isinstance(message, IncomingResponse)
        self.user.response_came(message)

    def fail(self, failure: TransactionFailure) -> None:
        self.user.transaction_failed(failure)

    def header(self, name: str) -> list[str]:
        return list(self.request.headers.getlist(name))


@dataclass(eq=False)
class Server:
    """A request that came, and what was answered."""

    request: IncomingRequest
    responses: list[Response] = field(default_factory=list)
    dropped: bool = False

    @property
    def answered(self) -> bool:
        return any(response.code >= 200 for response in self.responses)

    @property
    def codes(self) -> list[int]:
        return [response.code for response in self.responses]

    def respond(self, response: Response) -> None:
        assert len(response.headers.getlist("Via")) == len(self.request.message.headers.getlist("Via"))
        self.responses.append(response)

    def drop(self) -> None:
        self.dropped = True


@dataclass
class Alarm:
    at: float
    ring: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass
class Clock:
    """Time as the test has it."""

    now: float = 0.0
    alarms: list[Alarm] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Alarm:
        self.alarms.append(Alarm(self.now + delay, callback))
        return self.alarms[-1]

    @property
    def running(self) -> list[Alarm]:
        return [alarm for alarm in self.alarms if not alarm.cancelled]

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for alarm in self.running:
            if alarm.at <= self.now:
                alarm.cancelled = True
                alarm.ring()


@dataclass
class Passing:
    """A passage that writes down what it is told. Each of its functions can be replaced by a test."""

    log: list[tuple[object, ...]] = field(default_factory=list)
    further: list[list[ProxyTarget]] = field(default_factory=list)
    leaving: Callable[[ProxyBranch], Awaitable[None]] | None = None
    coming: Callable[[ProxyBranch, Response], Awaitable[Response | None]] | None = None
    failing: Callable[[Response], Awaitable[Sequence[ProxyTarget]]] | None = None
    cancelling: Callable[[], Awaitable[None]] | None = None
    abandoning: Callable[[], Awaitable[None]] | None = None

    async def branch_leaves(self, branch: ProxyBranch) -> None:
        self.log.append(("leaves", branch.index))
        if self.leaving:
            await self.leaving(branch)

    async def response_came(self, branch: ProxyBranch, response: Response) -> Response | None:
        self.log.append(("came", branch.index, response.code))
        return await self.coming(branch, response) if self.coming else response

    async def refused(self, branch: ProxyBranch, response: Response, *, ends_request: bool) -> None:
        self.log.append(("refused", branch.index, response.code, ends_request))

    async def abandoned(self, branch: ProxyBranch, response: Response) -> None:
        self.log.append(("abandoned", branch.index, response.code))
        if self.abandoning:
            await self.abandoning()

    async def all_failed(self, best: Response) -> Sequence[ProxyTarget]:
        self.log.append(("failed", best.code))
        if self.failing:
            return await self.failing(best)
        return self.further.pop(0) if self.further else []

    async def cancelled(self) -> None:
        self.log.append(("cancelled",))
        if self.cancelling:
            await self.cancelling()


Decision = Forwarding | Answer | None


@dataclass
class World:
    """A proxy with all around it under the test's control."""

    settings: ProxySettings = field(default_factory=ProxySettings)
    listening: Sequence[ListeningPoint] = (UDP, TCP, TLS, UDP6)
    names: dict[str, list[Hop]] = field(default_factory=dict)
    decide: Callable[[ReceivedRequest], Awaitable[Decision]] | None = None
    decision: Decision = None
    known: set[str] = field(default_factory=set)
    stray_goes: Callable[[IncomingResponse], StrayDecision] = lambda _: StrayDecision(goes_on=True)
    """What becomes of a stray response."""

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.passing = Passing()
        self.arrivals: list[ReceivedRequest] = []
        self.clients: list[Client] = []
        self.sent: list[tuple[Request | Response, Hop]] = []
        self.unreachable: set[str] = set()
        self.proxy = Proxy(self, self.settings)
        self.proxy.open(self, self, self, self.clock)

    # -- what the proxy sees of it --

    async def route(self, arrival: ReceivedRequest) -> Decision:
        self.arrivals.append(arrival)
        return await self.decide(arrival) if self.decide else self.decision

    async def knows(self, arrival: ReceivedRequest) -> bool:
        return arrival.incoming.to_tag in self.known

    async def cancels(self, cancel: IncomingRequest) -> bool:
        return cancel.cseq == 7

    async def stray(self, response: IncomingResponse) -> StrayDecision:
        return self.stray_goes(response)

    @property
    def locals(self) -> Sequence[ListeningPoint]:
        return self.listening

    def local_for(self, hop: Hop) -> ListeningPoint | None:
        fitting = [local for local in self.listening if local.transport is hop.transport]
        return next((local for local in fitting if (":" in local.host) == (":" in hop.host)), None)

    def numeric(self, uri: URI) -> list[Hop] | None:
        host = uri.host.strip("[]")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return None
        secure = "tls" if uri.scheme == "sips" else "udp"
        transport = SipTransport(uri.parameters.get("transport") or secure)
        return [Hop(transport, host, uri.port or transport.default_port)]

    async def resolve(self, uri: URI) -> list[Hop]:
        await asyncio.sleep(0)
        return list(self.names.get(uri.host, ()))

    def request(self, request: Request, hop: Hop, user: ClientUser) -> Client:
        client = Client(request, hop, user)
        self.clients.append(client)
        if hop.host in self.unreachable:
            user.transaction_failed(TransactionFailure.TRANSPORT)
        return client

    def pass_on(self, response: IncomingResponse, via: Via, hop: Hop) -> None:  # noqa: ARG002
        self.sent.append((response.message, hop))

    def send(self, message: Request | Response, hop: Hop) -> None:
        self.sent.append((message, hop))

    # -- what a test does with it --

    def forward(self, *targets: ProxyTarget, record_route: dict[str, str | None] | None = None) -> None:
        """Have requests forwarded to these targets from now on."""
        self.decision = Forwarding(targets or (target(),), self.passing, record_route)

    async def take(self, incoming: IncomingRequest | None = None) -> Server:
        """Have a request come."""
        server = Server(incoming or request())
        refused = self.proxy.refuses(server.request)
        if refused is None:
            self.proxy.request_came(server)
        else:
            server.respond(reply_to(server.request.message, 503, headers=refused))
        await settle()
        return server

    async def fork(self, *uris: str, incoming: IncomingRequest | None = None) -> Server:
        """Have a request come and go on to several targets at once."""
        self.forward(*(target(uri) for uri in uris))
        return await self.take(incoming)

    def cancel(self, server: Server, *headers: str) -> None:
        self.proxy.cancel_came(server, request("CANCEL", headers=headers))

    def nothing_is_left(self) -> bool:
        """Whether the proxy keeps nothing of any request."""
        return not self.proxy.contexts and not self.proxy.setups and not self.clock.running and not self.busy

    @property
    def busy(self) -> int:
        """How many queues have work."""
        return len(self.proxy._queues.busy)


async def settle() -> None:
    """Let everything go on that waits for nothing but its turn."""
    for _ in range(12):
        await asyncio.sleep(0)


A, B, C = "sip:bob@203.0.113.1", "sip:bob@203.0.113.2", "sip:bob@203.0.113.3"
"""Targets for forks."""
