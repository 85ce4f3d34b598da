from __future__ import annotations

import pytest
from sipmessage import Request

from gateways.sip.calls.bodies import replace_sdp, sdp_of
from gateways.sip.messages.making import set_body
from gateways.sip.messages.uris import read_uri

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
MULTIPART = (
    b"--next\r\nContent-Type: application/isup;version=itu-t92+\r\n\r\n\x01\x00application/sdp\r\n"
    b"--next\r\ncontent-type : application/sdp\r\nContent-Disposition: session\r\n\r\n" + SDP + b"\r\n--next--\r\n"
)


def message(body: bytes, kind: str) -> Request:
    request = Request("INVITE", read_uri("sip:bob@example.com"))
    set_body(request, body, kind)
    return request


@pytest.mark.parametrize("kind", ["application/sdp", "Application/SDP", "application/sdp;charset=utf-8"])
def test_the_body_itself(kind: str) -> None:
    request = message(SDP, kind)
    assert sdp_of(request) == SDP
    replace_sdp(request, b"v=0\r\n")
    assert (request.body, request.headers.get("Content-Length")) == (b"v=0\r\n", "5")
    assert request.headers.get("Content-Type") == kind


@pytest.mark.parametrize("kind", ["multipart/mixed;boundary=next", 'Multipart/Mixed; boundary = "next"; x=y'])
def test_a_part_of_the_body(kind: str) -> None:
    request = message(MULTIPART, kind)
    assert sdp_of(request) == SDP
    replace_sdp(request, b"v=0\r\n")
    assert request.body == MULTIPART.replace(SDP, b"v=0\r\n")
    assert request.headers.get("Content-Length") == str(len(request.body))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/sdp"),
        (b"hello", "text/plain"),
        (b"hello", ""),
        (MULTIPART, "multipart/mixed"),
        (MULTIPART, "multipart/mixed;boundary=other"),
        (b"--next\r\nContent-Type: application/sdp\r\n\r\nv=0", "multipart/mixed;boundary=next"),
        (b"--next\r\nContent-Type: application/sdp\r\n--next--", "multipart/mixed;boundary=next"),
        (b"--next\r\n\r\nContent-Type: application/sdp\r\n--next--\r\n", "multipart/mixed;boundary=next"),
    ],
)
def test_no_session_description(body: bytes, kind: str) -> None:
    request = message(body, kind)
    assert sdp_of(request) is None
