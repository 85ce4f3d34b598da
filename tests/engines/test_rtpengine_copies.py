"""Copies on an rtpengine: how their steps are said as subscriptions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engines.copy_request import CopyRequest
from engines.kind import Operation
from engines.ng.bencode import NgDict, decode, encode
from engines.rtpengine.kind import RtpengineKind
from events.names import NO_TAG, Leg, RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told, run

COPY = CopyRequest(verb=Verb.COPY_OFFER, from_tag=Tag("ft"), to_tag=Tag("tt"), name="rec")
BOTH: NgDict = {b"to-tag": b"copy both:rec", b"from-tags": [b"ft", b"tt"]}
MEDIAS: NgDict = {
    b"tag-medias": [
        {b"tag": b"ft", b"medias": [{b"index": 1, b"label": b"7"}, {b"index": 2, b"label": b"8"}]},
        {b"tag": b"tt", b"medias": [{b"index": 1, b"label": b"9"}]},
    ]
}
STREAMS: list[NgDict] = [
    {b"leg": b"caller", b"stream": 1, b"label": b"7"},
    {b"leg": b"caller", b"stream": 2, b"label": b"8"},
    {b"leg": b"callee", b"stream": 1, b"label": b"9"},
]
SDP = b"v=0\r\nc=IN IP4 192.0.2.1\r\n" + b"".join(
    b"m=audio %d RTP/AVP 0\r\na=label:%d\r\n" % (4000 + label, label) for label in (7, 8, 9)
)


def ask(copy: CopyRequest, reply: NgDict) -> tuple[NgDict, Told]:
    """Perform a step; return the request that the node gets, and the reply."""
    operation = Operation(verb=copy.verb, relay_id=RelayId("ours"), request=copy.request())
    commands, told = run(RtpengineKind().perform(operation), lambda _: encode(reply))
    request = decode(commands[-1][0])
    assert isinstance(request, dict)
    return request, told


@pytest.mark.parametrize(
    ("copy", "request_"),
    [
        (COPY, {**BOTH, b"flags": [b"siprec"]}),
        (replace(COPY, name=""), {b"from-tags": [b"ft", b"tt"], b"flags": [b"siprec"]}),
        (replace(COPY, to_tag=NO_TAG), {b"to-tag": b"copy:rec", b"flags": [b"all", b"siprec"]}),
        (replace(COPY, siprec=True, inactive=True), {**BOTH, b"flags": [b"siprec", b"inactive"]}),
        (replace(COPY, streams=(1,)), {**BOTH, b"flags": [b"siprec"]}),
        (
            replace(COPY, legs=(Leg.CALLER,)),
            {b"to-tag": b"copy caller:rec", b"from-tag": b"ft", b"flags": [b"siprec"]},
        ),
        (
            replace(COPY, legs=(Leg.CALLEE,), siprec=True),
            {b"to-tag": b"copy callee:rec", b"from-tag": b"tt", b"flags": [b"siprec"]},
        ),
    ],
)
def test_offers(copy: CopyRequest, request_: NgDict) -> None:
    asked, _ = ask(copy, {b"result": b"ok"})
    assert asked == {b"command": b"subscribe request", b"call-id": b"ours", **request_}


def ends_of(*tags: bytes) -> list[NgDict]:
    return [{b"command": b"unsubscribe", b"call-id": b"ours", b"to-tag": tag} for tag in tags]


def test_a_copy_that_is_changed_is_ended_first_and_has_another_name() -> None:
    """An rtpengine 12.5 crashes where a subscription is asked for anew with fewer parties."""
    changed = replace(COPY, copy_ctx="copy both:rec", legs=(Leg.CALLEE,))
    operation = Operation(verb=COPY.verb, relay_id=RelayId("ours"), request=changed.request())
    commands, _ = run(RtpengineKind().perform(operation), lambda _: encode({b"result": b"ok"}))
    ended, ended_too, [offered] = [[decode(command) for command in round_] for round_ in commands]
    assert [*ended, *ended_too] == ends_of(b"copy both:rec", b"copy callee:rec")
    assert isinstance(offered, dict)
    assert (offered[b"command"], offered[b"to-tag"]) == (b"subscribe request", b"copy callee:rec")


@pytest.mark.parametrize(
    ("known", "legs", "tags"),
    [
        ("copy both:rec", (Leg.CALLER, Leg.CALLEE), [b"copy both:rec"]),
        ("", (Leg.CALLER,), [b"copy caller:rec"]),
        ("copy both:rec", (Leg.CALLER,), [b"copy both:rec", b"copy caller:rec"]),
        ("copy:rec", (Leg.CALLER, Leg.CALLEE), [b"copy:rec", b"copy both:rec"]),
    ],
    ids=["as it is called", "its offer was not heard", "its change was not heard", "begun by version 0.1.0"],
)
def test_the_end_of_a_copy_names_what_it_may_be_called(known: str, legs: tuple[Leg, ...], tags: list[bytes]) -> None:
    end = replace(COPY, verb=Verb.COPY_DELETE, copy_ctx=known, legs=legs)
    operation = Operation(verb=end.verb, relay_id=RelayId("ours"), request=end.request())
    gone: NgDict = {b"result": b"error", b"error-reason": b"Unknown call-ID"}
    for reply in ({b"result": b"ok"}, gone):
        commands, told = run(RtpengineKind().perform(operation), lambda _, reply=reply: encode(reply))  # type: ignore[misc]
        assert [decode(command) for [command] in commands] == ends_of(*tags)
        assert told.ok is (reply is not gone)


def test_an_answer_names_the_subscription() -> None:
    answer = replace(COPY, verb=Verb.COPY_ANSWER, copy_ctx="sub", sdp=SDP)
    names: NgDict = {b"call-id": b"ours", b"to-tag": b"sub"}
    assert ask(answer, {b"result": b"ok"})[0] == {**names, b"command": b"subscribe answer", b"sdp": SDP}


@pytest.mark.parametrize(
    ("numbers", "streams", "sdp"),
    [
        ((), STREAMS, SDP),
        ((1, 2), STREAMS, SDP),
        ((1,), [STREAMS[0], STREAMS[2]], SDP.replace(b"4008", b"0")),
        ((2,), [STREAMS[1]], SDP.replace(b"4007", b"0").replace(b"4009", b"0")),
    ],
)
def test_the_reply_says_whose_streams_are_copied(numbers: tuple[int, ...], streams: list[NgDict], sdp: bytes) -> None:
    reply: NgDict = {b"result": b"ok", b"sdp": SDP, b"to-tag": b"sub", **MEDIAS}
    told = dict(ask(replace(COPY, streams=numbers, siprec=True), reply)[1])
    assert told.pop(b"copy-layout") == [b"caller:1", b"caller:2", b"callee:1"]
    assert told == {**reply, b"copy-ctx": b"sub", b"streams": streams, b"sdp": sdp}


def test_streams_of_before_are_switched_off() -> None:
    """A 12.5 has them in the SDP of a copy that was changed, and says no more of whom they are."""
    reply: NgDict = {b"result": b"ok", b"sdp": SDP, b"to-tag": b"sub"}
    reply[b"tag-medias"] = [{b"tag": b"tt", b"medias": [{b"index": 1, b"label": b"9"}]}]
    told = ask(replace(COPY, legs=(Leg.CALLEE,), siprec=True), reply)[1]
    assert told[b"copy-layout"] == [b"", b"", b"callee:1"]
    assert told[b"streams"] == [STREAMS[2]]
    assert told[b"sdp"] == SDP.replace(b"4007", b"0").replace(b"4008", b"0")


def test_labels_that_nobody_wants_are_left_out() -> None:
    reply: NgDict = {b"result": b"ok", b"sdp": SDP, b"to-tag": b"sub", **MEDIAS}
    told = ask(COPY, reply)[1]
    assert told[b"sdp"] == b"".join(line for line in SDP.splitlines(keepends=True) if b"label" not in line)
    assert told[b"copy-layout"] == [b"caller:1", b"caller:2", b"callee:1"]


def test_a_reply_without_labels_says_nothing_of_streams() -> None:
    reply: NgDict = {b"result": b"ok", b"sdp": SDP, b"to-tag": b"sub"}
    assert ask(replace(COPY, siprec=True), reply)[1] == {**reply, b"copy-ctx": b"sub"}


def test_a_failure_is_told_as_it_is() -> None:
    reply: NgDict = {b"result": b"error", b"error-reason": b"Unknown call-ID"}
    _, told = ask(COPY, reply)
    assert told == reply
    assert told.unknown
