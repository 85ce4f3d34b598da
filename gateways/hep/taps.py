"""Where messages are captured: as they come and go at the doors' sockets and those to the relays."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from actors.engine_actor import OpenWay
from actors.transports import Complaint, DatagramTransport, NodeTransport, Taker
from gateways.handoff.calls import call_of_ng, call_of_sip
from gateways.hep.capture import Capture, Late
from gateways.hep.packet import Address, Captured, Kind, Network
from gateways.sip.addresses import SipTransport

MAX_UNANSWERED = 4096
"""Of so many requests to a relay it is remembered whose call they are of, for their replies."""

Send = Callable[[bytes], None]


def _now() -> int:
    """Return the time, in microseconds since the epoch."""
    return time.time_ns() // 1000


class SipTap:
    """Captures the messages of the SIP door (gateways.sip.transport.settings.Tap); of TLS what is inside."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def __call__(
        self, data: bytes, transport: SipTransport, source: Address, destination: Address, leaves: bool
    ) -> None:
        """Capture a message."""
        del leaves
        network, at = Network.TCP if transport.reliable else Network.UDP, _now()

        def late() -> Captured:
            return Captured(Kind.SIP, data, at, source, destination, network, call_of_sip(data) or b"")

        self._capture.put(late, len(data))


class NgTap:
    """Captures the requests about calls that come to the ng door, and the replies to them (gateways.ng.tap.Tap)."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def __call__(self, message: bytes, transport: str, client: Address, door: Address, send: Send) -> Send:
        """Capture a request; return what captures and sends the reply."""
        call_id = call_of_ng(message)
        if call_id is None:
            return send
        network = Network.UDP if transport == "udp" else Network.TCP
        self._capture.put(_ng(message, client, door, network, call_id), len(message))

        def reply(data: bytes) -> None:
            self._capture.put(_ng(data, door, client, network, call_id), len(data))
            send(data)

        return reply


class RelayTap:
    """Captures what this control node says about calls to relays that speak ng, and what they answer."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def through(self, open_way: OpenWay) -> OpenWay:
        """Return what opens the way to a relay so that what goes over it is captured."""

        async def opened(url: str, take: Taker, complain: Complaint) -> NodeTransport:
            way = _CapturedWay(self._capture, take)
            way.inner = await open_way(url, way.take, complain)
            way.repeats = way.inner.repeats
            return way

        return opened


class _CapturedWay:
    """The way to one relay."""

    inner: NodeTransport
    repeats = False

    def __init__(self, capture: Capture, take: Taker) -> None:
        self._capture, self._take = capture, take
        self._calls: OrderedDict[bytes, bytes] = OrderedDict()

    def send(self, cookie: bytes, command: bytes) -> None:
        call_id = call_of_ng(command)
        if call_id is not None:
            self._remember(cookie, call_id)
            here, there = self._ends()
            message = b"%b %b" % (cookie, command)
            self._capture.put(_ng(message, here, there, Network.UDP, call_id), len(message))
        self.inner.send(cookie, command)

    def take(self, cookie: bytes, reply: bytes) -> None:
        call_id = self._calls.pop(cookie, None)
        if call_id is not None:
            here, there = self._ends()
            message = b"%b %b" % (cookie, reply)
            self._capture.put(_ng(message, there, here, Network.UDP, call_id), len(message))
        self._take(cookie, reply)

    def close(self) -> None:
        self.inner.close()

    def _remember(self, cookie: bytes, call_id: bytes) -> None:
        self._calls[cookie] = call_id
        if len(self._calls) > MAX_UNANSWERED:
            self._calls.popitem(last=False)

    def _ends(self) -> tuple[Address, Address]:
        """Return the addresses of this end of the way, and of the relay's."""
        if isinstance(self.inner, DatagramTransport):
            return self.inner.ends
        return ("", 0), ("", 0)


def _ng(message: bytes, source: Address, destination: Address, network: Network, call_id: bytes) -> Late:
    """Return what makes a packet's content of a message of the ng protocol that goes over the network now."""
    at = _now()
    return lambda: Captured(Kind.NG, message, at, source, destination, network, call_id)
