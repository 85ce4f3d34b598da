"""What the journal says of the media of calls that have ended: what their nodes counted, and who was not heard."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.results import Moved
from engines.ng.bencode import NgDict, NgValue, decode
from events.names import CALLEE, CALLER, CallId, Tag
from events.registry import Deleted, MediaMeasured
from events.verb import Verb
from replay.history.describe import facts
from replay.projection import Deadlines
from replay.state import CallStatus
from tests.actors.moving import MovingCall
from tests.actors.simulation import Cluster
from tests.named_sdp import named

RECORDED = Path(__file__).parents[1] / "engines" / "recorded_deletes"
CALL = CallId("c")
A, B = Tag("caller-tag"), Tag("callee-tag")

SENDRECV = named("v").decode()
SENDONLY = f"{SENDRECV}a=sendonly\r\n"
RECVONLY = f"{SENDRECV}a=recvonly\r\n"
HELD = SENDRECV.replace("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0")
OFF = SENDRECV.replace("m=audio 4000", "m=audio 0")
T38 = SENDRECV.replace("m=audio 4000 RTP/AVP 0", "m=image 4000 udptl t38")


def recorded(name: str) -> NgDict:
    """Return what a real rtpengine counted."""
    reply = decode((RECORDED / f"rtpengine_10.5_{name}").read_bytes())
    assert isinstance(reply, dict)
    return reply


def tell(cluster: Cluster, statistics: NgDict) -> None:
    for relay in cluster.relays.values():
        relay.statistics = statistics


def call(cluster: Cluster, offer: str = SENDRECV, answer: str = SENDRECV) -> list[MediaMeasured]:
    """Have a call, and return what was measured of it."""
    assert cluster.do(Verb.OFFER, CALL, a=A, sdp=offer)[b"result"] == b"ok"
    if answer:
        assert cluster.do(Verb.ANSWER, CALL, a=A, b=B, sdp=answer)[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, CALL, a=A)[b"result"] == b"ok"
    return [record.event for record in cluster.stream(CALL) if isinstance(record.event, MediaMeasured)]


def test_what_the_node_counted_is_journalled_with_the_outcome_of_the_delete(cluster: Cluster) -> None:
    tell(cluster, recorded("twoway"))
    (event,) = call(cluster)
    assert cluster.events(CALL)[-3:] == ["delete wanted", "media measured", "deleted"]
    *_, measured, deleted = cluster.stream(CALL)
    assert measured.at == deleted.at, "one append"
    assert isinstance(deleted.event, Deleted)
    assert not deleted.event.statistics, "what was counted is told once"
    assert (event.final, event.node) == (True, next(iter(cluster.state(CALL).sessions.values())).node)
    assert {event.leg(stream): (stream.packets, stream.lost) for stream in event.measured} == {
        CALLER: (183, 14),
        CALLEE: (183, 7),
    }
    media = cluster.state(CALL).media
    assert {key: stream.mos for key, stream in media.items()} == {(1, A, 1): (42,) * 3, (1, B, 1): (42,) * 3}
    assert "MOS 4.2 (4.2 to 4.2)" in facts(event)
    cluster.check_no_leak()


def test_a_party_that_was_to_send_and_did_not_stands_out(cluster: Cluster) -> None:
    tell(cluster, recorded("oneway"))
    (event,) = call(cluster)
    assert {stream.party: stream.one_way for stream in event.measured} == {A: False, B: True}
    assert "callee callee-tag audio: ONE WAY" in facts(event)


@pytest.mark.parametrize(
    ("offer", "answer"),
    [(SENDONLY, RECVONLY), (HELD, SENDRECV), (SENDRECV, HELD), (SENDRECV, OFF), (T38, T38)],
    ids=["by agreement", "held", "held by the callee", "switched off", "no RTP"],
)
def test_nobody_is_missed_who_was_not_to_send(cluster: Cluster, offer: str, answer: str) -> None:
    tell(cluster, recorded("oneway"))
    (event,) = call(cluster, offer, answer)
    assert not any(stream.one_way for stream in event.measured)


@pytest.mark.parametrize("packets", [99, 100])
def test_a_call_has_to_last_before_one_is_missed(cluster: Cluster, packets: int) -> None:
    stream: NgDict = {b"flags": [b"RTP"], b"stats": {b"packets": packets}}
    silent: NgDict = {b"flags": [b"RTP"], b"stats": {b"packets": 0}}
    parties: NgDict = {
        tag.encode(): {b"tag": tag.encode(), b"medias": [{b"index": 1, b"type": b"audio", b"streams": [one]}]}
        for tag, one in ((A, stream), (B, silent))
    }
    tell(cluster, {b"tags": parties})
    (event,) = call(cluster)
    assert any(stream.one_way for stream in event.measured) is (packets == 100)


def test_nothing_is_told_of_an_offer_that_nobody_answered(cluster: Cluster) -> None:
    tell(cluster, recorded("unanswered"))
    assert call(cluster, answer="") == []


def test_a_call_without_media_is_told_as_one(cluster: Cluster) -> None:
    tell(cluster, recorded("nomedia"))
    (event,) = call(cluster)
    assert [(stream.packets, stream.one_way) for stream in event.measured] == [(0, False)] * 2


def test_a_node_that_says_nothing_fails_nothing(cluster: Cluster) -> None:
    tell(cluster, recorded("twoway"))
    assert cluster.do(Verb.OFFER, CALL, a=A, sdp=SENDRECV)[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CALL, a=A, b=B, sdp=SENDRECV)[b"result"] == b"ok"
    for relay in cluster.relays.values():
        relay.lose_replies = 10
    assert cluster.do(Verb.DELETE, CALL, a=A)[b"result"] == b"ok"
    cluster.heal()
    cluster.after(30)
    assert cluster.events(CALL)[-1] == "deleted"
    cluster.check_no_leak()


def test_after_a_move_both_nodes_have_their_part(cluster: Cluster) -> None:
    tell(cluster, recorded("twoway"))
    moving = MovingCall(cluster)
    moving.answered()
    left, node = moving.session.node, moving.another_node()
    assert isinstance(moving.to_node(node), Moved)
    cluster.after(30)
    moving.say("C BYE at=A")
    cluster.after(30)
    events = [record.event for record in cluster.stream(moving.call_id)]
    assert [event.node for event in events if isinstance(event, MediaMeasured)] == [left, node]
    cluster.check_no_leak()


EVERY = 20
"""Seconds between two readings."""


@pytest.fixture
def measuring() -> Iterator[Cluster]:
    cluster = Cluster(deadlines=Deadlines(quality=EVERY * 1000))
    tell(cluster, recorded("twoway"))
    yield cluster
    cluster.close()


def answered(cluster: Cluster) -> None:
    assert cluster.do(Verb.OFFER, CALL, a=A, sdp=SENDRECV)[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CALL, a=A, b=B, sdp=SENDRECV)[b"result"] == b"ok"


def readings(cluster: Cluster, *, final: bool = False) -> list[int]:
    """Return when media were measured, ms."""
    return [
        record.at
        for record in cluster.stream(CALL)
        if isinstance(record.event, MediaMeasured) and record.event.final is final
    ]


def steps(times: list[int]) -> list[float]:
    """Return the seconds from each time to the next."""
    return [(later - sooner) / 1000 for sooner, later in pairwise(times)]


@pytest.mark.parametrize("step", [-3600, 3600])
def test_the_clock_being_set_makes_no_more_readings(measuring: Cluster, step: float) -> None:
    answered(measuring)
    measuring.after(EVERY + 10)
    measuring.set_clock(step)
    measuring.after(10 * EVERY)
    assert 10 <= len(readings(measuring)) <= 11


def test_media_of_live_calls_are_measured_once_an_interval(measuring: Cluster) -> None:
    assert measuring.do(Verb.OFFER, CALL, a=A, sdp=SENDRECV)[b"result"] == b"ok"
    measuring.after(2 * EVERY)
    assert not readings(measuring), "nobody has answered"
    assert measuring.do(Verb.ANSWER, CALL, a=A, b=B, sdp=SENDRECV)[b"result"] == b"ok"
    measuring.after(10 * EVERY)
    told = readings(measuring)
    assert len(told) >= 8
    assert all(EVERY <= step <= EVERY + 3 for step in steps(told)), "the due table is looked at every 2 s"
    assert measuring.do(Verb.DELETE, CALL, a=A)[b"result"] == b"ok"
    assert len(readings(measuring, final=True)) == 1
    measuring.after(5 * EVERY)
    assert readings(measuring) == told, "nothing is left to measure"
    measuring.check_no_leak()


def test_live_calls_are_not_measured_unasked(cluster: Cluster) -> None:
    tell(cluster, recorded("twoway"))
    answered(cluster)
    cluster.after(10 * EVERY)
    assert not readings(cluster)


def test_a_node_that_does_not_answer_fails_nothing_and_is_asked_again(measuring: Cluster) -> None:
    answered(measuring)
    for relay in measuring.relays.values():
        relay.silent = True
    measuring.after(5 * EVERY)
    assert not readings(measuring)
    assert measuring.state(CALL).status is CallStatus.LIVE
    measuring.heal()
    measuring.after(3 * EVERY)
    assert readings(measuring)
    for relay in measuring.relays.values():
        relay.restart()
    measuring.after(3 * EVERY)
    assert measuring.events(CALL)[-2:] == ["delete wanted", "deleted"], "the node has lost it"
    measuring.check_no_leak()


@pytest.mark.parametrize("crossings", range(10))
def test_control_nodes_that_die_at_it_leave_it_to_others(measuring: Cluster, crossings: int) -> None:
    answered(measuring)
    for node in measuring.nodes:
        node.life.crossings = crossings
    measuring.after(2 * EVERY)
    for place in range(len(measuring.nodes)):
        measuring.restart(place)
    measuring.after(6 * EVERY)
    told = readings(measuring)
    assert len(told) >= 3
    assert all(step >= EVERY for step in steps(told)), "once an interval"
    assert measuring.do(Verb.DELETE, CALL, a=A)[b"result"] == b"ok"
    measuring.check_no_leak()


GARBAGE = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([b"tag", b"medias", b"streams", b"stats", b"packets", b"SSRC", b"index", b"type"]), inner
        )
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(GARBAGE, st.sampled_from([b"tags", b"SSRC", b"totals"]), st.sampled_from(["oneway", "twomedia"]))
def test_no_statistics_keep_a_call(cluster: Cluster, garbage: NgValue, key: bytes, name: str) -> None:
    tell(cluster, recorded(name) | {key: garbage})
    call(cluster)
    assert cluster.events(CALL)[-1] == "deleted"
    cluster.check_no_leak()
