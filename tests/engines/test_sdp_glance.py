"""What a guarded rtpengine is asked and has given is told at a glance as it is line by line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.calls import CALLEE_SDP, CALLER_SDP
from engines.kind import Untranslatable
from engines.ng.bencode import NgDict
from engines.reply import NodeReply
from engines.rtpengine.guard import narrowed, narrowed_by_lines, verified, verified_by_lines
from engines.sdp.glance import usual_hosts
from engines.sdp.lines import SdpError
from engines.sdp.tcp import TcpStreams
from tests.engines.sdp_bodies import AUDIO, ICE, OWN_CONNECTIONS, TWO_STREAMS, WITH_TCP

RELAYED = AUDIO.replace(b"10.0.0.1", b"203.0.113.5").replace(b"4000", b"35000")
BODIES = [AUDIO, TWO_STREAMS, OWN_CONNECTIONS, WITH_TCP, ICE, CALLER_SDP, CALLEE_SDP, RELAYED]

LINES = st.sampled_from(
    [
        *{line for body in BODIES for line in body.splitlines(keepends=True)},
        *(b"c=IN IP4 10.0.0.1\r\n", b"c=IN IP4 0.0.0.0\r\n", b"c=IN IP6 ::1\n", b"c=in ip4 10.0.0.1\r\n"),
        *(b"c=IN IP4 10.0.0.1 \r\n", b"c=IN  IP4 h\r\n", b"c=IN IP4\r\n", b"c=IN IP5 h\r\n", b"c=IN IP4 h i\r\n"),
        *(b"c=IN IP4 10.0.0.1\r\r\n", b"c=IN IP4 h\x0b\r\n", b"c=IN IP4 \0\r\n", b"c=IN IP4 h"),
        *(b"m=audio 0 RTP/AVP 0\r\n", b"m=audio 4000 RTP/AVP\r\n", b"m=audio 4000/2 RTP/AVP 0\r\n", b"m=audio 4000"),
        *(b"m=audio 04000 RTP/AVP 0\r\n", b"m=audio 65535 x y\r\n", b"m=audio 65536 x y\r\n", b"m=audio 4000\r\n"),
        *(b"m=image 4000 tcp t38\r\n", b"m=image 0 TCP t38\r\n", b"m=image 4000 xTCP t38\r\n", b"m=a\tb 1 x y\r\n"),
        *(
            b"a=rtcp\r\n",
            b"a=rtcp:\r\n",
            b"a=rtcp:x\r\n",
            b"a=rtcp:1 IN IP4\r\n",
            b"a=rtcp:1/2\r\n",
            b"a=rtcp :1 x\r\n",
        ),
        *(b"a= rtcp:x\r\n", b"a=RTCP:x\r\n", b"a=rtcp-mux\r\n", b"a=rtcp:1 IN IP4 h\r\n", b"a=rtcp\x0b:x\r\n", b"a="),
        *(b"a=altc:1 IP4 10.0.0.1 4000\r\n", b"a= Alt:1\r\n", b"a=acap:1 altc:1\r\n", b"a=CCAP:1 IP4 h\r\n"),
        *(b"a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\n", b"a=Candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\n"),
        *(b"a= candidate:1\r\n", b"a=ICE-ufrag:x\r\n", b"a=ice-lite\r\n", b"a=ice-lite \r\n", b"a=ice-pwd :x\r\n"),
        *(b"a=acap:1 candidate:1\r\n", b"a=acap:1 ice-lite\r\n", b"a=end-of-candidates\n", b"a=candidates:1\r\n"),
        *(b"a=altitude:1\r\n", b"A=altc:1\r\n", b"a=x\ry\r\n", b"a=x\r\r\n", b"\r\n", b"\0\0", b"\xe9=x\r\n", b"x"),
    ]
)
BUILT = st.builds(b"".join, st.lists(LINES, max_size=10)).flatmap(
    lambda rest: st.sampled_from([rest, b"v=0\r\n" + rest, AUDIO + rest, RELAYED + rest])
)
PIECES = st.sampled_from(
    [b"", b"\r", b"\n", b" ", b"\t", b"\0", b"=", b"m=", b"c=", b"a=rtcp:", b"7", b"TCP", b"a=alt", b":"]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a session description with a few bytes put in place of others."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        body[start : start + draw(st.integers(0, 3))] = draw(PIECES)
    return bytes(body)


ANY = st.one_of(st.sampled_from(BODIES), BUILT, damaged(), st.binary(max_size=60))


def outcome(act: Callable[[], object]) -> object:
    """Return what comes of it: what is returned, or what is raised, in words."""
    try:
        return act()
    except (SdpError, Untranslatable) as error:
        return repr(error)


@settings(max_examples=500, deadline=None)
@given(ANY, st.sampled_from(TcpStreams), st.booleans())
def test_what_a_node_is_asked_is_the_same_at_a_glance(sdp: bytes, wish: TcpStreams, alone: bool) -> None:
    request: NgDict = {b"command": b"offer", b"sdp": sdp}
    glance = outcome(lambda: narrowed(request, wish, alone=alone))
    assert glance == outcome(lambda: narrowed_by_lines(request, wish, alone=alone))


@settings(max_examples=1000, deadline=None)
@given(ANY, ANY)
def test_what_a_node_has_given_is_told_the_same_at_a_glance(sdp: bytes, given_back: bytes) -> None:
    for relayed in (given_back, sdp):
        request: NgDict = {b"command": b"offer", b"sdp": sdp}
        reply = NodeReply({b"result": b"ok", b"sdp": relayed})
        glance = outcome(lambda: verified(request, reply))  # noqa: B023 - called at once
        assert glance == outcome(lambda: verified_by_lines(request, reply))  # noqa: B023


@pytest.mark.parametrize(
    ("body", "hosts"),
    [
        (CALLER_SDP, {b"198.51.100.10"}),
        (TWO_STREAMS, {b"10.0.0.1", b"10.0.0.9"}),
        (ICE + b"\r\n", {b"10.0.0.1"}),
        (ICE, set()),
        (RELAYED, {b"203.0.113.5"}),
        (WITH_TCP, set()),
        (AUDIO + b"a=altc:1 IP4 10.0.0.1 4000\r\n", set()),
        (AUDIO + b"a=" + 5000 * b"x" + b"\r\n", set()),
        (AUDIO.replace(b"c=", b"b="), set()),
        (AUDIO.replace(b"c=", b"b=") + b"c=IN IP6 ::1\n", {b"::1"}),
    ],
)
def test_usual_descriptions_are_those_whose_streams_all_have_an_address(body: bytes, hosts: set[bytes]) -> None:
    assert usual_hosts(body) == hosts


def test_lines_without_end_take_no_time() -> None:
    for piece in (b"a= ", b"m=audio 1 x y ", b"a=\t", b"c=IN IP4 h\n", b"m=audio 1 x y\n"):
        assert not usual_hosts(b"v=0\n" + piece * (4000 // len(piece)) + b"\r")
