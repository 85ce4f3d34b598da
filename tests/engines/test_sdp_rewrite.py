from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.sdp.address import MediaAddress
from engines.sdp.lines import SdpError
from engines.sdp.rewrite import MediaTarget, RewriteRules, rewrite
from engines.sdp.session import Sdp, parse
from tests.engines.sdp_bodies import AUDIO, ICE, OWN_CONNECTIONS, TWO_STREAMS

RELAY = MediaAddress(b"IP4", b"203.0.113.5")
OTHER = MediaAddress(b"IP4", b"203.0.113.6")
RELAY6 = MediaAddress(b"IP6", b"2001:db8::5")
PLAIN = RewriteRules()


def moved(body: bytes, targets: dict[int, MediaTarget], rules: RewriteRules = PLAIN) -> bytes:
    return rewrite(parse(body), targets, rules)


def replaced(body: bytes, *changes: tuple[bytes, bytes]) -> bytes:
    """Return the body with each text, which stands there exactly once, replaced."""
    for old, new in changes:
        assert body.count(old) == 1, old
        body = body.replace(old, new)
    return body


def test_a_session_address_that_all_share_is_changed_in_its_place() -> None:
    assert moved(AUDIO, {1: MediaTarget(RELAY, 35000)}) == replaced(
        AUDIO, (b"\r\nc=IN IP4 10.0.0.1", b"\r\nc=IN IP4 203.0.113.5"), (b"audio 4000", b"audio 35000")
    )


def test_two_streams_and_one_with_port_0() -> None:
    assert moved(TWO_STREAMS, {1: MediaTarget(RELAY, 35000), 2: MediaTarget(RELAY, 35004)}) == replaced(
        TWO_STREAMS,
        (b"\r\nc=IN IP4 10.0.0.1", b"\r\nc=IN IP4 203.0.113.5"),
        (b"audio 4000", b"audio 35000"),
        (b"video 4002", b"video 35004"),
        (b"rtcp:4103 IN IP4 10.0.0.1", b"rtcp:35005 IN IP4 203.0.113.5"),
    )


def test_streams_that_part_get_an_address_of_their_own_behind_the_title() -> None:
    assert moved(TWO_STREAMS, {1: MediaTarget(RELAY, 35000), 2: MediaTarget(OTHER, 35004)}) == replaced(
        TWO_STREAMS,
        (b"\r\nc=IN IP4 10.0.0.1", b"\r\nc=IN IP4 203.0.113.5"),
        (b"audio 4000", b"audio 35000"),
        (b"video 4002", b"video 35004"),
        (b"i=camera\r\n", b"i=camera\r\nc=IN IP4 203.0.113.6\r\n"),
        (b"rtcp:4103 IN IP4 10.0.0.1", b"rtcp:35005 IN IP4 203.0.113.6"),
    )


def test_a_new_address_behind_a_last_line_without_an_end() -> None:
    body = b"v=0\nc=IN IP4 10.0.0.1\nm=audio 4000 RTP/AVP 0\nm=video 4002 RTP/AVP 96"
    assert moved(body, {1: MediaTarget(RELAY, 35000), 2: MediaTarget(OTHER, 35004)}) == (
        b"v=0\nc=IN IP4 203.0.113.5\nm=audio 35000 RTP/AVP 0\nm=video 35004 RTP/AVP 96\nc=IN IP4 203.0.113.6"
    )


def test_addresses_of_streams_are_changed_and_the_session_line_stays() -> None:
    assert moved(OWN_CONNECTIONS, {1: MediaTarget(RELAY, 35000), 2: MediaTarget(RELAY, 35004)}) == replaced(
        OWN_CONNECTIONS,
        (b"audio  4000  ", b"audio  35000  "),
        (b"c=IN IP4 10.0.0.2", b"c=IN IP4 203.0.113.5"),
        (b"rtcp:4001", b"rtcp:35001"),
        (b"video 5000/1", b"video 35004/1"),
        (b"c=IN IP6 2001:db8::3", b"c=IN IP4 203.0.113.5"),
    )


