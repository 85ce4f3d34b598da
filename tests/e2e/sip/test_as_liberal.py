"""What is let through: compared with a real Kamailio, on the requests of RFC 4475 and on mutations of a plain one.

Each request has a header that names its case, by which it is known again at the next hop that all are sent to.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests.e2e.sip.stage import SCRIPTS
from tests.gateways.sip.messages.torture import load
from tests.peers.datagram import Address, DatagramSocket
from tests.peers.kamailio import Kamailio
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

PLAIN = (
    b"INVITE sip:bob@192.0.2.4 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-%s\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@example.com>;tag=a1\r\n'
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: %s\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1>\r\n"
    b"Content-Length: 0\r\n\r\n"
)
MUTATIONS: Mapping[str, tuple[bytes, bytes]] = {
    "nothing": (b"", b""),
    "empty-parameter-of-uri": (b"sip:bob@192.0.2.4", b"sip:bob@192.0.2.4;"),
    "two-empty-parameters-of-uri": (b"sip:bob@192.0.2.4", b"sip:bob@192.0.2.4;;lr"),
    "latin-1-in-uri": (b"sip:bob@192.0.2.4", b"sip:b\xf6b@192.0.2.4"),
    "utf-8-in-uri": (b"sip:bob@192.0.2.4", "sip:böb@192.0.2.4".encode()),
    "service-urn": (b"sip:bob@192.0.2.4", b"urn:service:sos"),
    "tel": (b"sip:bob@192.0.2.4", b"tel:+31201234567"),
    "http": (b"sip:bob@192.0.2.4", b"http://192.0.2.4/"),
    "two-spaces-in-the-first-line": (b"INVITE sip", b"INVITE  sip"),
    "space-behind-the-first-line": (b"SIP/2.0\r\nVia", b"SIP/2.0 \r\nVia"),
    "max-forwards-256": (b"Max-Forwards: 70", b"Max-Forwards: 256"),
    "max-forwards-70000": (b"Max-Forwards: 70", b"Max-Forwards: 70000"),
    "max-forwards-leading-zero": (b"Max-Forwards: 70", b"Max-Forwards: 070"),
    "max-forwards-negative": (b"Max-Forwards: 70", b"Max-Forwards: -1"),
    "no-max-forwards": (b"Max-Forwards: 70\r\n", b""),
    "cseq-at-2-31": (b"CSeq: 1 ", b"CSeq: 2147483648 "),
    "cseq-highest": (b"CSeq: 1 ", b"CSeq: 4294967295 "),
    "cseq-above-2-32": (b"CSeq: 1 ", b"CSeq: 4294967296 "),
    "cseq-leading-zero": (b"CSeq: 1 ", b"CSeq: 0001 "),
    "space-before-bracket": (b"<sip:bob@example.com>", b"<sip:bob@example.com >"),
    "spaces-within-brackets": (b"<sip:bob@example.com>", b"< sip:bob@example.com >"),
    "no-brackets": (b"<sip:bob@example.com>", b"sip:bob@example.com"),
    "semicolon-behind-to": (b"<sip:bob@example.com>", b"<sip:bob@example.com>;"),
    "semicolon-behind-tag": (b"tag=a1", b"tag=a1;"),
    "to-without-end-of-bracket": (b"<sip:bob@example.com>", b"<sip:bob@example.com"),
    "quote-without-end": (b'"Alice"', b'"Alice'),
    "latin-1-in-name": (b'"Alice"', b'"M\xfcller"'),
    "name-without-quotes": (b'"Alice"', b"M\xfcller AG"),
    "tag-latin-1": (b"tag=a1", b"tag=\xfc"),
    "no-from-tag": (b";tag=a1", b""),
    "call-id-with-space": (b"Call-ID: ", b"Call-ID: a b"),
    "call-id-latin-1": (b"Call-ID: ", b"Call-ID: \xfc"),
    "semicolon-behind-via": (b"\r\nMax-Forwards", b";\r\nMax-Forwards"),
    "rport-without-value": (b";branch", b";rport;branch"),
    "via-empty-value": (b";branch", b";rport=;branch"),
    "via-space-around-port": (b"192.0.2.1:5060", b"192.0.2.1 : 5060"),
    "lf-alone": (b"\r\n", b"\n"),
    "lf-alone-in-one-line": (b"70\r\n", b"70\n"),
    "cr-alone-in-one-line": (b"70\r\n", b"70\r"),
    "folded": (b"Max-Forwards: 70", b"Subject: a\r\n b\r\nMax-Forwards: 70"),
    "space-before-colon": (b"Max-Forwards:", b"Max-Forwards :"),
    "header-without-colon": (b"Max-Forwards: 70", b"Nonsense\r\nMax-Forwards: 70"),
    "header-name-with-space": (b"Max-Forwards: 70", b"No Name: x\r\nMax-Forwards: 70"),
    "unknown-header-latin-1": (b"Max-Forwards: 70", b"Organization: \xfc\r\nMax-Forwards: 70"),
    "content-length-too-long": (b"Content-Length: 0", b"Content-Length: 1"),
    "content-length-negative": (b"Content-Length: 0", b"Content-Length: -1"),
    "no-content-length": (b"Content-Length: 0\r\n", b""),
    "two-call-ids": (b"Call-ID: ", b"Call-ID: x\r\nCall-ID: "),
    "two-max-forwards": (b"Max-Forwards: 70", b"Max-Forwards: 70\r\nMax-Forwards: 69"),
    "method-in-small-letters": (b"INVITE", b"invite"),
    "line-ends-before": (b"INVITE sip", b"\r\n\r\nINVITE sip"),
    "route-with-spaces": (b"Max-Forwards: 70", b"Route: < sip:192.0.2.9;lr >\r\nMax-Forwards: 70"),
    "route-with-empty-parameter": (b"Max-Forwards: 70", b"Route: <sip:192.0.2.9;lr;>\r\nMax-Forwards: 70"),
}

STRICTER = {
    *("badbranch", "bext01", "escruri", "baddn"),
    *("clerr", "content-length-too-long"),
    *("mismatch01", "mismatch02", "method-in-small-letters"),
    *("scalar02", "cseq-above-2-32"),
    *("call-id-with-space", "call-id-latin-1", "tag-latin-1"),
}
"""Cases that Kamailio lets through and the door does not; docs/sip-door.md says so."""

MORE_LIBERAL = {"esc02", "http", "intmeth", "novelsc", "unkscm", "wsinv", "semicolon-behind-tag", "semicolon-behind-to"}
"""Those that the door alone lets through."""


class ToNextHop(Service):
    """A control node whose script sends all to one place."""

    next_hop = ""

    def environment(self) -> dict[str, str]:
        """Return the environment, in which the script finds that place."""
        return {**super().environment(), "NEXT_HOP": self.next_hop}


class NextHop(DatagramSocket):
    """Where all is sent to: notes which cases came."""

    def __init__(self) -> None:
        super().__init__()
        self.cases: set[str] = set()

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:  # noqa: ARG002
        found = re.search(rb"^X-Case: ([\w.-]+)", data, re.MULTILINE)
        if found:
            self.cases.add(found[1].decode())


def cases() -> dict[str, bytes]:
    """Return all requests by their cases."""
    torture = {name: data for name, data in load("rfc4475.txt").items() if not data.startswith(b"SIP/")}
    made = {
        name: PLAIN.replace(b"%s", name.encode()).replace(old, new, -1 if name == "lf-alone" else 1) if old else PLAIN
        for name, (old, new) in MUTATIONS.items()
    }
    return {name: _with_case(name, data) for name, data in {**torture, **made}.items()}


def _with_case(name: str, data: bytes) -> bytes:
    """Put a header that names the case behind the first Via."""
    via = re.search(rb"^(?:v|via)\s*:", data, re.MULTILINE | re.IGNORECASE)
    assert via, name
    end = b"\n" if b"\r\n" not in data else b"\r\n"
    return data[: via.start()] + b"X-Case: " + name.encode() + end + data[via.start() :]


async def let_through(door: Address, next_hop: NextHop) -> set[str]:
    """Send all, and return the cases that came to the next hop."""
    async with DatagramSocket() as sender:
        for number, data in enumerate(cases().values()):
            sender.send(data, door)
            marker = f"marker-{number}"
            plain = PLAIN.replace(b"%s", marker.encode())
            await _came(sender, _with_case(marker, plain), door, next_hop, marker)
        await asyncio.sleep(0.2)
    return {case for case in next_hop.cases if not case.startswith("marker-")}


async def _came(sender: DatagramSocket, data: bytes, door: Address, next_hop: NextHop, marker: str) -> None:
    async with asyncio.timeout(20):
        while marker not in next_hop.cases:
            sender.send(data, door)
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def by_kamailio() -> AsyncIterator[set[str]]:
    async with NextHop() as next_hop:
        host, port = next_hop.address
        async with Kamailio(SCRIPTS / "to_next_hop.cfg", {"NEXT_HOP": f'"sip:{host}:{port}"'}) as kamailio:
            yield await let_through(kamailio.address, next_hop)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def by_us() -> AsyncIterator[set[str]]:
    async with RedisServer() as redis, Rtpengine() as relay, NextHop() as next_hop:
        service = ToNextHop(redis.url, [Node("relay-1", relay)], sip={"script": str(SCRIPTS / "to_next_hop.py")})
        service.next_hop = "sip:{}:{}".format(*next_hop.address)
        async with service:
            yield await let_through((HOST, service.sip_port), next_hop)


async def test_the_door_lets_through_what_kamailio_does(by_kamailio: set[str], by_us: set[str]) -> None:
    assert "nothing" in by_us
    assert by_kamailio - by_us == STRICTER
    assert by_us - by_kamailio == MORE_LIBERAL
