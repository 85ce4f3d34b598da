"""Whether a body is a session description: what is told at a glance is what reading line by line tells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.calls import CALLEE_SDP, CALLER_SDP
from engines.sdp import check as module
from engines.sdp.check import check, check_lines
from engines.sdp.lines import SdpError
from tests.engines.sdp_bodies import AUDIO, ICE, OWN_CONNECTIONS, TWO_STREAMS, WITH_TCP

BODIES = [AUDIO, TWO_STREAMS, OWN_CONNECTIONS, WITH_TCP, ICE, CALLER_SDP]

LINES = st.sampled_from(
    [
        *{line for body in BODIES for line in body.splitlines(keepends=True)},
        *(b"\r\n", b"\n", b"\0\0", b"c=IN IP4\r\n", b"m=audio 4000 RTP/AVP\r\n", b"m=audio x RTP/AVP 0\r\n"),
        *(b"m=audio 65536 RTP/AVP 0\r\n", b"m=audio 65535 RTP/AVP 0\r\n", b"m=audio 59999/2 RTP/AVP 0\r\n"),
        *(b"o=- 1 1 IN IP4\r\n", b"o=- 1 1  IN IP4 h\r\n", b"a=x\ry\r\n", b"a=x\r\r\n", b"a=\0\r\n", b"=x\r\n"),
        *(b"\xe9=x\r\n", b"9=x\r\n", b"--boundary\r\n", b"v= 0\r\n", b"v=1\r\n", b"B=\r\n", b"a=last"),
        *(b"m=audio\t4000 RTP/AVP 0\r\n", b"m=audio 4000 RTP/AVP \xa0\r\n", b"c=IN IP4 \x0b\r\n", b"a=" + b"x" * 8200),
    ]
)
BUILT = st.builds(b"".join, st.lists(LINES, max_size=12)).flatmap(
    lambda rest: st.sampled_from([rest, b"v=0\r\n" + rest])
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a session description with a few bytes put in place of others."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        body[start : start + draw(st.integers(0, 3))] = draw(
            st.sampled_from([b"", b"\r", b"\n", b" ", b"\0", b"=", b"m=", b"7"])
        )
    return bytes(body)


def complaint(how: object, body: bytes) -> str:
    try:
        how(body)  # type: ignore[operator]
    except SdpError as error:
        return str(error)
    return ""


@given(st.one_of(BUILT, damaged(), st.binary(max_size=60)))
def test_a_body_is_told_the_same_at_a_glance_as_line_by_line(body: bytes) -> None:
    assert complaint(check, body) == complaint(check_lines, body)


@pytest.mark.parametrize("body", [CALLER_SDP, CALLEE_SDP, AUDIO, WITH_TCP])
def test_usual_bodies_are_told_at_a_glance(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def unexpected(_: bytes) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "check_lines", unexpected)
    check(body)


def test_a_line_that_is_too_long_is_found_in_a_usual_body() -> None:
    with pytest.raises(SdpError, match="longer than 8192 bytes"):
        check(AUDIO + b"a=" + b"x" * 8191 + b"\r\n")


def test_lines_without_end_are_told_the_same() -> None:
    for piece in (b"a= ", b"m=audio 1 x y ", b"o=1 2 3 4 5 6 "):
        body = b"v=0\n" + piece * (8000 // len(piece)) + b"\r"
        assert complaint(check, body) == complaint(check_lines, body)
