"""Responses to an INVITE of a control node that has died come to another one on the same address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from events.names import CallId, Tag
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from replay.state import CallStatus
from tests.actors.simulation import Cluster
from tests.engines.sdp_bodies import AUDIO
from tests.gateways.sip.routing.whole_door import CALLEE, CALLER, WholeDoor, response_to


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(relays=1, control_nodes=2)
    cluster.call_ids.add(CallId("c"))
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def invite(cluster: Cluster) -> IncomingRequest:
    """The INVITE as its callee has it; it rings there, and the control node that sent it is gone."""
    door = WholeDoor(cluster)
    (invite,) = [
        sent for sent in door.receive(door.request("INVITE", body=AUDIO), CALLER) if isinstance(sent, IncomingRequest)
    ]
    door.receive(response_to(invite, 180, tag=Tag("tA")), CALLEE)
    return invite


@pytest.fixture
def other(cluster: Cluster) -> WholeDoor:
    return WholeDoor(cluster, 1)


def codes(door: WholeDoor, response: bytes) -> list[int]:
    """Return what the caller gets of a response of the callee."""
    return [sent.status for sent in door.receive(response, CALLEE) if isinstance(sent, IncomingResponse)]


def test_a_call_that_is_refused_is_over(cluster: Cluster, invite: IncomingRequest, other: WholeDoor) -> None:
    assert codes(other, response_to(invite, 486, tag=Tag("tA"))) == [486]
    cluster.after(1)
    state = cluster.state(CallId("c"))
    assert (state.status, state.reason) == (CallStatus.ENDED, "the INVITE failed")
    cluster.check_no_leak()


def test_an_answer_that_is_repeated_goes_on_each_time(
    cluster: Cluster, invite: IncomingRequest, other: WholeDoor
) -> None:
    answer = response_to(invite, 200, tag=Tag("tA"), body=AUDIO)
    assert [codes(other, answer) for _ in range(3)] == [[200]] * 3
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert codes(other, response_to(invite, 486, tag=Tag("tA"))) == []
