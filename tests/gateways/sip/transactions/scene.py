"""A transaction layer in virtual time, with users and a network that write down what they get."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from sipmessage import URI, Request, Response

from events.names import NO_TAG, CallId, Tag
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.replies import reply_to
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transactions.responding import ServerTransactionHandle
from gateways.sip.transactions.timers import Timers
from gateways.sip.transactions.users import ServerTransaction, TransactionFailure
from tests.gateways.sip.transactions.virtual import VirtualLoop

UDP = Hop(SipTransport.UDP, "192.0.2.1", 5060)
TCP = Hop(SipTransport.TCP, "192.0.2.1", 40_000)


def request_text(
    method: str = "INVITE",
    *,
    branch: str | None = "z9hG4bKa",
    sent_by: str = "192.0.2.1:5060",
    to_tag: Tag = NO_TAG,
    cseq: int = 1,
    call_id: CallId = CallId("call"),
    hop: Hop = UDP,
) -> bytes:
    """Write a request as a peer sends it."""
    via = f"SIP/2.0/{hop.transport.upper()} {sent_by}" + ("" if branch is None else f";branch={branch}")
    lines = [
        f"{method} sip:bob@example.com SIP/2.0",
        f"Via: {via}",
        "Max-Forwards: 70",
        "From: <sip:alice@example.com>;tag=a",
        f"To: <sip:bob@example.com>{to_tag and f';tag={to_tag}'}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Contact: <sip:alice@192.0.2.1>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def own_request(method: str = "INVITE", branch: str = "z9hG4bKour") -> Request:
    """Make a request as the proxy does, ready to be sent."""
    request = Request(method, URI.parse("sip:bob@192.0.2.1"))
    for name, value in (
        ("Via", f"SIP/2.0/UDP 198.51.100.1:5060;branch={branch}"),
        ("Via", "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKdown"),
        ("Route", "<sip:192.0.2.1;lr>"),
        ("Max-Forwards", "69"),
        ("From", "<sip:alice@example.com>;tag=a"),
        ("To", "<sip:bob@example.com>"),
        ("Call-ID", "call"),
        ("CSeq", f"7 {method}"),
        ("Content-Length", "0"),
    ):
        request.headers.add(name, value)
    return request


def answer_text(request: Request, code: int, to_tag: Tag = Tag("b")) -> bytes:
    """Write a response to a request of ours as its peer sends it."""
    return bytes(reply_to(request, code, to_tag=to_tag))


def status_of(data: bytes) -> str:
    """Return what a message is in short: the method, or the status and the method that it is for."""
    lines = data.decode().split("\r\n")
    if not lines[0].startswith("SIP/2.0"):
        return lines[0].split()[0]
    cseq = next(line for line in lines if line.startswith("CSeq:"))
    return f"{lines[0].split()[1]} {cseq.split()[-1]}"


@dataclass
class Sent:
    """A message that left."""

    time: float
    data: bytes
    hop: Hop
    failed: Callable[[str], None] | None

    @property
    def status(self) -> str:
        return status_of(self.data)


@dataclass
class Caller:
    """Who has sent a request (users.ClientUser)."""

    responses: list[IncomingResponse] = field(default_factory=list)
    failures: list[TransactionFailure] = field(default_factory=list)
    over: int = 0

    def response_came(self, response: IncomingResponse) -> None:
        self.responses.append(response)

    def transaction_failed(self, failure: TransactionFailure) -> None:
        self.failures.append(failure)

    def transaction_over(self) -> None:
        self.over += 1

    @property
    def codes(self) -> list[int]:
        return [response.status for response in self.responses]


class Scene:
    """A layer, its user, its network and its time."""

    def __init__(self, max_transactions: int = 1000) -> None:
        self.loop = VirtualLoop()
        self.sent: list[Sent] = []
        self.told: list[tuple[str, str]] = []
        self.refusal: Sequence[tuple[str, str]] | None = None
        self.requests: list[ServerTransactionHandle] = []
        self.cancels = 0
        self.questions: list[tuple[str, Callable[[bool], None]]] = []
        self.layer = TransactionLayer(
            self._send, self, timers=Timers(grain=0.0), loop=self.loop, max_transactions=max_transactions
        )

    def _send(self, data: bytes, hop: Hop, failed: Callable[[str], None] | None) -> None:
        self.sent.append(Sent(self.loop.now, data, hop, failed))

    # -- what the user is told --

    def refuses(self, _request: IncomingRequest) -> Sequence[tuple[str, str]] | None:
        return self.refusal

    def asked_about(self, request: IncomingRequest, answer: Callable[[bool], None]) -> None:
        self.questions.append((request.to_tag, answer))

    def request_came(self, transaction: ServerTransaction) -> None:
        self.told.append(("request", transaction.request.method))
        self.requests.append(cast("ServerTransactionHandle", transaction))

    def ack_came(self, ack: IncomingRequest) -> None:
        self.told.append(("ack", ack.to_tag))

    def cancel_came(self, transaction: ServerTransaction, cancel: IncomingRequest) -> None:
        assert cancel.method == "CANCEL"
        self.told.append(("cancel", transaction.request.branch))

    def stray_cancel_came(self, cancel: IncomingRequest, answer: Callable[[bool], None]) -> None:
        answer(cancel.cseq == self.cancels)

    def stray_response_came(self, response: IncomingResponse) -> None:
        self.told.append(("stray", f"{response.status} {response.method}"))

    # -- shorthands --

    def receive(self, data: bytes, hop: Hop = UDP) -> None:
        self.layer.receive(data, hop)

    def respond(self, code: int, to_tag: Tag = Tag("b"), which: int = -1) -> Response:
        request = self.requests[which]
        response = reply_to(request.request.message, code, to_tag=to_tag)
        request.respond(response)
        return response

    def statuses(self) -> list[str]:
        """What left, in short, since the last time this was asked for."""
        sent, self.sent[:] = [message.status for message in self.sent], []
        return sent

    def times(self) -> list[float]:
        """When something left, since the last time this was asked for."""
        sent, self.sent[:] = [message.time for message in self.sent], []
        return sent
