from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.sdp.address import MediaAddress, parse_address
from engines.sdp.lines import SdpError
from engines.sdp.session import parse
from tests.engines.sdp_bodies import AUDIO, ICE, OWN_CONNECTIONS, TWO_STREAMS


def test_streams_are_found_with_all_their_parts() -> None:
    streams = parse(OWN_CONNECTIONS).streams

    assert [(s.number, s.media, s.port.text, s.port_count, s.transport, s.formats) for s in streams] == [
        (1, b"audio", b"4000", 1, b"RTP/AVP", (b"0",)),
        (2, b"video", b"5000", 1, b"RTP/AVP", (b"96",)),
    ]


def test_every_place_is_where_its_text_stands() -> None:
    sdp = parse(OWN_CONNECTIONS)
    places = [stream.port for stream in sdp.streams] + [stream.connections[0].host for stream in sdp.streams]
    places += [rtcp.port for stream in sdp.streams for rtcp in stream.rtcp]

    assert [OWN_CONNECTIONS[place.start : place.end] for place in places] == [place.text for place in places]
    assert [place.text for place in places] == [b"4000", b"5000", b"10.0.0.2", b"2001:db8::3", b"4001"]


def test_the_address_is_the_streams_own_or_the_sessions() -> None:
    sdp = parse(OWN_CONNECTIONS)
    assert [sdp.address_of(stream) for stream in sdp.streams] == [
        MediaAddress(b"IP4", b"10.0.0.2"),
        MediaAddress(b"IP6", b"2001:db8::3"),
    ]
    audio = parse(AUDIO)
    assert audio.address_of(audio.streams[0]) == MediaAddress(b"IP4", b"10.0.0.1")


def test_a_stream_with_port_0_is_not_live() -> None:
    sdp = parse(TWO_STREAMS)
    assert [stream.number for stream in sdp.live_streams] == [1, 2]
    assert [stream.is_live for stream in sdp.streams] == [True, True, False]


@pytest.mark.parametrize(
    ("session", "media", "direction"),
    [
        (b"", b"a=sendonly\r\n", b"sendonly"),
        (b"a=inactive\r\n", b"", b"inactive"),
        (b"a=inactive\r\n", b"a=recvonly\r\n", b"recvonly"),
        (b"", b"", b"sendrecv"),
    ],
)
def test_direction(session: bytes, media: bytes, direction: bytes) -> None:
    sdp = parse(b"v=0\r\n" + session + b"m=audio 4000 RTP/AVP 0\r\n" + media)
    assert sdp.direction_of(sdp.streams[0]) == direction


def test_attributes_are_known_by_their_whole_name() -> None:
    stream = parse(ICE).streams[0]
    assert stream.has(b"rtcp-mux")
    assert stream.has(b"ice-ufrag")
    assert not stream.has(b"rtcp")
    assert not stream.has(b"ice")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "line 1: an empty body"),
        (b"\r\n\r\n", "line 1: an empty body"),
        (b"--boundary\r\nContent-Type: application/sdp\r\n\r\n" + AUDIO, "line 1: a multipart body, not an SDP"),
        (b"o=- 1 1 IN IP4 10.0.0.1\r\n", "line 1: an SDP begins with v="),
        (b"v=0\r\nhello\r\n", "line 2: not of the form <type>=: 'hello'"),
        (b"v=0\r\nm=audio 4000\r\n", "line 2: an m= line needs"),
        (b"v=0\r\nm=audio 65536 RTP/AVP 0\r\n", "line 2: not a port"),
        (b"v=0\r\nm=audio " + b"9" * 5000 + b" RTP/AVP 0\r\n", "line 2: not a port"),
        (b"v=0\r\nm=audio -1 RTP/AVP 0\r\n", "line 2: not a port"),
        (b"v=0\r\nc=ATM NSAP 47\r\n", "line 2: not an address"),
        (b"v=0\r\nc=IN IP4\r\n", "line 2: not an address"),
        (b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:x\r\n", "line 4: not a port"),
        (b"v=0\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP4\r\n", "line 3: not an address"),
    ],
)
def test_an_error_names_the_line_and_what_is_wrong(body: bytes, message: str) -> None:
    with pytest.raises(SdpError) as error:
        parse(body)
    assert str(error.value).startswith(message)


def test_a_stream_without_any_address_is_an_error_only_when_it_is_asked_for() -> None:
    sdp = parse(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n")
    with pytest.raises(SdpError, match="line 2: no c= line"):
        sdp.address_of(sdp.streams[0])


def test_an_o_line_that_is_no_address_is_left_alone() -> None:
    assert parse(b"v=0\r\no=nonsense\r\n").origin is None


@given(
    body=st.sampled_from([AUDIO, TWO_STREAMS, OWN_CONNECTIONS, ICE]),
    at=st.integers(0, 400),
    length=st.integers(0, 30),
    garbage=st.binary(max_size=30),
)
def test_a_mutated_body_is_read_or_refused_with_an_sdp_error(body: bytes, at: int, length: int, garbage: bytes) -> None:
    mutated = body[:at] + garbage + body[at + length :]
    with contextlib.suppress(SdpError):
        assert parse(mutated).body == mutated


@given(st.binary(max_size=200))
def test_garbage_is_refused_with_an_sdp_error(body: bytes) -> None:
    with pytest.raises(SdpError):
        parse(b"\xff" + body)


@pytest.mark.parametrize(
    ("host", "family"),
    [(b"10.0.0.1", b"IP4"), (b"0.0.0.0", b"IP4"), (b"::1", b"IP6"), (b"2001:DB8::1", b"IP6")],
)
def test_an_ip_literal_is_an_address(host: bytes, family: bytes) -> None:
    assert parse_address(host) == MediaAddress(family, host)


@pytest.mark.parametrize("host", [b"", b"example.com", b"224.2.1.1/127", b"10.0.0", b"fe80::1%eth0", b"\xff"])
def test_anything_else_is_none(host: bytes) -> None:
    assert parse_address(host) is None


@pytest.mark.parametrize("body", [AUDIO.replace(b"\r\n", b"\r"), AUDIO.replace(b"\r\nt=", b"\rt=")])
def test_a_lone_cr_ends_no_line(body: bytes) -> None:
    with pytest.raises(SdpError, match="CR that no LF follows"):
        parse(body)


def test_a_cr_too_many_at_the_end_of_a_line_does_no_harm() -> None:
    assert parse(AUDIO.replace(b"\r\n", b"\r\r\n")).streams[0].port.text == b"4000"


@pytest.mark.parametrize("bare", [b"a=rtcp:", b"a=rtcp", b"a=rtcp: "])
def test_a_bare_rtcp_line_says_nothing(bare: bytes) -> None:
    body = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n" + bare + b"\r\n"
    (stream,) = parse(body).streams
    assert stream.rtcp == ()
