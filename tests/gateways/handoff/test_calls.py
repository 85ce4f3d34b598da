"""The call of a message, seen in its bytes, is the one that its reader finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.ng import bencode, json_codec
from engines.ng.bencode import NgDict
from events.names import CallId, Tag
from gateways.handoff.calls import call_of_ng, call_of_sip, call_of_stream, is_response, top_branch
from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.reading import read
from replay.identity import id_of_caller

HOP = Hop(SipTransport.UDP, "192.0.2.1", 5060)
INVITE = (
    "INVITE sip:bob@example.com SIP/2.0\r\n"
    "{via}: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK.one\r\n"
    "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bK.two\r\n"
    "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n{name}{space}:  {call_id} \r\n"
    "CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\nCall-ID: no header\r\n"
)


@given(st.binary(min_size=1, max_size=40), st.dictionaries(st.binary(min_size=1, max_size=6), st.binary(max_size=30)))
def test_of_a_bencoded_request(call_id: bytes, more: dict[bytes, bytes]) -> None:
    request: NgDict = {**dict.fromkeys(more, 7), b"call-id": call_id, b"sdp": b"v=0"}
    assert call_of_ng(b"cookie " + bencode.encode(request)) == call_id


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters='"\\'), min_size=1))
def test_of_a_request_in_json(call_id: str) -> None:
    body = json_codec.encode({b"call-id": call_id.encode(), b"command": b"offer"})
    assert call_of_ng(b"cookie " + body) == call_id.encode()


def test_a_request_about_no_call_has_none() -> None:
    assert call_of_ng(b"cookie d7:command4:pinge") is None
    assert call_of_ng(b"") is None


@pytest.mark.parametrize("via", ["Via", "v", "VIA"])
@pytest.mark.parametrize("name", ["Call-ID", "i", "CALL-ID", "I"])
@pytest.mark.parametrize("space", ["", " "])
def test_of_a_sip_message(via: str, name: str, space: str) -> None:
    message = INVITE.format(via=via, name=name, space=space, call_id="x@y").encode()
    assert call_of_sip(message) == read(message, HOP).call_id.encode() == b"x@y"
    assert top_branch(message) == read(message, HOP).branch.encode() == b"z9hG4bK.one"
    assert not is_response(message)
    assert is_response(b"SIP/2.0 200 OK\r\n")


def test_of_garbage() -> None:
    assert call_of_sip(b"\r\n\r\n") is None
    assert top_branch(b"SIP/2.0 200 OK\r\n\r\n") == b""


def test_a_stream_of_another_caller_is_of_the_same_call_id() -> None:
    assert call_of_stream(id_of_caller(CallId("x@y"), Tag("tag"))) == call_of_stream("x@y") == b"x@y"
