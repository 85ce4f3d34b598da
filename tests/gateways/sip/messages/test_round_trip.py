"""What a hop must not change: unknown headers, the order of values, and how others write things."""

from __future__ import annotations

import pytest

from gateways.sip.messages.making import copy_request
from gateways.sip.messages.writing import write
from tests.gateways.sip.messages.examples import INVITE, changed, request


@pytest.mark.parametrize(
    "uri",
    [
        "sip:bob@biloxi.example;transport=TCP;lr;x=%41%5b",
        "sip:%62ob:secret@BILOXI.example:5070",
        "SIP:bob@biloxi.example",
        "sips:+1-212-555-1212:1234@gateway.example;user=phone",
        "sip:#31#123@pbx1",
        "sip:host_with_underscore",
        "sip:[2001:DB8::1]:5060;maddr=192.0.2.1",
        "sip:a;b=c@d;lr=on;lr=off",
        "sip:biloxi.example.",
        "tel:+1-201-555-0123;ext=5;Phone-Context=+1",
        "tel:7042;phone-context=example.com",
        "sip:x@y;self=1;value=%ff%00",
    ],
)
def test_request_uris(uri: str) -> None:
    data = changed(b"sip:bob@biloxi.example SIP", uri.encode() + b" SIP")
    assert write(copy_request(request(data).message)) == data


@pytest.mark.parametrize(
    "lines",
    [
        "X-Unknown: ;;,,;;,;",
        "x-unknown: first\r\nX-Unknown2: a\r\nP-Asserted-Identity: <sip:a@b>, <tel:+1>",
        'Diversion: <sip:b@c>;reason=unknown\r\nDiversion: <sip:a@b>;reason="user-busy"',
        'Warning: 307 isi.edu "Session \\"parameter\\" \\\\ not, understood"',
        "Subject: Übermut, <sip:%4a@x>  two  spaces\tand a tab",
        "Subject: ",
        'Contact: "A, B; <C>" <sip:a%20b@c;x=%3b?Subject=%22>;+sip.instance="<urn:uuid:1>";Q=0.5',
        'Authorization: Digest username="a\\"b", realm="x, y", nonce="%", uri="sip:c", qop=auth',
        "Accept: text/*;q=0.1,application/sdp;level=1 , */*",
    ],
)
def test_headers(lines: str) -> None:
    data = changed(b"Contact: <sip:alice@192.0.2.1>", lines.encode())
    assert write(copy_request(request(data).message)) == data


def test_values_of_one_name_come_together_in_their_order() -> None:
    data = changed(b"Call-ID", b"Route: <sip:192.0.2.9>\r\nCall-ID")
    routes = request(data).message.headers.getlist("Route")
    assert routes == ["<sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>", "<sip:192.0.2.9>"]


def test_other_vias_are_left_as_they_are() -> None:
    others = b" ,  SIP / 2.0 / TCP other.example ; Branch = z9hG4bK%41 ; x"
    incoming = request(changed(b"776asdhds", b"776asdhds;rport" + others))
    first, _, rest = incoming.message.headers["Via"].partition(", ")
    assert first == "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds;received=192.0.2.1;rport=5060"
    assert rest == "SIP / 2.0 / TCP other.example ; Branch = z9hG4bK%41 ; x"


def test_a_copy_can_be_changed_without_the_original() -> None:
    message = request(INVITE).message
    copy = copy_request(message)
    copy.headers.add("Route", "<sip:192.0.2.9>")
    copy.headers.remove("Contact")
    assert write(message) == INVITE
