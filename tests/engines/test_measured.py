"""What the statistics of deletes say of the media: real replies of rtpengine 10.5 and 12.5, and anything else.

`recorded_deletes` has what a real one answered to the delete of a call with media both ways (and RTCP), from one party
only, from none, where one party only was to send, with audio and video, with PCMU for one party and PCMA for the other,
with a branch that did not answer, before anybody answered, and to the delete of a branch. The 12.5 had the
`delete-delay` that it has by itself: without one it tells nothing of a party that the delete names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.measured import MAX_COUNT, MAX_STREAMS, measured
from engines.ng.bencode import BencodeError, NgDict, NgValue, decode, encode
from engines.ng.bulky import PartlyRead
from engines.reply import NodeReply
from engines.rtpengine import measured as usual
from engines.rtpengine.kind import RtpengineKind
from engines.rtpproxy.kind import RtpproxyKind
from events.names import Tag
from events.registry import MeasuredStream

FOLDER = Path(__file__).parent / "recorded_deletes"
RECORDED = {path.name.removeprefix("rtpengine_"): path.read_bytes() for path in FOLDER.iterdir()}
REPLIES = {name.removeprefix("10.5_"): reply for name, reply in RECORDED.items() if name.startswith("10.5_")}
NEWER = {name.removeprefix("12.5_"): reply for name, reply in RECORDED.items() if name.startswith("12.5_")}


def said(reply: bytes) -> dict[bytes, Any]:
    read = decode(reply)
    assert isinstance(read, dict)
    return read


def read(reply: bytes) -> tuple[MeasuredStream, ...]:
    """Read a reply as it is read when it has come."""
    words = PartlyRead({b"result": b"ok"}, reply)
    return RtpengineKind().measured(NodeReply(words))


@pytest.mark.parametrize("name", RECORDED)
def test_a_real_reply_is_read_by_its_form_as_it_is_by_decoding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = measured(said(RECORDED[name]))
    monkeypatch.setattr(usual, "measured", None)  # it is not taken apart
    assert read(RECORDED[name]) == expected


def test_what_a_real_reply_says_of_a_call_with_media_both_ways() -> None:
    assert read(REPLIES["twoway"]) == (
        MeasuredStream(
            Tag("caller-tag"), 183, 31476, (1280076241,), 1, "audio", 0, None, None, 14, 3, (42,) * 3, 101700
        ),
        MeasuredStream(Tag("callee-tag"), 183, 31476, (33571271,), 1, "audio", 0, None, None, 7, 2, (42,) * 3, 102297),
    )


def test_what_real_replies_say_of_other_calls() -> None:
    told = {name: [(s.party, s.medium, s.kind, s.packets, s.errors) for s in read(REPLIES[name])] for name in REPLIES}
    caller, callee = Tag("caller-tag"), Tag("callee-tag")
    assert told["nomedia"] == [(caller, 1, "audio", 0, 0), (callee, 1, "audio", 0, 0)]
    assert told["oneway"][1] == (callee, 1, "audio", 0, 0)
    assert [one[:3] for one in told["twomedia"]] == [
        (party, number, kind) for party in (caller, callee) for number, kind in ((1, "audio"), (2, "video"))
    ]
    assert told["transcoding"][1] == (callee, 1, "audio", 75, 75)
    assert [one[0] for one in told["fork"]] == [caller, callee], "the branch that did not answer has no tag"
    assert [one[0] for one in told["unanswered"]] == [caller]
    assert told["branch"] == []


def test_what_real_replies_of_a_newer_release_say() -> None:
    caller, callee = Tag("caller-tag"), Tag("callee-tag")
    assert read(NEWER["twoway"]) == (
        MeasuredStream(caller, 255, 43860, (947131372,), 1, "audio", 0, 255, 43860, 3, 2, (43,) * 3, 120184),
        MeasuredStream(callee, 255, 43860, (2035790584,), 1, "audio", 0, 255, 43860, 3, 2, (43,) * 3, 120161),
    )
    told = {name: [(s.party, s.medium, s.packets, s.packets_sent) for s in read(NEWER[name])] for name in NEWER}
    assert told["oneway"] == [(caller, 1, 20, 0), (callee, 1, 0, 20)]
    assert told["nomedia"] == [(caller, 1, 0, 0), (callee, 1, 0, 0)]
    assert told["twomedia"] == [(party, number, 15, 15) for party in (caller, callee) for number in (1, 2)]
    assert told["fork"] == [(caller, 1, 10, 10), (callee, 1, 10, 10)]
    assert told["unanswered"] == [(caller, 1, 0, 0)]


def test_newer_releases_tell_of_both_directions_and_of_all_sources() -> None:
    stream = {
        b"flags": [b"RTP"],
        b"stats": {b"packets": 5, b"bytes": 800},
        b"stats_out": {b"packets": 4, b"bytes": 640},
        b"ingress SSRCs": [{b"SSRC": 1}, {b"SSRC": 2}],
    }
    party = {b"tag": b"a", b"medias": [{b"index": 1, b"type": b"audio", b"streams": [stream]}]}
    assert measured({b"tags": {b"a": party}}) == (
        MeasuredStream(Tag("a"), 5, 800, (1, 2), packets_sent=4, octets_sent=640),
    )


def test_what_a_tag_only_pretends_to_be_is_not_taken() -> None:
    """A tag is the SIP user's to choose: nobody makes a statistic of one."""
    reply = REPLIES["nomedia"]
    start, end = reply.index(b"5:statsd"), reply.index(b"e5:flagsl11")
    tag = b"x7:createdi1e13:subscriptionsle11:subscriberslee6:mediasl" + reply[start:end]
    forged = reply.replace(b"10:caller-tag", b"%d:%b" % (len(tag), tag))
    assert [stream.packets for stream in read(forged)] == [0, 0]
    assert read(forged) == measured(said(forged))


