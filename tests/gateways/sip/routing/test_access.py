"""Who may use the door, and for what."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

import pytest
from structlog.testing import capture_logs

from events.names import NO_TAG, Tag
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.reading import read
from gateways.sip.proxy.forwarding import arrival_of
from gateways.sip.routing.access import Access, Gate, Place
from gateways.sip.rules.own_routes import OwnAddresses
from tests.gateways.sip.routing.fakes import HERE

OFFICE = ip_network("192.0.2.0/24")
PBX: Sequence[Place] = (ip_network("198.51.100.7/32"), ip_network("2001:db8::/32"), "pbx.example", ".trunks.example")
CLOSED = Access(allow=[OFFICE], relay_to=PBX)
BY_SCRIPT = Access()
SCRIPT_FOR_OFFICE = Access(allow=[OFFICE])
NEXT_HOP = Access(relay_to=PBX, has_next_hop=True)

WORLD = "203.0.113.9"
IN_OFFICE = "192.0.2.3"
IN_PBX = "198.51.100.7"


def passes(
    access: Access,
    source: str,
    uri: str = f"sip:bob@{WORLD}",
    *,
    route: str = "",
    tag: Tag = NO_TAG,
    known: bool = False,
) -> bool:
    lines = [
        f"BYE {uri} SIP/2.0" if tag else f"INVITE {uri} SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        *([f"Route: {route}"] if route else []),
        "From: <sip:a@b>;tag=a",
        f"To: <sip:b@c>{tag and f';tag={tag}'}",
        f"Call-ID: c\r\nCSeq: 1 {'BYE' if tag else 'INVITE'}\r\nContent-Length: 0\r\n\r\n",
    ]
    incoming = read("\r\n".join(lines).encode(), Hop(SipTransport.UDP, source, 5060, HERE))
    gate = Gate(access)
    with capture_logs() as logged:
        refused = gate.refuses(arrival_of(incoming, OwnAddresses([HERE], [])), known=known)  # type: ignore[arg-type]
    assert (gate.refused, len(logged)) == ((1, 1) if refused else (0, 0))
    assert all(line["bounded"] for line in logged)
    return not refused


@pytest.mark.parametrize(
    ("uri", "route", "goes"),
    [
        ("sip:bob@198.51.100.7:5080", "", True),
        ("sips:bob@PBX.example.", "", True),
        ("sip:bob@[2001:db8::7]", "", True),
        ("sip:bob@a.trunks.example", "", True),
        ("sip:bob@trunks.example", "", False),
        ("sip:bob@eviltrunks.example", "", False),
        ("sip:bob@a.pbx.example", "", False),
        ("sip:bob@198.51.100.8", "", False),
        ("sip:bob@203.0.113.9;maddr=198.51.100.7", "", False),
        ("sip:bob@198.51.100.7", "<sip:203.0.113.9;lr>", False),
        ("sip:bob@203.0.113.9", "<sip:pbx.example;lr>", True),
        ("sip:bob@203.0.113.9", f"<sip:{HERE.sent_by};lr>, <sip:203.0.113.9;lr>", False),
        ("sip:bob@203.0.113.9", f"<sip:{HERE.sent_by};lr>", False),
        ("urn:service:sos", "<sip:pbx.example;lr>", True),
        ("urn:service:sos", "<sip:203.0.113.9;lr>", False),
        ("urn:service:sos", "", True),  # it leads nowhere, and the proxy says so
    ],
)
def test_where_requests_may_go(uri: str, route: str, goes: bool) -> None:
    assert passes(CLOSED, IN_OFFICE, uri, route=route) is goes
    assert not passes(CLOSED, WORLD, uri, route=route)
    assert passes(BY_SCRIPT, WORLD, uri, route=route)
    assert passes(NEXT_HOP, WORLD, uri, route=route)
    assert passes(SCRIPT_FOR_OFFICE, IN_OFFICE, uri, route=route)
    assert not passes(SCRIPT_FOR_OFFICE, WORLD, uri, route=route)


def test_anywhere_can_be_said() -> None:
    anywhere = Access(allow=[OFFICE], relay_to=[ip_network("0.0.0.0/0"), ip_network("::/0"), "."])
    for target in (WORLD, "[2001:db8:1::1]", "example.org", "a.b.c."):
        assert passes(anywhere, IN_OFFICE, f"sip:bob@{target}")
        assert not passes(anywhere, WORLD, f"sip:bob@{target}")


def test_a_known_dialogs_requests_always_pass() -> None:
    for access in (CLOSED, SCRIPT_FOR_OFFICE, NEXT_HOP):
        assert passes(access, WORLD, tag=Tag("b"), known=True)


@pytest.mark.parametrize(
    ("access", "source", "target", "goes"),
    [
        (CLOSED, IN_OFFICE, IN_PBX, True),
        (CLOSED, IN_PBX, IN_OFFICE, True),
        (CLOSED, IN_OFFICE, WORLD, False),
        (CLOSED, IN_PBX, WORLD, False),
        (CLOSED, WORLD, IN_OFFICE, False),
        (CLOSED, WORLD, WORLD, False),
        (NEXT_HOP, WORLD, IN_PBX, True),
        (NEXT_HOP, IN_PBX, WORLD, True),
        (NEXT_HOP, WORLD, WORLD, False),
        (SCRIPT_FOR_OFFICE, IN_OFFICE, WORLD, True),
        (SCRIPT_FOR_OFFICE, WORLD, IN_OFFICE, False),
        (BY_SCRIPT, WORLD, WORLD, True),
    ],
)
def test_a_to_tag_alone_opens_nothing(access: Access, source: str, target: str, goes: bool) -> None:
    assert passes(access, source, f"sip:x@{target}", tag=Tag("made-up")) is goes


@pytest.mark.parametrize("source", ["::ffff:192.0.2.3", "192.0.2.3"])
def test_an_address_is_the_same_however_it_is_written(source: str) -> None:
    assert passes(SCRIPT_FOR_OFFICE, source) is True
