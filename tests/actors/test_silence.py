"""An offer that nobody answered is undone, but not while media flow there, nor while its node does not say."""

from __future__ import annotations

import pytest

from events.names import CallId
from events.registry import MediaSeen
from events.verb import Verb
from replay.state import CallStatus
from tests.actors.simulation import DEADLINES, Cluster

IN_TIME = DEADLINES.probe / 1000 + 20


def offered_with_lost_answer(cluster: Cluster) -> None:
    """Let the journal lose an answer that no control node remembers."""
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee")[b"result"] == b"ok"
    cluster.after(15)
    cluster.journal.cut(CallId("c"), 2)


@pytest.mark.parametrize("flowing", [True, False])
def test_an_established_call_is_told_by_its_media(cluster: Cluster, flowing: bool) -> None:
    offered_with_lost_answer(cluster)
    for relay in cluster.relays.values():
        relay.flowing, relay.packets = flowing, 1000
    cluster.after(IN_TIME)
    state = cluster.state(CallId("c"))
    assert state.status is (CallStatus.LIVE if flowing else CallStatus.ENDED)
    assert any(isinstance(record.event, MediaSeen) for record in cluster.stream(CallId("c"))) is flowing
    cluster.after(IN_TIME)
    assert cluster.state(CallId("c")).status is state.status
    cluster.check_no_leak()


def test_a_node_that_does_not_say_is_asked_again(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    for relay in cluster.relays.values():
        relay.silent = True
    cluster.after(IN_TIME + 100)
    assert cluster.events(CallId("c")) == ["engaged", "offered"]
    cluster.heal()
    cluster.after(DEADLINES.probe / 1000 + 20)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.check_no_leak()


def test_a_node_that_never_says_is_given_up(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    for relay in cluster.relays.values():
        relay.silent = True
    cluster.after(DEADLINES.give_up / 1000 + 200)
    assert "delete wanted" in cluster.events(CallId("c"))


def test_an_answer_that_comes_while_the_node_is_asked_counts(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    for relay in cluster.relays.values():
        relay.delay, relay.flowing = 0.4, True
    cluster.after(DEADLINES.offer / 1000)
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee", place=1)[b"result"] == b"ok"
    cluster.after(IN_TIME)
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
