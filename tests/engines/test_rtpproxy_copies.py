"""Copies on an rtpproxy: the SDP for the recorder, and the commands for each stream."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest

from engines.copy_request import CopyRequest
from engines.kind import Operation, Untranslatable
from engines.ng.bencode import NgDict
from engines.rtpproxy.copies import NOTHING_TO_COPY
from engines.rtpproxy.kind import RtpproxyKind
from events.names import Leg, RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told, run
from tests.engines.sdp_bodies import AUDIO, ICE, TWO_STREAMS

KIND = RtpproxyKind()
COPY = CopyRequest(verb=Verb.COPY_OFFER, from_tag=Tag("ft"), to_tag=Tag("tt"), caller_sdp=TWO_STREAMS, callee_sdp=AUDIO)
ANSWER = replace(COPY, verb=Verb.COPY_ANSWER, copy_ctx="caller:1,callee:3", sdp=AUDIO + b"m=audio 5000 RTP/AVP 0\r\n")
SESSION = zlib.crc32(b"abc")
HEAD = b"v=0\r\no=- %d 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\n" % SESSION
AUDIO_COPY = b"m=audio 4000 RTP/AVP 0 8\r\nc=IN IP4 10.0.0.1\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n"
VIDEO_COPY = b"m=video 4002 RTP/AVP 96\r\nc=IN IP4 10.0.0.1\r\na=x-odd  spacing\there\r\na=sendonly\r\n"


def ask(copy: CopyRequest, *replies: bytes) -> tuple[list[list[bytes]], Told]:
    rest = iter(replies)
    operation = Operation(verb=copy.verb, relay_id=RelayId("abc"), request=copy.request())
    return run(KIND.perform(operation), lambda _: next(rest))


def offered(copy: CopyRequest) -> NgDict:
    commands, reply = ask(copy)
    assert commands == []
    return reply


def test_an_offer_has_the_live_streams_of_both_parties_and_asks_the_node_nothing() -> None:
    assert offered(COPY) == {
        b"result": b"ok",
        b"sdp": HEAD + AUDIO_COPY + VIDEO_COPY + AUDIO_COPY,
        b"copy-ctx": b"caller:1,caller:2,callee:1",
        b"copy-layout": [b"caller:1", b"caller:2", b"callee:1"],
        b"streams": [
            {b"leg": b"caller", b"stream": 1, b"label": b"1"},
            {b"leg": b"caller", b"stream": 2, b"label": b"2"},
            {b"leg": b"callee", b"stream": 1, b"label": b"3"},
        ],
    }


@pytest.mark.parametrize(
    ("copy", "ctx", "sdp"),
    [
        (replace(COPY, legs=(Leg.CALLEE,)), b"callee:1", HEAD + AUDIO_COPY),
        (replace(COPY, streams=(2,)), b"caller:2", HEAD + VIDEO_COPY),
        (replace(COPY, streams=(2,), siprec=True), b"caller:2", HEAD + VIDEO_COPY + b"a=label:1\r\n"),
        (
            replace(COPY, streams=(1,), inactive=True, callee_sdp=b"", version=3),
            b"caller:1",
            (HEAD + AUDIO_COPY).replace(b"a=sendonly", b"a=inactive").replace(b" 1 IN", b" 3 IN"),
        ),
        (
            replace(COPY, legs=(Leg.CALLEE,), callee_sdp=AUDIO.replace(b"sendrecv", b"recvonly")),
            b"callee:1",
            (HEAD + AUDIO_COPY).replace(b"a=sendonly", b"a=inactive"),
        ),
        (
            replace(COPY, legs=(Leg.CALLEE,), callee_sdp=ICE),
            b"callee:1",
            HEAD + b"m=audio 4000 RTP/AVP 0\r\nc=IN IP4 10.0.0.1\r\na=sendonly\r\n",
        ),
    ],
)
def test_what_is_chosen(copy: CopyRequest, ctx: bytes, sdp: bytes) -> None:
    reply = offered(copy)
    assert (reply[b"copy-ctx"], reply[b"sdp"]) == (ctx, sdp)


@pytest.mark.parametrize(
    ("copy", "reason"),
    [
        (replace(COPY, streams=(3,)), NOTHING_TO_COPY),
        (replace(COPY, caller_sdp=b"", callee_sdp=b""), NOTHING_TO_COPY),
        (replace(COPY, caller_sdp=b"v=1 x"), b"No stream to be copied"),
        (replace(COPY, caller_sdp=b"rubbish"), b"Failed to parse SDP: line 1"),
        (replace(COPY, caller_sdp=b"v=0\r\nm=audio 9 RTP/AVP 0\r\n"), b"Failed to parse SDP: line 2: no c= line"),
    ],
)
def test_offers_that_fail(copy: CopyRequest, reason: bytes) -> None:
    reply = offered(replace(copy, legs=(Leg.CALLER,)))
    assert isinstance(reply[b"error-reason"], bytes)
    assert reply[b"error-reason"].startswith(reason)


def test_an_answer_copies_each_stream_to_where_the_recorder_wants_it() -> None:
    assert ask(ANSWER, b"E50\n", b"0\n", b"0\n", b"0\n") == (
        [
            [b"N abc ft;1 tt;1", b"N abc tt;3 ft;3"],
            [b"C abc udp:10.0.0.1:4000 ft;1 tt;1", b"C abc udp:10.0.0.1:5000 tt;3 ft;3"],
        ],
        {b"result": b"ok"},
    )


@pytest.mark.parametrize(
    "unwanted", [(b"audio 5000", b"audio 0"), (b"sendrecv", b"inactive"), (b"m=audio 5000", b"a=")]
)
def test_a_stream_that_the_recorder_does_not_take_is_not_copied(unwanted: tuple[bytes, bytes]) -> None:
    commands, _ = ask(replace(ANSWER, sdp=ANSWER.sdp.replace(*unwanted)), *[b"0\n"] * 4)
    assert [len(round_) for round_ in commands] == [2, 1]


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ([b"0\n", b"E98\n"], b"Load limit exceeded"),
        ([b"0\n", b"0\n", b"0\n", b"E50\n"], b"Unknown call-id"),
        ([b"0\n", b"0\n", b"E65\n", b"0\n"], b"the rtpproxy refused it: E65, the stream cannot be recorded or copied"),
    ],
)
def test_answers_that_fail(replies: list[bytes], reason: bytes) -> None:
    assert ask(ANSWER, *replies)[1] == {b"result": b"error", b"error-reason": reason}


def test_a_delete_ends_each_stream_s_copy_and_does_not_mind_if_it_is_gone() -> None:
    assert ask(replace(ANSWER, verb=Verb.COPY_DELETE), b"0\n", b"E50\n") == (
        [[b"N abc ft;1 tt;1", b"N abc tt;3 ft;3"]],
        {b"result": b"ok"},
    )


def test_a_copy_that_is_changed_ends_the_streams_that_it_has_no_more() -> None:
    changed = replace(COPY, streams=(1,), copy_ctx="caller:1,caller:2,callee:3")
    commands, reply = ask(changed, b"0\n", b"E50\n")
    assert commands == [[b"N abc ft;2 tt;2", b"N abc tt;3 ft;3"]]
    assert reply[b"copy-ctx"] == b"caller:1,callee:1"


def test_a_copy_that_was_never_offered_has_nothing_to_end() -> None:
    assert ask(replace(COPY, verb=Verb.COPY_DELETE, name="caller:1")) == ([], {b"result": b"ok"})


@pytest.mark.parametrize(
    ("copy", "why"),
    [
        (replace(ANSWER, copy_ctx=""), "copy-ctx: None"),
        (replace(ANSWER, copy_ctx="caller:1,x"), "copy-ctx: b'caller:1,x'"),
        (replace(ANSWER, sdp=AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP6 ::1")), "IPv4 addresses only"),
        (replace(ANSWER, sdp=AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 rec.example")), "IPv4 addresses only"),
    ],
)
def test_what_cannot_be_copied_is_refused(copy: CopyRequest, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        KIND.perform(Operation(verb=copy.verb, relay_id=RelayId("abc"), request=copy.request()))
