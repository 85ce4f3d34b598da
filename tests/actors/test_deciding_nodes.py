"""What operators decide about nodes: journalled, followed by each control node, through crashes and outages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any, cast

import pytest

from actors.control.control import Control
from actors.control.status import encode_status
from actors.control.steering import Decided, NodeRefusal, NodeRefusalCode, NodeSteering, Wish
from actors.node_follower import COUNT, GRACE
from engines.health import AdminState, NodeState
from engines.sets import NodeSpec
from events.decisions import NODES
from events.journal import JournalUnavailable
from events.names import CallId, NodeName
from events.node_events import NodeAdded, NodeEvent, NodeStateSet
from events.records import Recorded
from events.verb import Verb
from tests.actors.simulation import Cluster

ANN, BOB = Wish("ann", "kernel"), Wish("bob")
NOBODY = Wish(cast("Any", None))
ONE, TWO = NodeName("relay1"), NodeName("relay2")


@pytest.fixture
def cluster() -> Iterable[Cluster]:
    made = Cluster(relays=2, control_nodes=2)
    yield made
    made.heal()
    made.close()


def control_of(cluster: Cluster, place: int = 0) -> Control:
    node = cluster.nodes[place]
    return Control(node.journal, node.table, name=node.name, now=cluster.loop.now_ms)


def steering_of(cluster: Cluster, place: int = 0) -> NodeSteering:
    return control_of(cluster, place).steering


def follow(cluster: Cluster, looks: int = 1) -> None:
    """Let all control nodes that live look, and tell how far they are."""
    for _ in range(looks):
        for place, node in enumerate(cluster.nodes):
            if node.life.alive:
                cluster.run(node.follower.look())
                cluster.run(publish(cluster, place))
    cluster.after(0.01)


async def publish(cluster: Cluster, place: int) -> None:
    control = control_of(cluster, place)
    await cluster.journal.publish(cluster.nodes[place].name, encode_status(await control.status()), 60)


def decide(cluster: Cluster, work: Coroutine[Any, Any, Decided]) -> Decided:
    done = cluster.run(work)
    follow(cluster)
    return done


def drain(cluster: Cluster, node: NodeName = ONE, wish: Wish = ANN, place: int = 0) -> Decided:
    return decide(cluster, steering_of(cluster, place).set_state(node, AdminState.DRAINING, wish))


def states(cluster: Cluster, name: NodeName = ONE) -> list[NodeState | None]:
    """Return how a node is at each control node."""
    found = [control_node.table.node(name) for control_node in cluster.nodes]
    return [None if node is None else node.health.state for node in found]


def stream(cluster: Cluster) -> list[Recorded]:
    return cluster.run(read(cluster))


async def read(cluster: Cluster) -> list[Recorded]:
    return await cluster.journal.read_decisions(NODES)


def place_calls(cluster: Cluster, first: int = 0, number: int = 8, place: int = 0) -> None:
    for n in range(first, first + number):
        assert cluster.do(Verb.OFFER, CallId(f"c{n}"), a="A", sdp="x", place=place)[b"result"] == b"ok"


def calls_on(cluster: Cluster, name: NodeName = ONE) -> list[CallId]:
    return [
        call_id
        for call_id in sorted(map(CallId, cluster.call_ids))
        if any(session.node == name for session in cluster.state(call_id).remaining_sessions())
    ]


def test_a_draining_node_serves_its_calls_and_gets_no_new_ones_at_any_control_node(cluster: Cluster) -> None:
    place_calls(cluster)
    before = calls_on(cluster)
    assert before
    done = drain(cluster)
    assert (done.changed, done.calls) == (True, len(before))
    assert states(cluster) == [NodeState.DRAINING] * 2
    place_calls(cluster, 8, place=1)
    assert calls_on(cluster) == before
    for verb, b in ((Verb.ANSWER, "B"), (Verb.OFFER, "B"), (Verb.ANSWER, "B"), (Verb.DELETE, "")):
        assert cluster.do(verb, before[0], a="A", b=b, sdp="y", place=1)[b"result"] == b"ok"
    assert calls_on(cluster) == before[1:]
    decide(cluster, steering_of(cluster, 1).set_state(ONE, AdminState.ACTIVE, BOB))
    place_calls(cluster, 16)
    assert len(calls_on(cluster)) > len(before), "it gets new calls again"
    cluster.check_no_leak()


def test_a_disabled_node_is_asked_for_removals_and_nothing_else(cluster: Cluster) -> None:
    place_calls(cluster)
    first, second, *_ = calls_on(cluster)
    for call_id in (first, second):
        assert cluster.do(Verb.ANSWER, call_id, a="A", b="B", sdp="y")[b"result"] == b"ok"
    decide(cluster, steering_of(cluster).set_state(ONE, AdminState.DISABLED, ANN))
    relay = cluster.relays[ONE]
    sent = len(relay.commands)
    assert cluster.do(Verb.QUERY, first, a="A")[b"error-reason"] == b"Node relay1: is disabled"
    assert cluster.do(Verb.OFFER, first, a="A", b="B", sdp="again")[b"result"] == b"ok", "it goes elsewhere"
    assert cluster.do(Verb.ANSWER, first, a="A", b="B", sdp="again")[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, second, a="A")[b"result"] == b"ok"
    cluster.after(30)
    asked = {command[b"command"] for command in relay.commands[sent:]}
    assert asked == {b"delete", b"query"}, "what the node is queried for is how to delete"
    assert first not in calls_on(cluster)
    assert second not in calls_on(cluster)
    cluster.check_no_leak()


def test_who_asked_when_and_why_is_in_the_journal(cluster: Cluster) -> None:
    before = cluster.loop.now_ms()
    drain(cluster)
    (record,) = stream(cluster)
    assert record.event == NodeStateSet(node=ONE, asked_by="ann", reason="kernel", state=AdminState.DRAINING)
    assert record.by == cluster.nodes[0].name
    assert before <= record.at <= cluster.loop.now_ms()
    again = drain(cluster, wish=BOB)
    assert (again.changed, again.version) == (False, 1), "what is so already is not decided again"
    assert len(stream(cluster)) == 1


def test_a_control_node_that_starts_knows_before_its_first_call(cluster: Cluster) -> None:
    drain(cluster)
    decide(cluster, steering_of(cluster).change(TWO, ANN, weight=7))
    cluster.restart(0)
    node = cluster.nodes[0].table.node(ONE)
    assert node is not None
    assert node.health.state is NodeState.DRAINING
    assert not node.health.takes_new_calls
    place_calls(cluster)
    assert calls_on(cluster) == []
    assert cluster.nodes[0].table.decided == 2


def test_one_that_dies_between_the_journal_and_the_nodes_follows_when_it_is_back(cluster: Cluster) -> None:
    cluster.run(steering_of(cluster).set_state(ONE, AdminState.DRAINING, ANN))
    assert states(cluster) == [NodeState.UP] * 2, "it is journalled, and nobody has looked yet"
    cluster.restart(0)
    assert states(cluster) == [NodeState.DRAINING, NodeState.UP]
    follow(cluster)
    assert states(cluster) == [NodeState.DRAINING] * 2


@pytest.mark.parametrize("lost", ["before", "after"])
def test_a_decision_whose_fate_is_unknown_is_asked_for_again(cluster: Cluster, lost: str) -> None:
    setattr(cluster.nodes[0].journal, f"fail_{lost}", 1)
    with pytest.raises(JournalUnavailable):
        drain(cluster)
    drain(cluster)
    assert [record.version for record in stream(cluster)] == [1]
    assert states(cluster) == [NodeState.DRAINING] * 2


def test_the_last_word_stays_in_force_while_the_journal_is_away(cluster: Cluster) -> None:
    drain(cluster)
    for node in cluster.nodes:
        node.journal.away = True
        with pytest.raises(JournalUnavailable):
            cluster.run(node.follower.look())
    cluster.after(1)
    assert states(cluster) == [NodeState.DRAINING] * 2
    elsewhere = NodeSteering(cluster.journal, cluster.nodes[0].table, "c3")
    assert cluster.run(elsewhere.set_state(TWO, AdminState.DISABLED, BOB)).changed
    for node in cluster.nodes:
        node.journal.away = False
    follow(cluster)
    assert (states(cluster, ONE), states(cluster, TWO)) == ([NodeState.DRAINING] * 2, [NodeState.DISABLED] * 2)


class Overtaken:
    """A way to the journal on which another operator is quicker, once."""

    def __init__(self, cluster: Cluster, quicker: Coroutine[Any, Any, Decided]) -> None:
        self._journal, self._quicker = cluster.journal, [quicker]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def time(self) -> float:
        if self._quicker:
            await self._quicker.pop()
        return await self._journal.time()


def test_of_two_operators_who_decide_about_one_node_at_once_one_is_told(cluster: Cluster) -> None:
    bob = steering_of(cluster, 1).set_state(ONE, AdminState.DISABLED, BOB)
    journal: Any = Overtaken(cluster, bob)
    with pytest.raises(NodeRefusal, match="bob decided about node relay1 at the same time: node state set") as caught:
        cluster.run(NodeSteering(journal, cluster.nodes[0].table, "c1").set_state(ONE, AdminState.DRAINING, ANN))
    assert caught.value.code is NodeRefusalCode.OVERTAKEN
    follow(cluster)
    assert states(cluster) == [NodeState.DISABLED] * 2


def test_of_two_operators_who_decide_about_two_nodes_at_once_both_have_their_way(cluster: Cluster) -> None:
    bob = steering_of(cluster, 1).set_state(TWO, AdminState.DISABLED, BOB)
    journal: Any = Overtaken(cluster, bob)
    cluster.run(NodeSteering(journal, cluster.nodes[0].table, "c1").set_state(ONE, AdminState.DRAINING, ANN))
    follow(cluster)
    assert (states(cluster, ONE), states(cluster, TWO)) == ([NodeState.DRAINING] * 2, [NodeState.DISABLED] * 2)
    assert [record.version for record in stream(cluster)] == [1, 2]


@pytest.mark.parametrize("name", ["relay9", "", "relay1 ", "\0", "\udcff", "*", "x" * 5000])
def test_nothing_is_decided_about_a_node_that_there_is_not(cluster: Cluster, name: str) -> None:
    steering = steering_of(cluster)
    node = NodeName(name)
    for work in (
        steering.set_state(node, AdminState.DRAINING, ANN),
        steering.change(node, ANN, weight=1),
        steering.remove(node, ANN),
        steering.remove(node, ANN, drain=True),
        steering.reset(node, ANN),
    ):
        with pytest.raises(NodeRefusal) as caught:
            cluster.run(work)
        assert caught.value.code is NodeRefusalCode.UNKNOWN
    assert stream(cluster) == []


def test_a_node_that_only_another_control_node_knows_may_be_decided_about(cluster: Cluster) -> None:
    follow(cluster)
    away = NodeSteering(cluster.journal, type(cluster.nodes[0].table)(), "")
    assert cluster.run(away.set_state(ONE, AdminState.DRAINING, ANN)).changed


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "a b"}, "is no name"),
        ({"name": ""}, "is no name"),
        ({"engine": "rtpengin"}, "is no engine"),
        ({"engine": "route"}, "is no engine"),
        ({"url": "udp:192.0.2.3"}, "is no url"),
        ({"url": "udp:192.0.2.3:99999"}, "is no url"),
        ({"url": "unix:/run/x"}, "is no url"),
        ({"set": "*"}, "is no name of a set"),
        ({"weight": -1}, "a weight is a whole number"),
        ({"priority": -1}, "a priority is a whole number"),
    ],
)
def test_a_node_that_cannot_be_is_not_added(cluster: Cluster, wrong: dict[str, Any], why: str) -> None:
    spec = NodeSpec(**{"name": NodeName("new"), "engine": "rtpengine", "url": "udp:192.0.2.3:2223", **wrong})
    with pytest.raises(NodeRefusal, match=why) as caught:
        cluster.run(steering_of(cluster).add(spec, ANN))
    assert caught.value.code is NodeRefusalCode.INVALID
    assert stream(cluster) == []


def test_what_is_wrong_for_a_share_is_refused(cluster: Cluster) -> None:
    steering = steering_of(cluster)
    for work in (
        steering.change(ONE, ANN, weight=-1),
        steering.change(ONE, ANN, priority=-1),
        steering.change(ONE, ANN, set_name=""),
        steering.change(ONE, ANN, set_name="a b"),
    ):
        with pytest.raises(NodeRefusal) as caught:
            cluster.run(work)
        assert caught.value.code is NodeRefusalCode.INVALID


def test_weight_set_and_priority_change_for_new_calls_alone(cluster: Cluster) -> None:
    place_calls(cluster)
    before = calls_on(cluster)
    decide(cluster, steering_of(cluster).change(TWO, ANN, priority=1))
    place_calls(cluster, 8, place=1)
    assert len(calls_on(cluster)) == len(before) + 8, "the first tier has them all"
    decide(cluster, steering_of(cluster).change(ONE, ANN, set_name="other"))
    place_calls(cluster, 16)
    assert len(calls_on(cluster)) == len(before) + 8
    decide(cluster, steering_of(cluster).reset(ONE, BOB))
    decide(cluster, steering_of(cluster).change(ONE, ANN, weight=0))
    place_calls(cluster, 24, place=1)
    assert len(calls_on(cluster)) == len(before) + 8, "weight 0 is no node that takes calls, whatever its tier"
    assert cluster.do(Verb.ANSWER, before[0], a="A", b="B", sdp="y")[b"result"] == b"ok"
    cluster.check_no_leak()


def test_a_lower_tier_is_used_only_while_no_node_of_the_higher_one_takes_calls(cluster: Cluster) -> None:
    decide(cluster, steering_of(cluster).change(TWO, ANN, priority=1))
    place_calls(cluster)
    assert calls_on(cluster, TWO) == []
    drain(cluster)
    place_calls(cluster, 8)
    assert len(calls_on(cluster, TWO)) == 8
    decide(cluster, steering_of(cluster).set_state(ONE, AdminState.ACTIVE, ANN))
    place_calls(cluster, 16)
    assert len(calls_on(cluster, TWO)) == 8
    cluster.relays[ONE].silent = True
    cluster.after(30)
    place_calls(cluster, 24)
    assert len(calls_on(cluster, TWO)) == 16
    cluster.relays[ONE].silent = False
    cluster.after(5)
    place_calls(cluster, 32)
    assert len(calls_on(cluster, TWO)) == 16
    cluster.after(30)
    cluster.check_no_leak()


def test_a_node_with_calls_is_not_removed_and_its_number_of_calls_is_told(cluster: Cluster) -> None:
    place_calls(cluster)
    number = len(calls_on(cluster))
    with pytest.raises(NodeRefusal, match=f"node relay1 has {number} calls") as caught:
        cluster.run(steering_of(cluster).remove(ONE, ANN))
    assert caught.value.code is NodeRefusalCode.HAS_CALLS
    assert stream(cluster) == []


def test_a_node_that_is_to_leave_is_removed_when_its_last_call_is_gone(cluster: Cluster) -> None:
    place_calls(cluster)
    decide(cluster, steering_of(cluster).remove(ONE, ANN, drain=True))
    assert states(cluster) == [NodeState.DRAINING] * 2
    *most, last = calls_on(cluster)
    for call_id in most:
        assert cluster.do(Verb.DELETE, call_id, a="A", place=1)[b"result"] == b"ok"
    follow(cluster, 2 * COUNT)
    assert [record.event.name for record in stream(cluster)] == ["node leaving"]
    assert cluster.do(Verb.ANSWER, last, a="A", b="B", sdp="y", place=1)[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, last, a="A", place=1)[b"result"] == b"ok"
    cluster.check_no_leak()
    follow(cluster, 2 * COUNT)
    assert [record.event.name for record in stream(cluster)] == ["node leaving", "node removed"]
    removed = stream(cluster)[-1].event
    assert isinstance(removed, NodeEvent)
    assert (removed.asked_by, removed.reason) == ("ann", "kernel")
    cluster.after(GRACE)
    follow(cluster, COUNT)
    assert states(cluster) == [None, None]
    place_calls(cluster, 8)


def test_a_node_is_not_removed_while_a_control_node_may_still_place_calls_there(cluster: Cluster) -> None:
    follow(cluster)
    cluster.run(steering_of(cluster).remove(ONE, ANN, drain=True))
    for _ in range(2 * COUNT):
        cluster.run(cluster.nodes[0].follower.look())  # the other one does not look
        cluster.run(publish(cluster, 0))
    assert [record.event.name for record in stream(cluster)] == ["node leaving"]
    follow(cluster, 2 * COUNT)
    assert stream(cluster)[-1].event.name == "node removed"


def test_a_call_that_was_placed_while_its_node_was_removed_is_served_to_its_end(cluster: Cluster) -> None:
    cluster.run(steering_of(cluster).remove(ONE, ANN))
    place_calls(cluster, place=1)  # which has not looked yet
    first, *others = calls_on(cluster)
    follow(cluster, 2 * COUNT)
    cluster.after(GRACE)
    follow(cluster, 2 * COUNT)
    assert states(cluster) == [NodeState.DRAINING] * 2
    cluster.restart(0)
    assert cluster.do(Verb.ANSWER, first, a="A", b="B", sdp="y")[b"result"] == b"ok"
    place_calls(cluster, 8)
    assert calls_on(cluster) == [first, *others]
    for call_id in (first, *others):
        assert cluster.do(Verb.DELETE, call_id, a="A", place=1)[b"result"] == b"ok"
    cluster.check_no_leak()
    follow(cluster, COUNT)
    cluster.after(GRACE)
    follow(cluster, COUNT)
    assert states(cluster) == [None, None]
    cluster.restart(0)
    assert states(cluster) == [None, None], "it is none any more, whatever the configuration says"
    decide(cluster, steering_of(cluster).reset(ONE, BOB))
    assert states(cluster) == [NodeState.UP] * 2


def test_the_actor_of_a_removed_node_ends_what_it_is_asked(cluster: Cluster) -> None:
    place_calls(cluster)
    first = calls_on(cluster)[0]
    actor = cluster.nodes[0].table.actor(ONE)
    assert actor is not None
    cluster.relays[ONE].delay = 0.5
    asked = cluster.ask(Verb.ANSWER, first, a="A", b="B", sdp="y")
    cluster.after(0.05)

    async def let_go() -> None:
        cluster.nodes[0].table.remove(ONE)

    cluster.run(let_go())
    cluster.after(0.1)
    assert actor.is_alive()
    cluster.after(1)
    assert asked.ok
    assert not actor.is_alive()
    cluster.restart(0)


def test_a_node_is_added_once_under_its_name_and_url(cluster: Cluster) -> None:
    spec = NodeSpec(name=NodeName("relay3"), engine="rtpproxy", url="udp:192.0.2.3:7722", set="gold", weight=2)
    assert cluster.run(steering_of(cluster).add(spec, ANN, patience=2.5)).version == 1
    for wrong in (spec, replace(spec, name=NodeName("relay4")), replace(spec, name=ONE, url="udp:192.0.2.4:7722")):
        with pytest.raises(NodeRefusal) as caught:
            cluster.run(steering_of(cluster, 1).add(wrong, BOB))
        assert caught.value.code is NodeRefusalCode.EXISTS
    cluster.run(steering_of(cluster).remove(spec.name, ANN))
    assert cluster.run(steering_of(cluster, 1).add(replace(spec, name=NodeName("relay4")), BOB)).version == 3
    assert cluster.run(steering_of(cluster, 1).add(replace(spec, url="udp:192.0.2.5:7722"), BOB)).version == 4


def test_a_tail_of_decisions_that_the_journal_lost_is_written_again(cluster: Cluster) -> None:
    drain(cluster)
    drain(cluster, TWO)
    before = stream(cluster)
    for left in (1, 0):
        del cluster.journal._decisions.streams[NODES].entries[left:]
        follow(cluster)
        assert stream(cluster) == before
    assert (states(cluster, ONE), states(cluster, TWO)) == ([NodeState.DRAINING] * 2,) * 2


def test_what_was_decided_in_the_place_of_a_lost_tail_holds(cluster: Cluster) -> None:
    drain(cluster)
    del cluster.journal._decisions.streams[NODES].entries[:]
    cluster.run(NodeSteering(cluster.journal, cluster.nodes[0].table, "c3").set_state(TWO, AdminState.DISABLED, BOB))
    follow(cluster)
    assert (states(cluster, ONE), states(cluster, TWO)) == ([NodeState.UP] * 2, [NodeState.DISABLED] * 2)


def test_an_entry_that_cannot_be_read_leaves_the_rest_in_force(cluster: Cluster) -> None:
    drain(cluster)
    entries = cluster.journal._decisions.streams[NODES].entries
    entries.append(replace(entries[0], payload=b"\xc1"))
    follow(cluster)
    assert states(cluster) == [NodeState.DRAINING] * 2
    with pytest.raises(JournalUnavailable, match="cannot be read"):
        drain(cluster, TWO)
    cluster.restart(0)
    assert states(cluster)[0] is NodeState.DRAINING
    entries[0] = replace(entries[0], payload=b"\xc1")
    follow(cluster)
    assert states(cluster) == [NodeState.DRAINING] * 2, "what was read before stays in force"


@pytest.mark.parametrize(
    "wrong", [{"engine": "warp"}, {"url": "\udcff"}, {"url": "udp:nowhere:"}, {"url": "pigeon:1"}, {"url": ""}]
)
def test_a_description_that_is_of_no_use_leaves_the_other_nodes_alone(cluster: Cluster, wrong: dict[str, str]) -> None:
    good = {"engine": "rtpproxy", "url": "udp:192.0.2.3:7722", "tcp_streams": "?", "timeout": 0, "max_in_flight": -1}
    event = NodeAdded(node=NodeName("odd"), asked_by="", weight=-1, priority=-1, **{**good, **wrong})  # type: ignore[arg-type]

    async def write() -> None:
        await cluster.journal.append_decisions(NODES, 0, [Recorded(1, 0, "another program", event)])

    cluster.run(write())
    drain(cluster)
    assert (states(cluster), states(cluster, NodeName("odd"))) == ([NodeState.DRAINING] * 2, [None, None])
    place_calls(cluster)
    decide(cluster, steering_of(cluster).remove(NodeName("odd"), BOB))
    assert [each.spec.name for each in cluster.nodes[0].table.all()] == [ONE, TWO]


def test_many_decisions_of_several_operators_at_once_are_all_written(cluster: Cluster) -> None:
    async def all_at_once() -> list[Decided]:
        names = [ONE, TWO]
        works = [
            steering_of(cluster, number % 2).change(names[number % 2], Wish(f"operator {number}"), weight=number + 2)
            for number in range(2)
        ]
        return await asyncio.gather(*works)

    assert {done.version for done in cluster.run(all_at_once())} == {1, 2}


@pytest.mark.parametrize(
    "ask",
    [
        lambda steering: steering.set_state(ONE, "drained", ANN),
        lambda steering: steering.set_state(ONE, AdminState.DRAINING, NOBODY),
        lambda steering: steering.set_state(ONE, AdminState.DRAINING, Wish("ann", "\ud800")),
        lambda steering: steering.change(ONE, ANN, weight=1.5),
        lambda steering: steering.change(ONE, ANN, weight="3"),
        lambda steering: steering.change(ONE, ANN, priority=True),
        lambda steering: steering.change(ONE, ANN, set_name=5),
        lambda steering: steering.remove(ONE, NOBODY, drain=True),
        lambda steering: steering.reset(TWO, NOBODY),
        lambda steering: steering.add(NodeSpec(name=NodeName("new"), engine="rtpengine", url="udp:10.0.0.9:1"), NOBODY),
    ],
)
def test_what_no_control_node_could_read_is_not_decided(
    cluster: Cluster, ask: Callable[[Any], Coroutine[Any, Any, Decided]]
) -> None:
    drain(cluster, TWO)
    with pytest.raises((NodeRefusal, TypeError)) as refused:  # compiled, a value of a wrong type is not even made
        cluster.run(ask(steering_of(cluster)))
    if isinstance(refused.value, NodeRefusal):
        assert refused.value.code is NodeRefusalCode.INVALID
    assert drain(cluster).changed
    assert set(cluster.run(steering_of(cluster).decided()).nodes) == {ONE, TWO}
