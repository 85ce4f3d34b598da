"""A call moves to another node: what its parties are given, what relays hold, what the journal says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.results import Moved, Refused
from actors.sip_requests import SipOutcome
from engines.refusal import RefusalCode
from tests.actors.moving import MovingCall, version
from tests.actors.simulation import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(relays=2, rtpproxies=2)
    yield made
    made.close()


@pytest.fixture
def call(cluster: Cluster) -> MovingCall:
    made = MovingCall(cluster)
    made.answered()
    return made


def test_an_answered_call_goes_to_another_node_and_both_parties_are_told(cluster: Cluster, call: MovingCall) -> None:
    node = call.another_node()
    before = version(call.caller.has), version(call.callee.has)
    moved = call.to_node(node)
    assert isinstance(moved, Moved), moved
    assert (moved.node, moved.is_wanted_node) == (node, True)
    assert call.caller.methods() == call.callee.methods() == ["INVITE"]
    assert (version(call.caller.has), version(call.callee.has)) == (before[0] + 1, before[1] + 1)
    assert call.relay_of(call.caller) == node
    call.check_parties()
    cluster.after(30)
    call.check_parties()
    assert [session.node for session in call.state.remaining_sessions()] == [node]
    cluster.check_no_leak()
    cluster.check_versions()
    call.check_moves_end()
    assert sorted(call.moved_legs()) == ["callee", "caller"]


def test_a_party_that_refuses_takes_both_back(cluster: Cluster, call: MovingCall) -> None:
    before = call.session.node
    call.callee.refuses = [SipOutcome(488, "Not Acceptable Here")]
    refused = call.to_node(call.another_node())
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.TURNED_BACK
    assert "488" in refused.reason
    assert call.relay_of(call.caller) == call.relay_of(call.callee) == before
    assert call.caller.methods() == call.callee.methods() == ["INVITE", "INVITE"]
    call.check_versions_rise()
    cluster.after(30)
    assert [session.node for session in call.state.remaining_sessions()] == [before]
    cluster.check_no_leak()
    call.check_moves_end()
