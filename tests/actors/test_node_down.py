"""A node goes down with calls on it: they leave it by the policy of its set, once, and it keeps nothing of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from actors.commands.recovery import OnNodeDown
from actors.control.control import Control
from actors.node_down.policy import NodeDownPolicy
from actors.node_down.rescue import Rescue
from engines.health import NodeState
from events.names import CallId
from events.registry import DeleteIntended, Event, Scope, SipRequestEnded
from events.verb import Verb
from replay.state import CallStatus
from rtp_relay.assembly.publisher import StatusPublisher
from tests.actors.moving import MovingCall
from tests.actors.simulation import Cluster, ControlNode


class Ward:
    """A cluster whose control nodes look after the calls of nodes that are down."""

    def __init__(self, action: OnNodeDown, *, wait: float = 0, pace: float = 200, calls: int = 1) -> None:
        self.cluster = Cluster(relays=2, control_nodes=2)
        self.policy = NodeDownPolicy(action=action, wait=wait, pace=pace)
        for node in self.cluster.nodes:
            self.watch(node)
        self.calls = [MovingCall(self.cluster, CallId(f"call{number}")) for number in range(calls)]
        for call in self.calls:
            call.answered()

    def watch(self, node: ControlNode) -> asyncio.Task[None]:
        async def start() -> asyncio.Task[None]:
            rescue = Rescue(
                name=node.name,
                journal=node.journal,
                nodes=node.table,
                calls=node.directory,
                attend=node.directory.attend,
                now=self.cluster.loop.now_ms,
                policies={"default": self.policy},
            )
            return asyncio.create_task(rescue.run())

        return self.cluster.run(start())

    def fall(self, name: str) -> None:
        """Let a node be silent, and wait until both control nodes know."""
        self.cluster.fakes[name].silent = True
        while not all(self.state(node, name) is NodeState.DOWN for node in self.cluster.nodes if node.life.alive):
            self.cluster.after(0.1)

    def state(self, node: ControlNode, name: str) -> NodeState:
        return next(one.health.state for one in node.table.all() if one.spec.name == name)

    def events(self, call: MovingCall, name: str) -> int:
        return self.cluster.events(call.call_id).count(name)


@pytest.fixture
def wards() -> Iterator[list[Ward]]:
    made: list[Ward] = []
    yield made
    for ward in made:
        ward.cluster.close()


def test_its_calls_move_and_go_on_where_they_are(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.MIGRATE))
    (call,) = ward.calls
    dead, other = call.session.node, call.another_node()
    ward.fall(dead)
    ward.cluster.after(5)
    assert call.session.node == other
    call.check_parties()
    assert ward.events(call, "migration intended") == 1
    assert ward.cluster.fakes[dead].held() == {"call0"}, "nobody can delete it there now"
    ward.cluster.fakes[dead].silent = False
    ward.cluster.after(5)
    assert ward.cluster.fakes[dead].held() == set()
    call.say("C BYE at=A")
    ward.cluster.after(5)
    ward.cluster.check_no_leak()


def test_a_node_that_comes_back_empty_is_no_trouble(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.MIGRATE))
    (call,) = ward.calls
    dead = call.session.node
    ward.fall(dead)
    ward.cluster.after(5)
    ward.cluster.fakes[dead].restart()
    ward.cluster.fakes[dead].silent = False
    ward.cluster.after(5)
    ward.cluster.check_no_leak()
    call.check_parties()


def test_its_calls_end_for_both_parties_once(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.END))
    (call,) = ward.calls
    dead = call.session.node
    ward.fall(dead)
    ward.cluster.after(5)
    assert [peer.methods() for peer in (call.caller, call.callee)] == [["BYE"], ["BYE"]]
    assert call.state.status is CallStatus.ENDED
    ward.cluster.fakes[dead].silent = False
    ward.cluster.after(5)
    ward.cluster.check_no_leak()


def test_by_default_they_stay(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.LEAVE))
    (call,) = ward.calls
    ward.fall(call.session.node)
    before = call.state.version
    ward.cluster.after(60)
    assert call.state.version == before


def test_a_node_that_is_back_within_the_wait_keeps_its_calls(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.MIGRATE, wait=10))
    (call,) = ward.calls
    dead = call.session.node
    ward.fall(dead)
    ward.cluster.after(5)
    ward.cluster.fakes[dead].silent = False
    ward.cluster.after(30)
    assert call.session.node == dead
    assert ward.events(call, "migration intended") == 0


def _ends(event: Event) -> bool:
    return isinstance(event, DeleteIntended) and event.scope is Scope.CALL


def test_they_leave_at_the_pace_that_is_set(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.END, pace=2, calls=12))
    on_dead = [call for call in ward.calls if call.session.node == "relay1"]
    assert len(on_dead) > 3
    ward.fall("relay1")
    ward.cluster.after(len(on_dead) / 2 + 1)
    ends = sorted(record.at for call in on_dead for record in ward.cluster.stream(call.call_id) if _ends(record.event))
    assert all(later - earlier >= 499 for earlier, later in itertools.pairwise(ends)), ends
    assert all(call.state.status is CallStatus.ENDED for call in on_dead)
    assert all(call.state.status is CallStatus.LIVE for call in ward.calls if call not in on_dead)


@pytest.mark.parametrize("action", [OnNodeDown.MIGRATE, OnNodeDown.END])
def test_another_control_node_takes_over_when_the_one_at_work_dies(wards: list[Ward], action: OnNodeDown) -> None:
    wards.append(ward := Ward(action, pace=2, calls=12))
    on_dead = [call for call in ward.calls if call.session.node == "relay1"]
    ward.fall("relay1")
    ward.cluster.after(1)
    by = {record.by for call in on_dead for record in ward.cluster.stream(call.call_id)[-1:]}
    at_work = next(node for node in ward.cluster.nodes if node.name in by)
    at_work.kill()
    ward.cluster.after(120)
    for call in on_dead:
        if action is OnNodeDown.END:
            assert call.state.status is CallStatus.ENDED
        else:
            assert call.session.node == "relay2"
            call.check_parties()


def test_of_two_control_nodes_one_is_at_work(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.END, calls=12))
    on_dead = [call for call in ward.calls if call.session.node == "relay1"]
    ward.fall("relay1")
    ward.cluster.after(3)
    told = {
        record.by
        for call in on_dead
        for record in ward.cluster.stream(call.call_id)
        if record.event.name == "delete wanted"
    }
    assert len(told) == 1


def test_one_that_cannot_reach_a_node_which_others_reach_leaves_the_calls_where_they_are(wards: list[Ward]) -> None:
    """What counts is what the other one has said since: its status."""
    wards.append(ward := Ward(OnNodeDown.MIGRATE, wait=3))
    (call,) = ward.calls
    node, other = ward.cluster.nodes
    node.unreachable.add(call.session.node)

    async def say() -> None:
        control = Control(other.journal, other.table, name=other.name, version="1", now=ward.cluster.loop.now_ms)
        asyncio.create_task(StatusPublisher(other.name, other.journal, control).run())  # noqa: RUF006

    ward.cluster.run(say())
    ward.cluster.after(60)
    assert ward.state(node, call.session.node) is NodeState.DOWN
    assert ward.events(call, "migration intended") == 0


@pytest.mark.parametrize(
    ("action", "event"), [(OnNodeDown.MIGRATE, "migration intended"), (OnNodeDown.END, "parties not reached")]
)
def test_a_call_of_the_ng_door_is_reported_once_and_moves_with_its_next_offer(
    wards: list[Ward], action: OnNodeDown, event: str
) -> None:
    wards.append(ward := Ward(action, calls=0))
    cluster, call = ward.cluster, CallId("ng")
    cluster.do(Verb.OFFER, call, a="A", sdp="X")
    cluster.do(Verb.ANSWER, call, a="A", b="B", sdp="Y")
    dead = cluster.state(call).sessions[1].node
    ward.fall(dead)
    cluster.after(30)
    assert cluster.events(call)[3:] == [event]
    cluster.do(Verb.OFFER, call, a="B", b="A", sdp="Z")
    cluster.do(Verb.ANSWER, call, a="B", b="A", sdp="W")
    assert [session.node for session in cluster.state(call).usable_sessions()][-1] != dead
    cluster.fakes[dead].silent = False
    cluster.after(10)
    assert cluster.fakes[dead].held() == set()
    cluster.check_no_leak()


def test_a_call_that_rings_is_looked_at_again_when_it_is_answered(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.END, calls=0))
    call = MovingCall(ward.cluster, CallId("rings"))
    call.say("C INVITE at=- sdp=c", changes=[call._engaged])
    dead = call.session.node
    ward.fall(dead)
    ward.cluster.after(5)
    assert call.state.status is CallStatus.LIVE
    assert ward.events(call, "parties not reached") == 0


def test_a_call_that_rings_leaves_when_it_is_answered(wards: list[Ward]) -> None:
    wards.append(ward := Ward(OnNodeDown.MIGRATE, calls=0))
    call = MovingCall(ward.cluster, CallId("rings"))
    call.rings()
    dead, other = call.session.node, call.another_node()
    ward.fall(dead)
    ward.cluster.after(5)
    assert call.session.node == dead
    assert ward.events(call, "migration intended") == 1
    call.say("A 200 INVITE sdp=a")
    call.say("C ACK at=A")
    ward.cluster.after(5)
    assert call.session.node == other
    call.check_parties()
    call.check_moves_end()
    ward.cluster.fakes[dead].silent = False
    ward.cluster.after(5)
    ward.cluster.check_no_leak()
    assert ward.cluster.fakes[dead].held() == set()


@pytest.mark.parametrize("action", [OnNodeDown.MIGRATE, OnNodeDown.END])
def test_parties_that_do_not_answer_are_told_of_in_the_history_and_in_the_log(
    wards: list[Ward], action: OnNodeDown
) -> None:
    wards.append(ward := Ward(action))
    (call,) = ward.calls
    dead = call.session.node
    call.caller.silent = True
    structlog.reset_defaults()
    with capture_logs() as lines:
        ward.fall(dead)
        ward.cluster.after(120)
    assert call.state.status is CallStatus.ENDED
    unanswered = [
        record.event.reason
        for record in ward.cluster.stream(call.call_id)
        if isinstance(record.event, SipRequestEnded) and not record.event.status
    ]
    assert set(unanswered) == {"no answer"}
    told = "parties of a call not reached" if action is OnNodeDown.END else "call stays on a node that is down"
    assert [line["call_id"] for line in lines if line["event"] == told] == ["call0"]
    ward.cluster.fakes[dead].silent = False
    ward.cluster.after(10)
    ward.cluster.check_no_leak()
