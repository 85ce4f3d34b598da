from __future__ import annotations

import pytest

from events.names import Tag
from gateways.sip.messages.replies import reply_to
from gateways.sip.messages.values import tag_of
from tests.gateways.sip.messages.examples import INVITE, changed, request

MESSAGE = request(INVITE).message


def test_a_provisional_response() -> None:
    reply = reply_to(MESSAGE, 180, to_tag=Tag("mine"), headers=[("Contact", "<sip:b>"), ("Contact", "<sip:c>")])
    assert bytes(reply) == (
        b"SIP/2.0 180 Ringing\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds\r\n"
        b'From: "Alice" <sip:alice@atlanta.example>;tag=1928301774\r\n'
        b"To: Bob <sip:bob@biloxi.example>;tag=mine\r\n"
        b"Call-ID: a84b4c76e66710@192.0.2.1\r\n"
        b"CSeq: 314159 INVITE\r\n"
        b"Record-Route: <sip:192.0.2.6;lr>\r\n"
        b"Contact: <sip:b>\r\n"
        b"Contact: <sip:c>\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_100_has_the_timestamp_and_no_tag() -> None:
    headers = reply_to(MESSAGE, 100).headers
    assert (headers["Timestamp"], tag_of(headers["To"])) == ("54", "")
    assert headers.getlist("Record-Route") == []


def test_failures_have_no_record_route() -> None:
    assert reply_to(MESSAGE, 404).headers.getlist("Record-Route") == []


def test_a_tag_that_is_there_stays() -> None:
    message = request(changed(b"<sip:bob@biloxi.example>\r\n", b"<sip:bob@biloxi.example>;tag=there\r\n")).message
    assert tag_of(reply_to(message, 200, to_tag=Tag("mine")).headers["To"]) == "there"


def test_repeats_get_the_same_tag_and_others_another() -> None:
    tags = [tag_of(reply_to(request(data).message, 404).headers["To"]) for data in (INVITE, INVITE)]
    other = tag_of(reply_to(request(changed(b"776asdhds", b"other")).message, 404).headers["To"])
    assert tags[0] == tags[1] != other
    assert tags[0]


def test_each_via_is_copied() -> None:
    message = request(changed(b"Max-Forwards", b"Via: SIP/2.0/TCP b;branch=2, SIP/2.0/TCP c\r\nMax-Forwards")).message
    reply = reply_to(message, 486)
    assert reply.headers.getlist("Via") == message.headers.getlist("Via")
    reply.headers.getlist("Via").clear()
    assert len(message.headers.getlist("Via")) == 2


@pytest.mark.parametrize(
    ("code", "phrase", "given"), [(487, "", "Request Terminated"), (499, "", "Unknown"), (500, "Broken", "Broken")]
)
def test_phrases(code: int, phrase: str, given: str) -> None:
    assert reply_to(MESSAGE, code, phrase).phrase == given
