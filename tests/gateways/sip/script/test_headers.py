"""Headers as scripts see and change them; Contacts of who is behind a NAT."""

from __future__ import annotations

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.script.contacts import fix_contacts, with_address
from gateways.sip.script.decisions import RoutingError
from gateways.sip.script.headers import KEPT, Headers
from tests.gateways.sip.script.messages import SOURCE, arrival, request, text


def headers() -> Headers:
    return request(text(headers=("Subject: one", "X-A: 1", "X-B: 2", "X-A: 3, 4", "Alert-Info: <urn:a>"))).headers


def test_reading() -> None:
    view = headers()
    assert (view.get("x-a"), view.all("X-A")) == ("1", ["1", "3, 4"])
    assert (view.get("X-C"), view.get("X-C", "none"), view.all("X-C")) == ("", "none", [])
    assert (view.get("s"), view.get("SUBJECT"), view.get("i")) == ("one", "one", "call-1")
    assert ("x-b" in view, "s" in view, "X-C" in view, 3 in view) == (True, True, False, False)
    assert list(view)[-5:] == ["Subject", "X-A", "X-B", "Alert-Info", "Content-Length"]


def test_changing() -> None:
    view = headers()
    view.add("X-A", " 5 ")
    view.set("s", "two")
    view.remove("x-b")
    view.remove("X-C")
    view.add("X-D", "6")
    assert (view.all("X-A"), view.all("Subject"), view.all("X-B"), view.all("X-D")) == (
        ["1", "3, 4", "5"],
        ["two"],
        [],
        ["6"],
    )
    view.set("X-A", "7")
    assert view.all("x-a") == ["7"]


def test_one_message_may_be_changed_while_its_names_are_read() -> None:
    view = headers()
    for name in view:
        if name.startswith("X-"):
            view.remove(name)
    assert ("X-A" in view, "X-B" in view) == (False, False)


@pytest.mark.parametrize("name", [*sorted(KEPT), "v", "L", "VIA"])
def test_what_the_proxy_needs_stays(name: str) -> None:
    view = headers()
    before = view.all(name)
    refused = pytest.raises(RoutingError, match="is looked after by the proxy")
    with refused:
        view.add(name, "x")
    with refused:
        view.set(name, "x")
    with refused:
        view.remove(name)
    assert view.all(name) == before


@pytest.mark.parametrize("name", ["", "X A", "X:", "X\r\nVia", "Ä"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(RoutingError, match="is no name of a header"):
        headers().set(name, "x")


@pytest.mark.parametrize("value", ["a\r\nVia: b", "a\nb", "a\0b", 3, None])
def test_what_is_no_value(value: str) -> None:
    view = headers()
    with pytest.raises(RoutingError, match="X-A: expected one line of text"):
        view.set("X-A", value)
    assert view.all("X-A") == ["1", "3, 4"]


@pytest.mark.parametrize(
    ("value", "fixed"),
    [
        ("<sip:alice@10.0.0.1:5062;ob>;expires=60", "<sip:alice@198.51.100.7:4711;ob>;expires=60"),
        ("sip:alice@10.0.0.1", "sip:alice@198.51.100.7:4711"),
        ("sip:10.0.0.1;expires=60", "sip:198.51.100.7:4711;expires=60"),
        ('"Al <x@y> \\"ice" <sips:a:pw@host.local>', '"Al <x@y> \\"ice" <sips:a:pw@198.51.100.7:4711>'),
        ("Alice <sip:a;b=c@[2001:db8::1]:5060?x=y>", "Alice <sip:a;b=c@198.51.100.7:4711?x=y>"),
        ("< SIP:a@h >", "< SIP:a@198.51.100.7:4711 >"),
        ("*", "*"),
        ("<tel:+4930123>", "<tel:+4930123>"),
        ("", ""),
    ],
)
def test_the_address_in_a_contact(value: str, fixed: str) -> None:
    assert with_address(value, SOURCE) == fixed


def test_an_address_of_version_6_gets_its_brackets() -> None:
    assert with_address("<sip:a@h>", Hop(SipTransport.TCP, "2001:db8::7", 9)) == "<sip:a@[2001:db8::7]:9>"


def test_all_contacts_are_fixed() -> None:
    message = arrival(text("REGISTER", headers=('Contact: <sip:a@h>;q=1, "B, b" <sip:b@h>', "m: <sip:c@h>"))).request
    fix_contacts(message, SOURCE)
    assert message.headers.getlist("Contact") == [
        "<sip:a@198.51.100.7:4711>;q=1",
        '"B, b" <sip:b@198.51.100.7:4711>',
        "<sip:c@198.51.100.7:4711>",
    ]
    without = arrival(text(headers=())).request
    fix_contacts(without, SOURCE)
    assert "Contact" not in without.headers.keys()  # noqa: SIM118 no mapping
