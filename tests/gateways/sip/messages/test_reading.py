from __future__ import annotations

from dataclasses import replace

import pytest

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.messages.lines import MAX_LINES
from gateways.sip.messages.reading import MAX_MESSAGE, Malformed, is_keepalive, read
from gateways.sip.messages.writing import write
from tests.gateways.sip.messages.examples import ALICE, INVITE, RINGING, SDP, changed, request, response


def test_a_request() -> None:
    incoming = request(INVITE)
    assert (incoming.method, incoming.branch, incoming.hop) == ("INVITE", "z9hG4bK776asdhds", ALICE)
    assert (incoming.call_id, incoming.from_tag, incoming.to_tag) == ("a84b4c76e66710@192.0.2.1", "1928301774", "")
    assert incoming.cseq == 314159
    assert incoming.message.body == SDP
    assert write(incoming.message) == INVITE


def test_a_response() -> None:
    incoming = response(RINGING)
    assert (incoming.status, incoming.method, incoming.branch) == (180, "INVITE", "z9hG4bKours")
    assert (incoming.from_tag, incoming.to_tag, incoming.cseq) == ("1928301774", "a6c85cf", 314159)
    assert write(incoming.message) == RINGING


@pytest.mark.parametrize(
    ("data", "keepalive"),
    [(b"", True), (b"\r\n\r\n", True), (b"\r\n", True), (b"\0\0\0\0", True), (b"\r\nX", False), (INVITE, False)],
)
def test_keepalives(data: bytes, keepalive: bool) -> None:
    assert is_keepalive(data) is keepalive


@pytest.mark.parametrize(
    ("old", "new", "reason", "code"),
    [
        (b"INVITE sip:bob", b"INVITE  sip:bob", "Bad Request Line", 400),
        (b"biloxi.example SIP/2.0", b"biloxi.example SIP/3.0", "Version Not Supported", 505),
        (b"biloxi.example SIP/2.0", b"biloxi.example HTTP/1.1", "Bad Request Line", 400),
        (b"sip:bob@biloxi.example SIP", b"bob@biloxi.example SIP", "Bad Request-URI", 400),
        (b"sip:bob@biloxi.example SIP", b"sip:bob@biloxi.example:0 SIP", "Bad Request-URI", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: -1", "Bad Max-Forwards", 400),
        (b"Max-Forwards: 70", "Max-Forwards: \u0667\u0660".encode(), "Bad Max-Forwards", 400),
        (b"Max-Forwards: 70", b"Max Forwards: 70", "Bad Header", 400),
        (b"Max-Forwards: 70", b"Max-Forwards", "Bad Header", 400),
        (b"Max-Forwards: 70", b": 70", "Bad Header", 400),
        (b"Max-Forwards: 70", b"X" * 257 + b": 70", "Bad Header", 400),
        (b"Max-Forwards: 70", b"X: a\rVia: b", "Bad Header", 400),
        (b"Timestamp: 54", b"\r\n".join([b"X: 1"] * MAX_LINES), "Too Many Headers", 400),
        (b"CSeq: 314159 INVITE", b"CSeq: 314159 ACK", "CSeq Of Another Method", None),
        (b"CSeq: 314159 INVITE", b"CSeq: 314159 BYE", "CSeq Of Another Method", 400),
        (b"CSeq: 314159 INVITE", b"CSeq: 4294967296 INVITE", "Bad CSeq", 400),
        (b"CSeq: 314159 INVITE", b"CSeq: INVITE", "Bad CSeq", 400),
        (b"CSeq: 314159 INVITE\r\n", b"", "No CSeq", None),
        (b"Call-ID: a84b4c76e66710@192.0.2.1", b"Call-ID: a b", "Bad Call-ID", 400),
        (b"Call-ID: a84b4c76e66710@192.0.2.1", b"Call-ID: " + b"x" * 1025, "Bad Call-ID", 400),
        (b"Call-ID: a84b4c76e66710@192.0.2.1", b"Call-ID:", "No Call-ID", None),
        (b"tag=1928301774", b"tag=a\x01", "Bad From Tag", 400),
        (b"tag=1928301774", b"tag=" + b"x" * 1025, "Bad From Tag", 400),
        (b"<sip:bob@biloxi.example>\r\n", b"<sip:bob@biloxi.example\r\n", "Bad To", 400),
        (b"<sip:bob@biloxi.example>\r\n", b"<sip:bob@biloxi.example>;=x\r\n", "Bad To", 400),
        (b"To: Bob <sip:bob@biloxi.example>", b"To: <sip:a@b>, <sip:c@d>", "Bad To", 400),
        (b"SIP/2.0/UDP 192.0.2.1;", b"SIP/2.0/UDP 192.0.2.1:99999;", "Bad Via", 400),
        (b"SIP/2.0/UDP 192.0.2.1;", b"SIP/2.0/UDP [192.0.2.1];", "Bad Via", 400),
        (b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK776asdhds\r\n", b"", "No Via", None),
        (b"Content-Length: ", b"Content-Length: 9", "Body Shorter Than Content-Length", 400),
        (b"Content-Length: ", b"Content-Length: x", "Bad Content-Length", 400),
        (b"Content-Length: ", b"Content-Length: 5\r\nl: ", "More Than One Content-Length", 400),
    ],
)
def test_faults(old: bytes, new: bytes, reason: str, code: int | None) -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(old, new), ALICE)
    reply = caught.value.reply
    assert (caught.value.reason, reply.code if reply else None) == (reason, code)
    assert (caught.value.hop is None) == (reply is None)
    if reply is not None:
        assert reply.phrase == reason
        write(reply)


def test_lines_may_end_in_lf_alone() -> None:
    head, end, body = INVITE.partition(b"\r\n\r\n")
    folded = head.replace(b"Timestamp: 54", b"Timestamp:\r\n 54")
    assert write(request(folded.replace(b"\r\n", b"\n") + b"\n\n" + body).message) == head + end + body


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sip:bob@biloxi.example SIP", b"sip:bob@biloxi.example; SIP"),
        (b"sip:bob@biloxi.example SIP", b"urn:service:sos SIP"),
        (b"sip:bob@biloxi.example SIP", b"sip:M\xfcller@biloxi.example SIP"),
        (b"Max-Forwards: 70", b"Max-Forwards: 70000"),
        (b"CSeq: 314159", b"CSeq: 2147483648"),
        (b"<sip:bob@biloxi.example>\r\n", b"< sip:bob@biloxi.example >\r\n"),
        (b"<sip:bob@biloxi.example>\r\n", b"<sip:bob@biloxi.example;>;\r\n"),
        (b"<sip:192.0.2.7;lr>", b"< sip:192.0.2.7;lr; >"),
    ],
)
def test_what_is_read_though_it_is_not_in_the_rfc(old: bytes, new: bytes) -> None:
    data = changed(old, new)
    assert write(request(data).message) == data


