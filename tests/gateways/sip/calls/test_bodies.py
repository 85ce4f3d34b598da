from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sipmessage import Request

from gateways.sip.calls.bodies import is_readable, replace_sdp, sdp_of
from gateways.sip.calls.multipart import MAX_DEPTH, MAX_PARTS
from gateways.sip.messages.making import set_body
from gateways.sip.messages.uris import read_uri

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
NEXT = "multipart/mixed;boundary=next"
MULTIPART = (
    b"--next\r\nContent-Type: application/isup;version=itu-t92+\r\n\r\n\x01\x00application/sdp\r\n"
    b"--next\r\ncontent-type : application/sdp\r\nContent-Disposition: session\r\n\r\n" + SDP + b"\r\n--next--\r\n"
)


def message(body: bytes, kind: str, encoding: str = "") -> Request:
    request = Request("INVITE", read_uri("sip:bob@example.com"))
    request.headers.set("Content-Type", kind) if kind else request.headers.remove("Content-Type")
    if encoding:
        request.headers.set("Content-Encoding", encoding)
    set_body(request, body)
    return request


def one_part(head: bytes) -> bytes:
    return b"--next\r\n" + head + b"\r\n" + SDP + b"\r\n--next--"


def within(body: bytes, boundary: bytes, kind: bytes = b"multipart/alternative") -> bytes:
    """Write a body of several parts, of which one is of several parts itself."""
    head = b"Content-Type: %b;boundary=%b" % (kind, boundary)
    text = b"--next\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    return text + b"--next\r\n" + head + b"\r\n\r\n" + body + b"\r\n--next--\r\n"


INNER = b"--i\r\nContent-Type: application/sdp\r\n\r\n" + SDP + b"\r\n--i--\r\n"


@pytest.mark.parametrize(
    "kind",
    ["application/sdp", "Application/SDP", "application/sdp;charset=utf-8", "application / sdp"],
)
def test_the_body_itself(kind: str) -> None:
    request = message(SDP, kind)
    assert sdp_of(request) == SDP
    replace_sdp(request, b"v=0\r\n")
    assert (request.body, request.headers.get("Content-Length")) == (b"v=0\r\n", "5")
    assert request.headers.get("Content-Type") == kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (MULTIPART, NEXT),
        (MULTIPART, 'Multipart/Mixed; boundary = "next"; x=y'),
        (b"preamble\r\n" + MULTIPART + b"epilogue", NEXT),
        (MULTIPART.replace(b"--next\r\n", b"--next \t\r\n"), NEXT),
        (one_part(b"Content-Type: application/sdp\r\n"), NEXT),
        (one_part(b"Content-Type:\r\n application/sdp\r\n"), NEXT),
        (one_part(b"Content-Type: application/\r\n\tsdp\r\n"), NEXT),
        (one_part(b"Content-Type: application/sdp (a comment)\r\n"), NEXT),
        (one_part(b"c: application/sdp\r\n"), NEXT),
        (one_part(b"Content-Type: application/sdp\r\nContent-Transfer-Encoding: Binary\r\n"), NEXT),
        (one_part(b"Content-Type: application/sdp\r\nSubject: M\xfcller\r\n"), NEXT),
        (one_part(b"Content-Type: application/sdp\r\n").replace(b"\r\n--next", b"\n--next"), NEXT),
        (one_part(b"Content-Type: application/sdp\r\n").replace(b"next", b"a b,c"), 'multipart/mixed;boundary="a b,c"'),
        (within(INNER, b"i"), NEXT),
        (within(within(INNER, b"i").replace(b"next", b"second"), b"second"), NEXT),
    ],
)
def test_a_part_of_the_body(body: bytes, kind: str) -> None:
    request = message(body, kind)
    assert sdp_of(request) == SDP
    replace_sdp(request, b"v=0\r\n")
    assert request.body == body.replace(SDP, b"v=0\r\n")
    assert request.headers.get("Content-Length") == str(len(request.body))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/sdp"),
        (b"hello", "text/plain"),
        (b"hello", ""),
        (b"hello", "application/isup;version=x;flag"),
        (b"--next\r\nContent-Type: text/plain\r\n\r\nx\r\n--next--\r\n", NEXT),
        (b"--next\r\n\r\nContent-Type: application/sdp\r\n--next--\r\n", NEXT),
        (within(INNER.replace(b"application/sdp", b"text/html"), b"i"), NEXT),
    ],
)
def test_no_session_description(body: bytes, kind: str) -> None:
    request = message(body, kind)
    assert sdp_of(request) is None
    assert is_readable(request)


