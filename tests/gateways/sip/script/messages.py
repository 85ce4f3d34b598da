"""Messages as the proxy hands them to scripts, without a proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sipmessage import Request as SipRequest
from sipmessage import Response as SipResponse

from events.names import Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.calls.settings import CallSettings
from gateways.sip.messages.incoming import IncomingRequest
from gateways.sip.messages.making import copy_request
from gateways.sip.messages.reading import read
from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.hooks import ProxyTarget, ReceivedRequest
from gateways.sip.script.branch_views import Branch, Failure, Reply
from gateways.sip.script.script import Script
from gateways.sip.script.views import Request
from replay.relay_settings import CALLER

LOCAL = ListeningPoint(SipTransport.UDP, "192.0.2.9", 5060, "proxy.example.org", 5060)
SOURCE = Hop(SipTransport.UDP, "198.51.100.7", 4711, LOCAL)
CALLEES_SOURCE = Hop(SipTransport.UDP, "198.51.100.8", 4712, LOCAL)


def text(
    method: str = "INVITE",
    *,
    uri: str = "sip:bob@example.org",
    to_tag: str = "",
    from_tag: str = "tC",
    headers: tuple[str, ...] = ("Contact: <sip:alice@10.0.0.1:5062;ob>",),
    body: str = "",
) -> bytes:
    lines = [
        f"{method} {uri} SIP/2.0",
        "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1",
        "Max-Forwards: 70",
        f'From: "Alice" <sip:alice@example.org>;tag={from_tag}',
        f"To: <sip:bob@example.org>{f';tag={to_tag}' if to_tag else ''}",
        "Call-ID: call-1",
        f"CSeq: 7 {method}",
        *headers,
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def arrival(data: bytes, source: Hop = SOURCE) -> ReceivedRequest:
    incoming = read(data, source)
    assert isinstance(incoming, IncomingRequest)
    return ReceivedRequest(incoming, copy_request(incoming.message), None, answerable=incoming.method != "ACK")


def request(
    data: bytes | None = None,
    settings: CallSettings | None = None,
    *,
    sender: str = CALLER,
    source: Hop = SOURCE,
) -> Request:
    return Request(arrival(data or text(), source), settings or CallSettings(), sender=sender)


@dataclass
class Fork:
    """A branch as the proxy has it."""

    index: int = 0
    target: ProxyTarget = field(default_factory=lambda: ProxyTarget(arrival(text()).request.uri))
    request: SipRequest = field(default_factory=lambda: copy_request(arrival(text()).request))
    source: Hop | None = None


def fork(target: ProxyTarget, index: int = 0) -> Fork:
    copy = copy_request(arrival(text()).request)
    copy.uri = target.uri
    return Fork(index, target, copy)


def branch(of: Request, index: int = 0) -> Branch:
    return Branch(Fork(index), of)


def response(code: int = 200, *, to_tag: str = "tA", contact: str = "<sip:bob@10.0.0.2>") -> SipResponse:
    incoming = arrival(text()).incoming
    return reply_to(incoming.message, code, to_tag=Tag(to_tag), headers=[("Contact", contact)])


def reply(of: Request, code: int = 200, index: int = 0, source: Hop | None = CALLEES_SOURCE) -> Reply:
    return Reply(response(code), Branch(Fork(index, source=source), of))


def failure(of: Request, code: int, *statuses: int) -> Failure:
    return Failure(of, response(code), dict(enumerate(statuses or (code,))))


def script(folder: Path, code: str, *, timeout: float = 10.0) -> Script:
    path = folder / "routing.py"
    path.write_text("from rtp_relay.routing import *\n" + code)
    return Script.load(path, timeout=timeout)
