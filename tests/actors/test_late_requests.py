"""Requests that waited, in the socket of a control node that stood still, or for the journal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from actors.flows.media.lateness import MAX_REFUSALS, TOO_LATE
from events.names import CallId
from events.verb import Verb
from gateways.ng.replies import words_of
from tests.actors.simulation import Cluster
from tests.engines.sdp_bodies import AUDIO

OFFER: dict[str, Any] = {"a": "A", "sdp": AUDIO.decode()}


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    cluster = Cluster(engine=request.param)
    yield cluster
    cluster.heal()
    cluster.after(100)
    cluster.check_no_leak()
    cluster.check_versions()
    cluster.close()


def test_an_offer_that_waited_in_a_socket_does_not_bring_the_call_back(cluster: Cluster) -> None:
    stalled = cluster.hold(Verb.OFFER, CallId("c"), **OFFER)
    cluster.after(1)
    assert cluster.do(Verb.OFFER, CallId("c"), place=1, **OFFER)[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, CallId("c"), place=1, a="A")[b"result"] == b"ok"
    cluster.let_go(stalled, place=0)
    cluster.after(1)
    assert stalled.reply == words_of(TOO_LATE)
    assert not any(fake.held() for fake in cluster.fakes.values())


def test_nor_does_one_of_a_call_that_was_deleted_before_anybody_else_had_heard_of_it(cluster: Cluster) -> None:
    stalled = cluster.hold(Verb.OFFER, CallId("c"), **OFFER)
    cluster.after(1)
    assert b"warning" in cluster.do(Verb.DELETE, CallId("c"), place=1, a="A")
    cluster.let_go(stalled, place=0)
    cluster.after(1)
    assert not stalled.ok
    assert not any(fake.held() for fake in cluster.fakes.values())


def test_each_delete_counts_also_when_the_call_has_ended_already(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), **OFFER)
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.after(1)
    stalled = cluster.hold(Verb.OFFER, CallId("c"), **OFFER)
    cluster.after(1)
    cluster.do(Verb.DELETE, CallId("c"), place=1, a="A")
    cluster.let_go(stalled, place=0)
    cluster.after(1)
    assert not stalled.ok


def test_a_branch_that_was_deleted_stays_away_and_the_others_do_not(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), **OFFER, branch="b1")
    stalled = [cluster.hold(Verb.OFFER, CallId("c"), **OFFER, branch=branch) for branch in ("b2", "b3")]
    cluster.after(1)
    cluster.do(Verb.DELETE, CallId("c"), place=1, a="A", branch="b2")
    for offer in stalled:
        cluster.let_go(offer, place=0)
    cluster.after(1)
    assert [offer.ok for offer in stalled] == [False, True]


def test_a_late_delete_does_not_end_the_call_that_began_after_it_was_repeated(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), **OFFER)
    stalled = cluster.hold(Verb.DELETE, CallId("c"), a="A")
    cluster.after(1)
    cluster.do(Verb.DELETE, CallId("c"), place=1, a="A")
    assert cluster.do(Verb.OFFER, CallId("c"), place=1, **OFFER)[b"result"] == b"ok"
    cluster.let_go(stalled, place=0)
    cluster.after(1)
    assert cluster.do(Verb.ANSWER, CallId("c"), place=1, a="A", b="B", sdp=AUDIO.decode())[b"result"] == b"ok"


def test_an_offer_right_after_the_delete_begins_the_call_anew(cluster: Cluster) -> None:
    """A SIP server that goes on to its next gateway does so, under the same call-id and tag."""
    cluster.do(Verb.OFFER, CallId("c"), **OFFER)
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    assert cluster.do(Verb.OFFER, CallId("c"), place=1, **OFFER)[b"result"] == b"ok"


def test_deletes_of_what_is_not_there_do_not_grow_the_stream_for_ever(cluster: Cluster) -> None:
    for _ in range(3 * MAX_REFUSALS):
        cluster.do(Verb.DELETE, CallId("c"), a="A")
    assert len(cluster.events(CallId("c"))) == MAX_REFUSALS


def test_an_offer_that_waited_for_the_journal_does_not_outlive_the_delete(cluster: Cluster) -> None:
    """It was received before, and only the append of its call comes after the other control node's delete."""
    offer = cluster.hold(Verb.OFFER, CallId("c"), **OFFER)
    cluster.after(1)
    cluster.nodes[0].journal.fail_before = 1
    cluster.let_go(offer, place=0)  # the client is told that the journal is away, and repeats itself
    cluster.do(Verb.DELETE, CallId("c"), place=1, a="A")
    cluster.let_go(offer, place=0)
    cluster.after(1)
    assert [reply[b"result"] for reply in offer.replies] == [b"error", b"error"]
    assert not any(fake.held() for fake in cluster.fakes.values())
