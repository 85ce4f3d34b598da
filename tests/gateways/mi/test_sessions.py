"""Which sessions `rtp_relay_list` lists: those that a call's parties talk through, at each moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.commands.migration import Migrate, MoveTarget
from actors.results import Moved, Refused
from events.names import NodeName
from gateways.mi.sessions import SessionFilter
from tests.actors.moving import MovingCall
from tests.actors.simulation import Cluster
from tests.actors.sip_call import ENGAGED


@pytest.fixture
def call() -> Iterator[MovingCall]:
    world = Cluster(relays=2)
    yield MovingCall(world)
    world.close()


def listed(call: MovingCall) -> list[NodeName]:
    """Return the nodes of the sessions that are listed of a call."""
    return [session.node for session in SessionFilter().of(call.state)]


def test_a_call_that_moves_is_listed_where_it_was_and_then_where_it_is(call: MovingCall) -> None:
    call.answered()
    old, new = call.session.node, NodeName(call.another_node())
    results: list[Moved | Refused] = []
    wish = Migrate(call_id=call.call_id, target=MoveTarget(node=new))

    async def submit() -> None:
        call.cluster.nodes[0].directory.submit(wish, results.append)

    call.cluster.run(submit())
    seen = []
    while not results:
        seen.append((listed(call), len(call.state.usable_sessions())))
        call.cluster.after(0.001)
    assert ([old], 2) in seen, "the new session is there, and not listed yet"
    assert {tuple(nodes) for nodes, _ in seen} <= {(old,), (new,)}
    assert listed(call) == [new]
    assert list(SessionFilter(node=old).of(call.state)) == []
    assert [session.node for session in SessionFilter(node=new).of(call.state)] == [new]


def test_a_call_that_rings_is_listed_once_it_has_early_media(call: MovingCall) -> None:
    call.say("C INVITE at=- sdp=c", changes=[ENGAGED])
    call.say("A 180 INVITE")
    assert listed(call) == []
    call.say("A 183 INVITE sdp=a")
    assert listed(call) == [call.session.node]
    call.say("A 200 INVITE sdp=a")
    assert listed(call) == [call.session.node]
