"""Deletes of whole sessions are answered with statistics by an rtpengine of any release, each in its own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.kind import Operation
from engines.ng.bencode import NgDict, decode, encode
from engines.request import NodeRequest, plain
from engines.rtpengine.kind import RtpengineKind
from events.names import RelayId, Tag
from events.verb import DELETE
from tests.engines.exchanges import run

FOLDER = Path(__file__).parent / "recorded_deletes"
OLDER = (FOLDER / "rtpengine_10.5_twoway").read_bytes()
NEWER = (FOLDER / "rtpengine_12.5_twoway").read_bytes()
NOTHING: NgDict = {b"packets": 0, b"bytes": 0, b"errors": 0}
NEWER_NAMED = encode(
    {
        b"created": 1796083467,
        b"created_us": 598441,
        b"last signal": 1796083467,
        b"last redis update": 0,
        b"SSRC": {},
        b"tags": {},
        b"totals": {b"RTP": NOTHING, b"RTCP": NOTHING},
        b"result": b"ok",
    }
)
NAMED: NgDict = {b"command": b"delete", b"call-id": b"ours", b"from-tag": b"a", b"delete delay": 0}
NAMELESS: NgDict = {b"command": b"delete", b"call-id": b"ours", b"delete delay": 0}
UNKNOWN = encode({b"result": b"error", b"error-reason": b"Unknown call-id"})
QUERY: NgDict = {b"command": b"query", b"call-id": b"ours"}


def delete(
    kind: RtpengineKind,
    reply: bytes,
    *,
    queried: bytes = b"",
    request: NodeRequest | None = None,
    whole: bool = True,
) -> list[object]:
    """Delete a session whole on a node that answers so; return what it was asked. queried: its answer to a query."""
    asked = request or plain(DELETE).taking_all(Tag("a"))

    def answer(command: bytes) -> bytes:
        return (queried or reply) if b"5:query" in command else reply

    operation = Operation(verb=DELETE, relay_id=RelayId("ours"), request=asked, whole=whole)
    commands, told = run(kind.perform(operation.asked_alone()), answer)
    assert told == decode(reply)
    return [decode(command) for [command] in commands]


@pytest.mark.parametrize(("reply", "words"), [(OLDER, NAMED), (NEWER, NAMELESS)], ids=["10.5", "12.5"])
def test_a_node_is_asked_once_which_words_it_answers(reply: bytes, words: NgDict) -> None:
    kind = RtpengineKind()
    assert delete(kind, reply) == [QUERY, words]
    assert delete(kind, reply) == [words]
    assert delete(RtpengineKind(), reply) == [QUERY, words], "another node may be of another release"


def test_a_node_that_is_of_another_release_after_a_restart_is_noticed() -> None:
    """A 12.5 tells who names a party of a session of nobody; a 10.5 tells who names nobody that it is done."""
    kind, done = RtpengineKind(), encode({b"result": b"ok"})
    delete(kind, OLDER)
    assert [delete(kind, NEWER_NAMED), delete(kind, NEWER)] == [[NAMED], [NAMELESS]]
    assert [delete(kind, done), delete(kind, OLDER), delete(kind, OLDER)] == [[NAMELESS], [QUERY, NAMED], [NAMED]]


@pytest.mark.parametrize("reply", [UNKNOWN, encode({b"result": b"ok", b"warning": b"Call-ID not found or tags"})])
def test_a_session_that_is_not_there_tells_nothing_of_that(reply: bytes) -> None:
    kind = RtpengineKind()
    assert delete(kind, reply, queried=UNKNOWN) == [QUERY, NAMED]
    assert delete(kind, NEWER) == [QUERY, NAMELESS]
    assert delete(kind, reply, queried=UNKNOWN) == [NAMELESS]
    assert delete(kind, NEWER) == [NAMELESS]


def test_a_node_that_tells_no_statistics_at_all_is_not_asked_each_time() -> None:
    kind, ok = RtpengineKind(), encode({b"result": b"ok"})
    assert [delete(kind, ok), delete(kind, ok)] == [[QUERY, NAMED], [NAMED]]


def test_the_client_s_other_words_stay() -> None:
    request = NodeRequest({b"command": b"delete", b"from-tag": b"b", b"to-tag": b"a", b"flags": [b"fatal"]})
    kind = RtpengineKind()
    assert delete(kind, NEWER, request=request.taking_all(Tag("a"))) == [QUERY, {**NAMELESS, b"flags": [b"fatal"]}]


def test_a_delete_that_may_leave_others_is_asked_as_it_is() -> None:
    kind = RtpengineKind()
    delete(kind, NEWER)
    request = NodeRequest({b"command": b"delete", b"from-tag": b"a"})
    words: NgDict = {b"command": b"delete", b"call-id": b"ours", b"from-tag": b"a"}
    assert delete(kind, NEWER, request=request, whole=False) == [words]
