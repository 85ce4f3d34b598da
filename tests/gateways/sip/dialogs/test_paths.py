from __future__ import annotations

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.dialogs.paths import Path, is_hidden, path, read_hop

BOB = "sip:bob@192.0.2.4:5062;transport=tcp"


def test_without_routes_the_target_is_the_next_element() -> None:
    assert path(BOB, ()) == Path(BOB, (), BOB)


def test_a_loose_router_gets_the_targets_request_uri() -> None:
    routes = ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
    assert path(BOB, routes) == Path(BOB, routes, "sip:p1.example.com;lr")


def test_a_strict_router_gets_its_own_uri_and_the_target_comes_last() -> None:
    routes = ("<sip:p1.example.com;method=INVITE?Subject=x>", "<sip:p2.example.com;lr>")
    assert path(BOB, routes) == Path(
        "sip:p1.example.com", ("<sip:p2.example.com;lr>", f"<{BOB}>"), "sip:p1.example.com;method=INVITE?Subject=x"
    )


def test_headers_and_a_method_of_a_contact_do_not_come_into_the_request_uri() -> None:
    assert path("sip:bob@host;method=BYE;x=1?Route=y", ()).request_uri == "sip:bob@host;x=1"


def test_a_route_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="URI"):
        path(BOB, ("<>",))


@pytest.mark.parametrize(
    "hop", [Hop(SipTransport.UDP, "192.0.2.1", 5060), Hop(SipTransport.TLS, "2001:db8::1", 5061)], ids=str
)
def test_a_hop_is_read_from_its_text(hop: Hop) -> None:
    assert read_hop(str(hop)) == hop


@pytest.mark.parametrize("text", ["", "udp", "udp:192.0.2.1", "udp:192.0.2.1:", "sctp:192.0.2.1:5060", "udp:a:b"])
def test_what_is_no_hop_is_none(text: str) -> None:
    assert read_hop(text) is None


@pytest.mark.parametrize(
    ("address", "source", "hidden"),
    [
        ("192.168.1.5", "9.9.9.9", True),
        ("100.64.0.1", "9.9.9.9", True),
        ("fd00::5", "2606:4700::1", True),
        ("192.168.1.5", "10.0.0.1", False),
        ("8.8.8.8", "9.9.9.9", False),
        ("8.8.8.8", "192.168.1.5", False),
    ],
)
def test_a_private_address_is_hidden_from_a_public_network(address: str, source: str, hidden: bool) -> None:
    assert is_hidden(Hop(SipTransport.UDP, address, 5060), Hop(SipTransport.UDP, source, 1024)) is hidden