def test_headers_without_an_end() -> None:
    with pytest.raises(Malformed, match="No End Of Headers") as caught:
        read(INVITE.partition(b"\r\n\r\n")[0], ALICE)
    assert caught.value.reply is not None


def test_a_message_too_long() -> None:
    with pytest.raises(Malformed, match="Too Long"):
        read(INVITE + b"x" * MAX_MESSAGE, ALICE)


def test_an_ack_is_never_answered() -> None:
    ack = changed(b"INVITE", b"ACK", changed(b"Max-Forwards: 70", b"Max-Forwards: x"))
    with pytest.raises(Malformed) as caught:
        read(ack, ALICE)
    assert (caught.value.reason, caught.value.reply) == ("Bad Max-Forwards", None)


@pytest.mark.parametrize("start", [b"SIP/2.0 099 Low", b"SIP/2.0 700 High", b"SIP/3.0 200 OK", b"SIP/2.0 abc"])
def test_bad_status_lines(start: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(b"SIP/2.0 180 Ringing", start, RINGING), ALICE)
    assert (caught.value.reason, caught.value.reply) == ("Bad Status Line", None)


def test_a_response_with_a_bad_via_is_dropped() -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(b"SIP/2.0/UDP 192.0.2.7", b"SIP/2.0/UDP 192.0.2.7:x", RINGING), ALICE)
    assert (caught.value.reason, caught.value.reply) == ("Bad Via", None)


def test_a_status_line_without_a_phrase() -> None:
    incoming = response(changed(b"SIP/2.0 180 Ringing", b"SIP/2.0 180", RINGING))
    assert write(incoming.message).startswith(b"SIP/2.0 180 \r\n")


def test_line_ends_before_a_message() -> None:
    assert write(request(b"\r\n\r\n" + INVITE).message) == INVITE


def test_the_refusal_goes_where_a_response_would() -> None:
    with pytest.raises(Malformed) as caught:
        read(changed(b"192.0.2.1;branch", b"10.0.0.1:5070;branch", changed(b"70\r\n", b"x\r\n")), ALICE)
    assert caught.value.hop == replace(ALICE, port=5070)
    assert caught.value.reply is not None
    assert caught.value.reply.headers["Via"].endswith(";received=192.0.2.1")


def test_a_hop_of_a_connection_is_kept() -> None:
    hop = Hop(SipTransport.TCP, "192.0.2.1", 40000)
    assert request(INVITE, hop).hop is hop