def test_the_unused_session_line_and_the_origin_are_changed_when_asked() -> None:
    rules = RewriteRules(origin=True, session_connection=True)
    assert moved(OWN_CONNECTIONS, {1: MediaTarget(RELAY, 4000)}, rules) == replaced(
        OWN_CONNECTIONS,
        (b"1 1 IN IP6 2001:db8::1", b"1 1 IN IP4 203.0.113.5"),
        (b"c=IN IP4 10.0.0.1", b"c=IN IP4 203.0.113.5"),
        (b"c=IN IP4 10.0.0.2", b"c=IN IP4 203.0.113.5"),
    )


def test_another_address_family() -> None:
    assert moved(AUDIO, {1: MediaTarget(RELAY6, 35000)}) == replaced(
        AUDIO, (b"\r\nc=IN IP4 10.0.0.1", b"\r\nc=IN IP6 2001:db8::5"), (b"audio 4000", b"audio 35000")
    )


def test_hold_the_old_way_stays_hold() -> None:
    held = AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 0.0.0.0")
    target = {1: MediaTarget(RELAY, 35000)}
    assert moved(held, target) == replaced(held, (b"audio 4000", b"audio 35000"))
    assert moved(held, target, RewriteRules(session_connection=True)) == moved(held, target)
    assert b"c=IN IP4 203.0.113.5" in moved(held, target, RewriteRules(zero_address=True))


def test_one_stream_on_hold_beside_another() -> None:
    held = OWN_CONNECTIONS.replace(b"10.0.0.2", b"0.0.0.0")
    assert moved(held, {1: MediaTarget(RELAY, 35000), 2: MediaTarget(RELAY6, 5000)}) == replaced(
        held,
        (b"audio  4000  ", b"audio  35000  "),
        (b"rtcp:4001", b"rtcp:35001"),
        (b"2001:db8::3", b"2001:db8::5"),
    )


def test_rtcp_on_the_port_of_the_rtp_stays_there() -> None:
    body = AUDIO + b"a=rtcp:4000\r\na=rtcp-mux\r\n"
    assert moved(body, {1: MediaTarget(RELAY, 35000)}).endswith(b"a=rtcp:35000\r\na=rtcp-mux\r\n")


def test_ice_lines_are_taken_out_of_session_and_streams() -> None:
    assert moved(ICE, {1: MediaTarget(RELAY, 4000)}) == (
        b"v=0\r\n"
        b"o=- 1 1 IN IP4 10.0.0.1\r\n"
        b"s=-\r\n"
        b"c=IN IP4 203.0.113.5\r\n"
        b"t=0 0\r\n"
        b"m=audio 4000 RTP/AVP 0\r\n"
        b"a=rtcp-mux\r\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        b"a=candidate:1 1 UDP 1 10.0.0.1 4000 typ host",
        b"a=Candidate:1 1 UDP 1 10.0.0.1 4000 typ host",
        b"a=remote-candidates:1 10.0.0.1 4000",
        b"a=alt:1 1 : x y 10.0.0.1 4000",
        b"a=altc:1 IP4 10.0.0.1 4000",
        b"a=ccap:1 IN IP4 10.0.0.1 4000",
        b"a=acap:1 candidate:1 1 UDP 1 10.0.0.1 4000 typ host",
    ],
)
@pytest.mark.parametrize("port", [b"4000", b"0"])
def test_no_line_that_names_another_address_stays(line: bytes, port: bytes) -> None:
    body = AUDIO.replace(b"4000", port).replace(b"t=0", line + b"\r\nt=0") + line + b"\r\n"
    assert line not in moved(body, {1: MediaTarget(RELAY, 35000)} if port != b"0" else {})


def test_a_capability_that_names_no_address_stays() -> None:
    body = AUDIO + b"a=acap:1 key-mgmt:mikey AQAF\r\na=acap:\r\n"
    assert moved(body, {1: MediaTarget(RELAY, 35000)}).endswith(b"a=acap:1 key-mgmt:mikey AQAF\r\na=acap:\r\n")


