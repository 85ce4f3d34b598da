"""The same offer at two control nodes, which do not reach the same relays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from events.names import CallId
from events.verb import Verb
from tests.actors.simulation import Cluster
from tests.engines.sdp_bodies import AUDIO

OFFER: dict[str, Any] = {"a": "A", "branch": "b1", "sdp": AUDIO.decode()}


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    cluster = Cluster(engine=request.param)
    yield cluster
    cluster.heal()
    cluster.after(100)
    cluster.check_no_leak()
    cluster.check_versions()
    cluster.close()


def home(cluster: Cluster) -> str:
    """Return the relay that the call is on."""
    return next(session.node for session in cluster.state(CallId("c")).remaining_sessions())


def sessions(cluster: Cluster) -> int:
    return sum(len(fake.held()) for fake in cluster.fakes.values())


def test_a_repeat_gets_what_the_first_one_got_also_where_the_relay_is_out_of_reach(cluster: Cluster) -> None:
    first = cluster.do(Verb.OFFER, CallId("c"), place=0, **OFFER)
    cluster.nodes[1].unreachable.add(home(cluster))
    assert cluster.do(Verb.OFFER, CallId("c"), place=1, **OFFER)[b"sdp"] == first[b"sdp"]
    assert sessions(cluster) == 1


def test_a_repeat_of_an_offer_that_is_on_its_way_waits_for_its_result(cluster: Cluster) -> None:
    for fake in cluster.fakes.values():
        fake.delay = 0.4
    first = cluster.ask(Verb.OFFER, CallId("c"), place=0, **OFFER)
    cluster.after(0.1)
    cluster.nodes[1].unreachable.add(home(cluster))
    repeat = cluster.ask(Verb.OFFER, CallId("c"), place=1, **OFFER)
    cluster.after(2)
    assert first.ok
    assert repeat.reply is not None
    assert first.reply is not None
    assert repeat.reply[b"sdp"] == first.reply[b"sdp"]
    assert sessions(cluster) == 1


def test_a_repeat_waits_for_nobody_who_has_died(cluster: Cluster) -> None:
    for fake in cluster.fakes.values():
        fake.delay = 0.4
    cluster.ask(Verb.OFFER, CallId("c"), place=0, **OFFER)
    cluster.after(0.1)
    cluster.nodes[0].kill()
    cluster.nodes[1].unreachable.add(home(cluster))
    repeat = cluster.ask(Verb.OFFER, CallId("c"), place=1, **OFFER)
    cluster.after(6)
    assert repeat.ok


def test_of_two_sessions_for_one_offer_the_first_with_a_result_stays(cluster: Cluster) -> None:
    """The relay of the first one is so slow that the repeat goes elsewhere; then it answers after all."""
    first = cluster.ask(Verb.OFFER, CallId("c"), place=0, **OFFER)
    slow = cluster.fakes[home(cluster)]
    slow.delay = 0.9  # and the first transmission is lost
    slow.lose_requests = 1
    cluster.nodes[1].unreachable.add(home(cluster))
    repeat = cluster.ask(Verb.OFFER, CallId("c"), place=1, **OFFER)
    cluster.after(10)
    replies = [asked.reply[b"sdp"] for asked in (first, repeat) if asked.reply is not None and asked.ok]
    assert replies
    assert len(set(replies)) == 1
    assert sessions(cluster) == 1


def test_the_same_offer_long_after_is_carried_out_again(cluster: Cluster) -> None:
    """Its relay may have lost the session since, and the client would be told of ports that nobody has."""
    cluster.do(Verb.OFFER, CallId("c"), **OFFER)
    for fake in cluster.fakes.values():
        fake.restart()
    cluster.after(40)
    assert cluster.do(Verb.OFFER, CallId("c"), place=1, **OFFER)[b"result"] == b"ok"
    assert sessions(cluster) == 1


def test_another_offer_of_the_same_branch_is_no_repeat(cluster: Cluster) -> None:
    first = cluster.do(Verb.OFFER, CallId("c"), **OFFER)
    second = cluster.do(Verb.OFFER, CallId("c"), place=1, **OFFER, flags=[b"symmetric"])
    assert cluster.events(CallId("c")).count("offered") == 2
    assert first[b"result"] == second[b"result"] == b"ok"


def moved(cluster: Cluster) -> None:
    """Make two sessions for offers of one branch: the second control node does not reach the first one's relay."""
    cluster.do(Verb.OFFER, CallId("c"), place=0, **OFFER)
    cluster.nodes[1].unreachable.add(home(cluster))
    for number in range(12):  # until it has noticed that the relay is out of reach
        cluster.do(Verb.OFFER, CallId(f"other{number}"), place=1, **OFFER)
    cluster.do(Verb.OFFER, CallId("c"), place=1, **{**OFFER, "sdp": AUDIO.decode() + "a=x-another\r\n"})


def test_an_answer_goes_to_the_session_that_was_given_last_and_ends_the_other(cluster: Cluster) -> None:
    moved(cluster)
    first, last = cluster.state(CallId("c")).usable_sessions()
    assert first.node != last.node
    cluster.do(Verb.ANSWER, CallId("c"), place=1, a="A", b="B", branch="b1", sdp=AUDIO.decode())
    cluster.after(1)
    assert [session.number for session in cluster.state(CallId("c")).usable_sessions()] == [last.number]


@pytest.mark.parametrize("words", [{"a": "A"}, {"a": "A", "branch": "b1"}])
def test_a_delete_takes_all_sessions_of_what_it_names(cluster: Cluster, words: dict[str, str]) -> None:
    moved(cluster)
    assert len(list(cluster.state(CallId("c")).usable_sessions())) == 2
    cluster.nodes[1].unreachable.clear()
    cluster.do(Verb.DELETE, CallId("c"), place=1, **words)
    cluster.after(20)
    assert not list(cluster.state(CallId("c")).remaining_sessions())
