"""The SIP door but for its sockets, over the actors, fake relays and the virtual clock of a cluster.

What parties send goes in as bytes, and all that the door sends comes out as bytes: nothing leaves another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sipmessage import URI, Request, Response

from events.names import NO_TAG, Tag
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.calls.client import CallClient
from gateways.sip.dialogs.hops import Hops
from gateways.sip.dialogs.requests import DialogRequests
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.reading import read
from gateways.sip.messages.replies import reply_to
from gateways.sip.proxy.core import Proxy
from gateways.sip.proxy.settings import ProxySettings
from gateways.sip.routing.router import CallRouter
from gateways.sip.script.script import DefaultScript, Routing
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transactions.timers import Timers
from tests.actors.simulation import Cluster

HERE = ListeningPoint(SipTransport.UDP, "198.18.0.1", 5060, "198.18.0.1", 5060)
CALLER = Hop(SipTransport.UDP, "198.51.100.1", 5060, HERE)
CALLEE = Hop(SipTransport.UDP, "203.0.113.1", 5060, HERE)
ROUTE = "<sip:198.18.0.1;lr;rl>"

Incoming = IncomingRequest | IncomingResponse


class Network:
    """One listening point, and addresses that are numbers."""

    locals: Sequence[ListeningPoint] = (HERE,)

    def local_for(self, _hop: Hop) -> ListeningPoint:
        return HERE

    def connected(self, _hop: Hop) -> bool:
        return False

    def numeric(self, uri: URI) -> list[Hop]:
        return [Hop(SipTransport.UDP, uri.host, uri.port or 5060, HERE)]

    async def resolve(self, uri: URI) -> list[Hop]:
        return self.numeric(uri)


class WholeDoor:
    """A door at one of a cluster's control nodes."""

    def __init__(
        self, cluster: Cluster, place: int = 0, engine: str = "rtpengine", script: Routing | None = None
    ) -> None:
        self.cluster, self.place = cluster, place
        self.sent: list[tuple[Incoming, Hop]] = []
        self._number = 1000 * place
        node, network, script = cluster.nodes[place], Network(), script or DefaultScript(engine)
        router = CallRouter(script, CallClient(node.directory, cluster.loop.now_ms))
        self.proxy = Proxy(router, ProxySettings())
        self._layer = TransactionLayer(self._send, self.proxy, timers=Timers(), loop=cluster.loop)
        requests = DialogRequests(self._layer, Hops(network, network), routing=script)
        router.open(requests)
        node.outlet.sender = requests.signal
        self.proxy.open(self._layer, network, network, cluster.loop)

    def receive(self, message: Request | Response | bytes, hop: Hop, within: float = 0.05) -> list[Incoming]:
        """Have a message come over a hop, and give what the door sends then."""
        before = len(self.sent)

        async def take() -> None:
            self._layer.receive(bytes(message), hop)

        self.cluster.run(take())
        self.cluster.after(within)
        return [sent for sent, _ in self.sent[before:]]

    def _send(self, data: bytes, hop: Hop, failed: Any = None) -> None:  # noqa: ARG002
        self.sent.append((read(data, hop), hop))

    def request(
        self,
        method: str,
        *,
        by_callee: bool = False,
        cseq: int = 1,
        tag: Tag = NO_TAG,
        body: bytes = b"",
        kind: str = "application/sdp",
        routed: bool = True,
        callers_tag: Tag = Tag("tC"),
        route: str = ROUTE,
    ) -> bytes:
        """Make a request; `tag` is the callee's, "" outside of a dialog."""
        self._number += 1
        hop, other = (CALLEE, CALLER) if by_callee else (CALLER, CALLEE)
        caller, callee = f"<sip:alice@example.com>;tag={callers_tag}", f"<sip:bob@example.com>{tag and f';tag={tag}'}"
        lines = [
            f"{method} sip:user@{other.host} SIP/2.0",
            f"Via: SIP/2.0/UDP {hop.host};branch=z9hG4bK{self._number}",
            *([f"Route: {route}"] if tag and routed else []),
            f"From: {callee if by_callee else caller}",
            f"To: {caller if by_callee else callee}",
            f"Call-ID: c\r\nCSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:user@{hop.host}>",
            *([f"Content-Type: {kind}"] if body and kind else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


def response_to(
    request: IncomingRequest,
    code: int,
    *,
    tag: Tag = NO_TAG,
    body: bytes = b"",
    kind: str = "application/sdp",
    reliable: bool = False,
) -> bytes:
    """Make a response to a request as the door has sent it."""
    headers = [("Contact", f"<sip:user@{request.hop.host}>")]
    headers += [("Require", "100rel"), ("RSeq", "1")] if reliable else []
    headers += [("Content-Type", kind)] if body and kind else []
    response = reply_to(request.message, code, to_tag=tag, headers=headers)
    response.body = body
    response.headers.set("Content-Length", str(len(body)))
    return bytes(response)
