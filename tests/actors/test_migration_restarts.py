"""Parties with ICE and DTLS are moved only where the new node takes what they answer: new credentials."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.commands.migration import MoveTarget
from actors.results import Moved, Refused
from tests.actors.moving import MovingCall
from tests.actors.simulation import Cluster

NEWER = {b"last redis update": 0}
"""What an rtpengine 12.5 says in its reply to a query, where a 10.5 does not."""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(relays=2, rtpproxies=1)
    yield made
    made.close()


def place(cluster: Cluster, offer: str, answer: str) -> MovingCall:
    call = MovingCall(cluster)
    call.answered(offer=offer, answer=answer)
    return call


@pytest.mark.parametrize(("offer", "answer"), [("web-c", "a"), ("c", "web-a"), ("web-c", "web-a")])
def test_a_node_that_would_not_take_them_is_not_moved_to_and_nobody_hears_of_it(
    cluster: Cluster, offer: str, answer: str
) -> None:
    call = place(cluster, offer, answer)
    before, node = call.session.node, call.another_node()
    cluster.relays[node].statistics = dict(NEWER)
    refused = call.to_node(node)
    assert isinstance(refused, Refused)
    assert f"node {node} would not take the new keys" in refused.reason
    assert call.caller.methods() == call.callee.methods() == []
    cluster.after(30)
    assert [session.node for session in call.state.remaining_sessions()] == [before]
    call.check_parties()
    call.check_moves_end()
    cluster.check_no_leak()


@pytest.mark.parametrize(("newer", "offer"), [("there", "web-c"), ("here", "web-c"), ("both", "c")])
def test_others_move(cluster: Cluster, newer: str, offer: str) -> None:
    call = place(cluster, offer, "a")
    here, there = call.session.node, call.another_node()
    if newer != "there":
        cluster.relays[here].statistics = dict(NEWER)
    if newer == "both":
        cluster.relays[there].statistics = dict(NEWER)
    assert isinstance(call.to_node(there), Moved)
    call.check_parties()


def test_from_a_dead_node_they_move_all_the_same(cluster: Cluster) -> None:
    call = place(cluster, "web-c", "web-a")
    here, there = call.session.node, call.another_node()
    cluster.relays[there].statistics = dict(NEWER)
    cluster.relays[here].silent = True
    assert isinstance(call.to_node(there), Moved)
    call.check_parties()


def test_to_another_kind_of_relay_they_move(cluster: Cluster) -> None:
    call = place(cluster, "web-c", "a")
    cluster.relays[call.session.node].statistics = dict(NEWER)
    assert isinstance(call.move(MoveTarget(engine="rtpproxy")), Moved)
