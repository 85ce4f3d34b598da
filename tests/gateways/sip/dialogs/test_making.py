from __future__ import annotations

import re

from sipmessage import Request, Response

from actors.sip_requests import DialogRequest
from events.names import CallId, Leg
from gateways.sip.addresses import Hop, ListeningPoint, SipTransport
from gateways.sip.dialogs.making import ack_of, ends_of, request_for, sent_from
from gateways.sip.messages.uris import read_uri
from gateways.sip.rules.route_set import path

ROUTES = ("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>")
REINVITE = DialogRequest(
    call_id=CallId("a84b4c76e66710"),
    to_leg=Leg.CALLEE,
    method="INVITE",
    cseq=4712,
    from_value='"Alice, A." <sip:alice@example.com>;tag=1928301774',
    to_value="Bob <sip:bob@example.com>;tag=314159",
    target="sip:bob@192.0.2.4;user=phone%20x",
    routes=ROUTES,
    local="udp:127.0.0.1:5060",
    source="udp:192.0.2.4:5060",
    body=b"v=0\r\n",
    content_type="application/sdp",
    headers=(("Contact", "<sip:alice@192.0.2.9>"), ("Supported", "timer")),
)
LOCAL = ListeningPoint(SipTransport.TCP, "127.0.0.1", 5060, "proxy.example.com", 5070)


def made(asked: DialogRequest = REINVITE) -> Request:
    return request_for(asked, path(read_uri(asked.target), asked.routes))


def test_a_request_is_written_as_the_other_party_would() -> None:
    assert bytes(made()) == (
        b"INVITE sip:bob@192.0.2.4;user=phone%20x SIP/2.0\r\n"
        b"Route: <sip:p1.example.com;lr>\r\n"
        b"Route: <sip:p2.example.com;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b'From: "Alice, A." <sip:alice@example.com>;tag=1928301774\r\n'
        b"To: Bob <sip:bob@example.com>;tag=314159\r\n"
        b"Call-ID: a84b4c76e66710\r\n"
        b"CSeq: 4712 INVITE\r\n"
        b"Contact: <sip:alice@192.0.2.9>\r\n"
        b"Supported: timer\r\n"
        b"Content-Length: 5\r\n"
        b"Content-Type: application/sdp\r\n"
        b"\r\n"
        b"v=0\r\n"
    )


def test_what_is_sent_has_our_via_first_and_a_new_branch_each_time() -> None:
    request = made()
    sent, again = sent_from(request, LOCAL), sent_from(request, LOCAL)
    assert re.fullmatch(r"SIP/2\.0/TCP proxy\.example\.com:5070;branch=z9hG4bK\w{16,}", sent.headers.get("Via") or "")
    assert sent.headers.keys()[0] == "Via"
    assert sent.headers.get("Via") != again.headers.get("Via")
    assert bytes(sent).partition(b"\r\n")[2].partition(b"\r\n")[2] == bytes(request).partition(b"\r\n")[2]
    assert request.headers.get("Via") is None


def test_the_ack_has_the_invites_number_and_goes_to_the_new_target() -> None:
    response = Response(200, "OK")
    response.headers.add("Contact", "<sip:bob@192.0.2.44>;expires=3600")
    ack = made(ack_of(REINVITE, response))
    assert bytes(ack) == (
        b"ACK sip:bob@192.0.2.44 SIP/2.0\r\n"
        b"Route: <sip:p1.example.com;lr>\r\n"
        b"Route: <sip:p2.example.com;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b'From: "Alice, A." <sip:alice@example.com>;tag=1928301774\r\n'
        b"To: Bob <sip:bob@example.com>;tag=314159\r\n"
        b"Call-ID: a84b4c76e66710\r\n"
        b"CSeq: 4712 ACK\r\n"
        b"Content-Length: 0\r\n"
        b"\r\n"
    )


def test_the_ack_of_a_2xx_without_contact_goes_to_the_old_target() -> None:
    assert ack_of(REINVITE, Response(200, "OK")).target == REINVITE.target


def forwarded() -> tuple[Request, Response]:
    """Return an INVITE as it left us, and the 2xx of a callee that two proxies stand before, our Via gone already."""
    invite = request_for(
        DialogRequest(
            call_id=CallId("x"),
            to_leg=Leg.CALLEE,
            method="INVITE",
            cseq=7,
            from_value="<sip:alice@example.com>;tag=a",
            to_value="<sip:bob@example.com>",
            target="sip:bob@far.example.com",
            routes=(),
            local="",
            source="",
        ),
        path(read_uri("sip:bob@far.example.com"), ()),
    )
    ours = ["<sip:us.example.com;lr>", "<sip:near-alice.example.com;lr>"]
    invite.headers.setlist("Record-Route", list(ours))
    response = Response(200, "OK")
    response.headers.add("Record-Route", f"<sip:p2.example.com;lr>, <sip:p1.example.com;lr>,{ours[0]}")
    response.headers.add("Record-Route", ours[1])
    response.headers.add("From", "<sip:alice@example.com>;tag=a")
    response.headers.add("To", "<sip:bob@example.com>;tag=b")
    response.headers.add("Contact", "<sip:bob@192.0.2.4>")
    return invite, response


def test_an_abandoned_dialog_is_acknowledged_and_ended_beyond_us() -> None:
    source = Hop(
        SipTransport.UDP, "192.0.2.50", 5060, ListeningPoint(SipTransport.UDP, "127.0.0.1", 5060, "127.0.0.1", 5060)
    )
    ack, bye = ends_of(*forwarded(), source)
    assert ack == DialogRequest(
        call_id=CallId("x"),
        to_leg=Leg.CALLEE,
        method="ACK",
        cseq=7,
        from_value="<sip:alice@example.com>;tag=a",
        to_value="<sip:bob@example.com>;tag=b",
        target="sip:bob@192.0.2.4",
        routes=("<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"),
        local="udp:127.0.0.1:5060",
        source="udp:192.0.2.50:5060",
    )
    assert (bye.method, bye.cseq, bye.target, bye.routes) == ("BYE", 8, ack.target, ack.routes)


def test_an_abandoned_dialog_without_contact_is_ended_where_the_invite_went() -> None:
    invite, response = forwarded()
    response.headers.remove("Contact")
    ack, _ = ends_of(invite, response, None)
    assert (ack.target, ack.local, ack.source) == ("sip:bob@far.example.com", "", "")