def test_a_stream_without_an_address_is_an_error() -> None:
    with pytest.raises(SdpError, match="line 2: no c= line"):
        moved(b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n", {1: MediaTarget(RELAY, 35000)})


def own_targets(sdp: Sdp) -> dict[int, MediaTarget]:
    return {s.number: MediaTarget(sdp.address_of(s), int(s.port.text)) for s in sdp.live_streams}


@pytest.mark.parametrize("body", [AUDIO, OWN_CONNECTIONS, AUDIO.replace(b"\r\n", b"\n"), AUDIO[:-2] + b"\r\n\r\n"])
def test_nothing_changes_if_nothing_is_to_change(body: bytes) -> None:
    sdp = parse(body)
    targets = own_targets(sdp)
    if any(stream.rtcp for stream in sdp.streams):
        targets[1] = MediaTarget(targets[1].address, 4000)
    assert rewrite(sdp, targets, PLAIN) == body


ADDRESSES = st.sampled_from([RELAY, OTHER, RELAY6])
ATTRIBUTES = st.lists(
    st.sampled_from([b"a=x-unknown:1  2", b"a=sendrecv", b"b=AS:64", b"k=clear:x", b"a=rtcp-fb:* nack", b"a="]),
    max_size=4,
)
OWN = st.sampled_from([b"", b"c=IN IP4 10.9.9.9", b"c=IN  IP6\t2001:db8::9"])


@st.composite
def bodies(draw: st.DrawFn) -> tuple[bytes, int]:
    """Return a body and how many streams it has."""
    newline = draw(st.sampled_from([b"\r\n", b"\n"]))
    lines = [b"v=0", b"o=- 1 1 IN IP4 10.0.0.1", b"s=x y  z", b"c=IN IP4 10.0.0.1", b"t=0 0"]
    count = draw(st.integers(0, 4))
    for number in range(count):
        lines.append(b"m=audio %d  RTP/AVP 0 " % draw(st.sampled_from([0, 4000 + 2 * number])))
        own = draw(OWN)
        lines += [own] * bool(own) + draw(ATTRIBUTES)
    end = draw(st.sampled_from([b"", newline, newline + newline, newline + b"\0"]))
    return newline.join(lines) + end, count


@given(bodies(), st.lists(st.tuples(ADDRESSES, st.integers(1, 65535)), min_size=4, max_size=4))
def test_each_live_stream_goes_to_its_target_and_all_else_stays(
    drawn: tuple[bytes, int], choices: list[tuple[MediaAddress, int]]
) -> None:
    body, _ = drawn
    sdp = parse(body)
    targets = {stream.number: MediaTarget(*choices[stream.number - 1]) for stream in sdp.live_streams}
    new = parse(rewrite(sdp, targets, PLAIN))

    assert {s.number: MediaTarget(new.address_of(s), int(s.port.text)) for s in new.live_streams} == targets
    for old_stream, new_stream in zip(sdp.streams, new.streams, strict=True):
        if not old_stream.is_live:
            assert [line.text for line in new_stream.lines] == [line.text for line in old_stream.lines]
        kept = [line.text + line.ending for line in old_stream.lines if line.type in b"abk"]
        assert [line.text + line.ending for line in new_stream.lines if line.type in b"abk"] == kept
    others = [line.text for line in sdp.lines if line.type != b"c"]
    assert [line.text for line in new.lines if line.type != b"c"] == others


@given(bodies())
def test_identity(drawn: tuple[bytes, int]) -> None:
    sdp = parse(drawn[0])
    assert rewrite(sdp, own_targets(sdp), RewriteRules(origin=not sdp.live_streams)) == drawn[0]


@given(bodies(), st.lists(st.tuples(ADDRESSES, st.integers(1, 65535)), min_size=4, max_size=4))
def test_to_a_relay_and_back_is_the_same_body(
    drawn: tuple[bytes, int], choices: list[tuple[MediaAddress, int]]
) -> None:
    sdp = parse(drawn[0])
    address = choices[0][0]
    there = {s.number: MediaTarget(address, choices[s.number - 1][1]) for s in sdp.live_streams}
    back = rewrite(parse(rewrite(sdp, there, PLAIN)), own_targets(sdp), PLAIN)
    assert back == drawn[0]