def test_an_rtpproxy_tells_the_packets_of_each_stream() -> None:
    stats: list[NgValue] = [{b"index": medium, b"streams": [{b"stats": {b"packets": 7 * medium}}]} for medium in (1, 2)]
    reply = NodeReply({b"result": b"ok", b"tags": {b"a": {b"tag": b"a", b"medias": stats}}})
    assert RtpproxyKind().measured(reply) == (
        MeasuredStream(Tag("a"), 7, kind=""),
        MeasuredStream(Tag("a"), 14, medium=2, kind=""),
    )


VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    b"tag",
                    b"tags",
                    b"medias",
                    b"streams",
                    b"stats",
                    b"packets",
                    b"SSRC",
                    b"index",
                    b"average MOS",
                    b"flags",
                ]
            )
            | st.binary(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=30,
)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_any_statistics_are_read_without_an_error(tags: Any, sources: Any) -> None:
    for stream in read(encode({b"tags": tags, b"SSRC": sources, b"result": b"ok"})):
        assert 0 <= stream.packets <= MAX_COUNT


@settings(deadline=None)
@given(
    st.sampled_from(sorted(REPLIES)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=3),
)
def test_a_spoiled_reply_is_read_as_it_is_decoded_or_not_at_all(
    name: str, changes: list[tuple[float, int, bytes]]
) -> None:
    reply = REPLIES[name]
    for where, cut, instead in changes:
        start = int(where * len(reply))
        reply = reply[:start] + instead + reply[start + cut :]
    found = read(reply)
    assert len(found) <= MAX_STREAMS
    try:
        told = decode(reply)
    except BencodeError:
        return
    if isinstance(told, dict):
        assert found == measured(told)


def test_only_so_many_streams_are_told() -> None:
    medium: NgDict = {b"index": 1, b"type": b"audio", b"streams": [{b"stats": {b"packets": 1}}]}
    tags: NgDict = {b"%d" % number: {b"tag": b"%d" % number, b"medias": [medium]} for number in range(2 * MAX_STREAMS)}
    assert len(read(encode({b"tags": tags}))) == MAX_STREAMS
