from __future__ import annotations

from sipmessage import URI, Request

from gateways.sip.messages.headers import copied
from gateways.sip.messages.ids import COOKIE, new_branch, new_tag
from gateways.sip.messages.making import ack_for, add_first, cancel_for, copy_response, set_body
from gateways.sip.messages.writing import write
from tests.gateways.sip.messages.examples import INVITE, RINGING, SDP, changed, request, response

TWO_VIAS = changed(b"Max-Forwards: 70", b"Via: SIP/2.0/UDP next;branch=z9hG4bKnext\r\nMax-Forwards: 12")


def test_the_ack_of_a_failure() -> None:
    busy = response(changed(b"180 Ringing", b"486 Busy Here", RINGING)).message
    assert write(ack_for(request(TWO_VIAS).message, busy)) == (
        b"ACK sip:bob@biloxi.example SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds\r\n"
        b"Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b'From: "Alice" <sip:alice@atlanta.example>;tag=1928301774\r\n'
        b"To: Bob <sip:bob@biloxi.example>;tag=a6c85cf\r\n"
        b"Call-ID: a84b4c76e66710@192.0.2.1\r\n"
        b"CSeq: 314159 ACK\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_a_cancel_goes_the_way_of_its_invite() -> None:
    cancel = request(write(cancel_for(request(TWO_VIAS).message)))
    assert (cancel.method, cancel.branch, cancel.cseq, cancel.to_tag) == ("CANCEL", "z9hG4bK776asdhds", 314159, "")
    assert cancel.message.headers.getlist("Via") == ["SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds"]
    assert cancel.message.headers["Route"] == "<sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>"


def test_no_route_where_there_was_none() -> None:
    invite = request(changed(b"Route: <sip:192.0.2.7;lr>, <sip:192.0.2.8;lr>\r\n", b"")).message
    assert "Route" not in cancel_for(invite).headers.keys()  # noqa: SIM118 no mapping


def test_set_body() -> None:
    message = response(RINGING).message
    set_body(message, SDP, "application/sdp")
    assert (message.headers["Content-Length"], message.headers["Content-Type"]) == (str(len(SDP)), "application/sdp")
    set_body(message, SDP * 2)
    assert (message.headers["Content-Length"], message.headers["Content-Type"]) == (
        str(len(SDP * 2)),
        "application/sdp",
    )
    set_body(message, b"")
    assert write(message) == RINGING


def test_add_first() -> None:
    message = request(INVITE).message
    held = message.headers.getlist("Via")
    add_first(message.headers, "via", "SIP/2.0/UDP new")
    add_first(message.headers, "Path", "<sip:a>")
    assert message.headers.getlist("Via") == ["SIP/2.0/UDP new", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds"]
    assert message.headers["Path"] == "<sip:a>"
    assert len(held) == 1


def test_copies_of_responses() -> None:
    message = response(RINGING).message
    copy = copy_response(message)
    copy.headers.getlist("Via").clear()
    assert write(message) == RINGING


def test_headers_of_any_kind_can_be_copied() -> None:
    plain = Request("OPTIONS", URI.parse("sip:a@b"))
    plain.headers.add("Via", "a")
    plain.headers.add("Via", "b")
    copy = copied(plain.headers)
    copy.add("Via", "c")
    assert (plain.headers.getlist("Via"), copy.getlist("Via")) == (["a", "b"], ["a", "b", "c"])


def test_branches_and_tags_are_new_each_time() -> None:
    assert len({new_branch() for _ in range(100)} | {new_tag() for _ in range(100)}) == 200
    assert new_branch().startswith(COOKIE)