SDP_PART = b"Content-Type: application/sdp\r\n"
UNREADABLE = {
    "no boundary": (MULTIPART, "multipart/mixed"),
    "two boundaries": (MULTIPART, NEXT + ";boundary=other"),
    "another boundary": (MULTIPART, "multipart/mixed;boundary=other"),
    "a boundary not quoted": (MULTIPART, "multipart/mixed;boundary=ne/xt"),
    "one before the parts": (SDP + b"\r\n" + MULTIPART, NEXT),
    "one behind the parts": (MULTIPART + SDP, NEXT),
    "not closed": (MULTIPART.replace(b"--next--", b""), NEXT),
    "closed twice": (MULTIPART + b"--next--\r\n", NEXT),
    "parts behind the end": (b"--next--\r\n" + MULTIPART, NEXT),
    "a line that begins as the boundary": (MULTIPART.replace(SDP, SDP + b"--nextother\r\n"), NEXT),
    "no end of the headers": (b"--next\r\nContent-Type: application/sdp\r\n--next--", NEXT),
    "no header": (one_part(b"x\r\n" + SDP_PART), NEXT),
    "two types": (one_part(SDP_PART + b"Content-Type: text/plain\r\n"), NEXT),
    "two session descriptions": (b"--next\r\n" + SDP_PART + b"\r\n" + SDP + b"\r\n" + MULTIPART, NEXT),
    "base64": (one_part(SDP_PART + b"Content-Transfer-Encoding: base64\r\n"), NEXT),
    "gzip in a part": (one_part(SDP_PART + b"Content-Encoding: gzip\r\n"), NEXT),
    "a part that may be one": (one_part(b""), NEXT),
    "a part of no known type": (one_part(b"Content-Type: application\r\n"), NEXT),
    "a body that may be one": (SDP, ""),
    "a body of no type": (SDP, "sdp"),
    "a type with an open comment": (SDP, "application/" + "(" * 900),
    "an endless type": (MULTIPART, "multipart/mixed" + ";x=y" * 20_000 + ";boundary=next"),
    "too many parts": (b"--next\r\nContent-Type: a/b\r\n\r\nx\r\n" * MAX_PARTS + MULTIPART, NEXT),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_for_certain(name: str) -> None:
    request = message(*UNREADABLE[name])
    assert not is_readable(request)
    assert sdp_of(request) is None


def test_a_body_in_an_encoding() -> None:
    assert not is_readable(message(b"\x1f\x8b", "application/sdp", "gzip"))
    assert is_readable(message(SDP, "application/sdp", "identity"))
    assert is_readable(message(b"\x1f\x8b", "text/plain", "gzip"))


def test_parts_within_parts_without_end() -> None:
    body, kind = INNER, b"i"
    for depth in range(MAX_DEPTH + 1):
        outer = b"d%d-" % depth
        body = b"--%b\r\nContent-Type: multipart/mixed;boundary=%b\r\n\r\n%b\r\n--%b--\r\n" % (outer, kind, body, outer)
        kind = outer
    assert not is_readable(message(body, f"multipart/mixed;boundary={kind.decode()}"))


# -- any body of several parts --

Make = Callable[[bytes], bytes]
LEAVES = ["text/plain", "application/isup;version=x", "message/sip", "application/pidf+xml"]
SPELLINGS: list[Make] = [
    lambda kind: b"Content-Type: " + kind,
    lambda kind: b"content-type:" + kind,
    lambda kind: b"Content-Type:\r\n " + kind,
    lambda kind: b"c : " + kind,
    lambda kind: b"X: y\r\nContent-Type: " + kind.replace(b"/", b"/\r\n "),
    lambda kind: b"Content-Type: " + kind.upper(),
]


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, str, int]:
    """Draw a body of several parts, its Content-Type, and how many session descriptions are in it."""
    numbers = iter(range(1000))
    eol = draw(st.sampled_from([b"\r\n", b"\n"]))

    def leaf(kind: bytes, content: bytes) -> bytes:
        return draw(st.sampled_from(SPELLINGS))(kind).replace(b"\r\n", eol) + eol + eol + content

    def several(depth: int) -> tuple[bytes, bytes, int]:
        boundary = b"boundary%d." % next(numbers)
        written, count = [], 0
        for _ in range(draw(st.integers(1, 3))):
            what = draw(st.sampled_from(["sdp", "other", "other", "several"] if depth else ["sdp", "other"]))
            if what == "several":
                body, inner, found = several(depth - 1)
                part = b'Content-Type: multipart/mixed;boundary="%b"' % inner + eol + eol + body
            else:
                found = int(what == "sdp")
                kind = b"application/sdp" if found else draw(st.sampled_from(LEAVES)).encode()
                part = leaf(kind, SDP if found else draw(st.binary(max_size=20).filter(lambda data: b"--" not in data)))
            written.append(b"--" + boundary + eol + part + eol)
            count += found
        return b"".join(written) + b"--" + boundary + b"--" + eol, boundary, count

    body, boundary, count = several(2)
    return body, f"multipart/mixed;boundary={boundary.decode()}", count


@settings(deadline=None)
@given(bodies())
def test_the_one_session_description_is_found_wherever_it_stands(drawn: tuple[bytes, str, int]) -> None:
    body, kind, count = drawn
    request = message(body, kind)
    if count > 1:
        assert not is_readable(request)
        return
    assert is_readable(request)
    assert sdp_of(request) == (SDP if count else None)
    if count:
        replace_sdp(request, b"v=0\r\n")
        assert request.body == body.replace(SDP, b"v=0\r\n")


@settings(deadline=None)
@given(bodies(), st.data())
def test_a_body_that_was_changed_at_random_is_read_right_or_not_at_all(
    drawn: tuple[bytes, str, int], data: st.DataObject
) -> None:
    body, kind, _ = drawn
    at = data.draw(st.integers(0, len(body)))
    piece = data.draw(st.sampled_from([b"", b"\r\n", b"\n", b"--", b":", b" ", b"\0", b"--boundary0.", b'"']))
    request = message(body[:at] + piece + body[at + data.draw(st.integers(0, 3)) :], kind)
    sdp = sdp_of(request)
    if sdp is not None:
        before, size = request.body, len(sdp)
        replace_sdp(request, b"")
        places = (place for place in range(len(before)) if before[place : place + size] == sdp)
        assert request.body in [before[:place] + before[place + size :] for place in places]
