"""Old decisions are summed up: nothing is forgotten that holds, whoever reads on from where, and whoever crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from unittest.mock import patch

import pytest

from actors import known_decisions, shortening
from actors.control.control import Control
from actors.control.forgetting import Forgetting
from actors.control.status import ControlNodeStatus, encode_status
from actors.control.steering import NodeSteering, Wish
from actors.shortening import Shortening
from engines.health import AdminState, NodeState
from engines.sets import NodeSpec
from events.decisions import FORGOTTEN, NODES
from events.forget_events import ForgettingsSummarized
from events.journal import JournalUnavailable
from events.names import CallId, NodeName, StreamName
from events.node_events import NodesSummarized
from events.records import Recorded
from events.verb import Verb
from replay.nodes import DecidedNodes, fold_nodes
from tests.actors.simulation import Cluster

ONE, TWO = NodeName("relay1"), NodeName("relay2")
DAY = 24 * 3600.0
ANN = Wish("ann", "kernel")


@pytest.fixture
def cluster() -> Iterable[Cluster]:
    made = Cluster(relays=2, control_nodes=2)
    yield made
    made.heal()
    made.close()


def steering_of(cluster: Cluster, place: int = 0) -> NodeSteering:
    node = cluster.nodes[place]
    return Control(node.journal, node.table, name=node.name, now=cluster.loop.now_ms).steering


def shortening_of(cluster: Cluster, place: int = 0, least: int = 4) -> Shortening:
    node = cluster.nodes[place]
    names = {one.spec.name for one in node.follower.configured}
    return Shortening(node.journal, node.name, lambda: names, round(DAY * 1000), least)


def shorten(cluster: Cluster, place: int = 0) -> None:
    cluster.run(shortening_of(cluster, place).shorten())


def look(cluster: Cluster) -> None:
    for node in cluster.nodes:
        if node.life.alive:
            cluster.run(node.follower.look())
    cluster.after(0.01)


def change(cluster: Cluster, weight: int, node: NodeName = TWO) -> None:
    cluster.run(steering_of(cluster).change(node, ANN, weight=weight))


def decide_much(cluster: Cluster) -> None:
    """Drain one node, and change the other one nine times."""
    cluster.run(steering_of(cluster).set_state(ONE, AdminState.DRAINING, ANN))
    for weight in range(2, 11):
        change(cluster, weight)


def stream(cluster: Cluster, name: StreamName = NODES) -> list[Recorded]:
    async def read() -> list[Recorded]:
        return await cluster.journal.read_decisions(name)

    return cluster.run(read())


def in_force(cluster: Cluster) -> list[tuple[NodeState, int]]:
    """Return the state of the first node and the weight of the second one at each control node."""
    found = []
    for control_node in cluster.nodes:
        one, two = control_node.table.node(ONE), control_node.table.node(TWO)
        assert one is not None
        assert two is not None
        found.append((one.health.state, two.spec.weight))
    return found


def add_and_remove(cluster: Cluster, number: int) -> NodeName:
    name = NodeName(f"pod-{number}")
    spec = NodeSpec(name=name, engine="rtpproxy", url=f"udp:192.0.2.3:{7000 + number}")
    cluster.run(steering_of(cluster).add(spec, ANN))
    cluster.run(steering_of(cluster).remove(name, ANN))
    return name


def test_what_is_old_is_summed_up_and_what_is_not_stays(cluster: Cluster) -> None:
    decide_much(cluster)
    cluster.set_clock(DAY)
    change(cluster, 11)
    before = stream(cluster)
    cluster.after(1)
    shorten(cluster)
    after = stream(cluster)
    assert isinstance(after[0].event, NodesSummarized)
    assert after[1:] == before[10:], "an audit finds what is not older than histories are"
    assert fold_nodes(after) == fold_nodes(before)
    last = {name: decisions.last for name, decisions in fold_nodes(after).nodes.items()}
    assert last[ONE] == before[0], "who drained it, when and why"
    look(cluster)
    cluster.restart(0)
    look(cluster)
    assert in_force(cluster) == [(NodeState.DRAINING, 11)] * 2


def test_few_old_decisions_stay_and_so_does_the_newest(cluster: Cluster) -> None:
    for weight in (2, 3, 4, 5):
        change(cluster, weight)
    cluster.set_clock(2 * DAY)
    before = stream(cluster)
    shorten(cluster)
    assert stream(cluster) == before, "the newest is none of those that are counted"
    change(cluster, 6)
    shorten(cluster)
    assert [record.version for record in stream(cluster)] == [4, 5]


def test_a_stream_stays_bounded_for_ever(cluster: Cluster) -> None:
    for weight in range(2, 80):
        change(cluster, weight)
        cluster.set_clock(DAY / 4)
        shorten(cluster, weight % 2)
        look(cluster)
        assert len(stream(cluster)) <= 4 + 4 + 2
    assert stream(cluster)[-1].version == 78
    assert in_force(cluster) == [(NodeState.UP, 79)] * 2


def test_many_who_sum_up_and_decide_at_once_lose_nothing(cluster: Cluster) -> None:
    decide_much(cluster)
    cluster.set_clock(2 * DAY)
    change(cluster, 11)

    async def all_at_once() -> None:
        works = [shortening_of(cluster, number % 2).shorten() for number in range(6)]
        decisions = [steering_of(cluster, n).change((ONE, TWO)[n], ANN, weight=20 + n) for n in range(2)]
        await asyncio.gather(*works[:3], *decisions, *works[3:])

    cluster.run(all_at_once())
    shorten(cluster)
    assert [record.version for record in stream(cluster)] == [10, 11, 12, 13]
    look(cluster)
    assert in_force(cluster) == [(NodeState.DRAINING, 21)] * 2


@pytest.mark.parametrize("crossings", range(10))
def test_who_dies_while_summing_up_leaves_it_done_or_not(cluster: Cluster, crossings: int) -> None:
    decide_much(cluster)
    cluster.set_clock(2 * DAY)
    change(cluster, 11)
    look(cluster)
    before = fold_nodes(stream(cluster))
    cluster.nodes[0].life.crossings = crossings
    work = cluster.loop.create_task(shortening_of(cluster).shorten())
    cluster.after(5)
    work.cancel()
    assert fold_nodes(stream(cluster)) == before
    shorten(cluster, 1)
    assert len(stream(cluster)) == 2
    cluster.restart(0)
    look(cluster)
    assert in_force(cluster) == [(NodeState.DRAINING, 11)] * 2


@pytest.mark.parametrize("place", [2, 9, 10])
def test_who_was_away_for_days_follows_again(cluster: Cluster, place: int) -> None:
    """It knows decisions up to one that was summed up: below, at, and above the summary's place."""
    cluster.run(steering_of(cluster).set_state(ONE, AdminState.DRAINING, ANN))
    for weight in range(2, 12):
        change(cluster, weight)
        if weight == place:
            look(cluster)
            cluster.nodes[1].journal.away = True
        cluster.run(cluster.nodes[0].follower.look())
    cluster.set_clock(3 * DAY)
    change(cluster, 12)
    shorten(cluster)
    assert stream(cluster)[0].version == 11
    cluster.nodes[1].journal.away = False
    look(cluster)
    look(cluster)
    assert in_force(cluster) == [(NodeState.DRAINING, 12)] * 2
    change(cluster, 13)
    look(cluster)
    assert in_force(cluster) == [(NodeState.DRAINING, 13)] * 2


@pytest.mark.parametrize("left", [9, 8, 0])
@pytest.mark.parametrize("kept", [4, 1000])
def test_what_redis_loses_of_a_summed_up_stream_is_written_again(cluster: Cluster, left: int, kept: int) -> None:
    """left: as many entries of the stream; of 0 it has begun anew."""
    with patch.object(known_decisions, "KEPT", kept):
        cluster.run(steering_of(cluster).set_state(ONE, AdminState.DRAINING, ANN))
        for weight in range(2, 12):
            change(cluster, weight)
            look(cluster)
            if weight == 7:
                cluster.set_clock(2 * DAY)
        shorten(cluster)
        assert stream(cluster)[0].version == 7
        before = stream(cluster)
        if left:
            del cluster.journal._decisions.streams[NODES].entries[left:]
        else:
            del cluster.journal._decisions.streams[NODES]
        for _ in range(3):
            look(cluster)
        assert in_force(cluster) == [(NodeState.DRAINING, 11)] * 2
        if left:
            assert stream(cluster) == before
        last = fold_nodes(stream(cluster)).nodes[ONE].last
        assert (last.at, last.event) == (before[0].event.nodes[0].at, before[0].event.nodes[0].state_set)  # type: ignore[attr-defined]
        change(cluster, 12)
        cluster.restart(1)
        look(cluster)
        assert in_force(cluster) == [(NodeState.DRAINING, 12)] * 2


def test_what_was_decided_in_the_place_of_a_summed_up_stream_holds(cluster: Cluster) -> None:
    with patch.object(known_decisions, "KEPT", 2):
        for weight in range(2, 12):
            change(cluster, weight)
            look(cluster)
        del cluster.journal._decisions.streams[NODES]
        change(cluster, 50)
        look(cluster)
        assert in_force(cluster) == [(NodeState.UP, 50)] * 2


def test_a_node_that_was_removed_stays_so(cluster: Cluster) -> None:
    """Its own configuration has one of the nodes; one that was added is remembered among the newest of its kind."""
    cluster.run(steering_of(cluster).remove(ONE, ANN))
    with patch.object(shortening, "REMOVED", 3):
        names = [add_and_remove(cluster, number) for number in range(6)]
        cluster.set_clock(2 * DAY)
        change(cluster, 2)
        shorten(cluster)
    decided = fold_nodes(stream(cluster))
    assert set(decided.nodes) == {ONE, TWO, *names[3:]}
    cluster.restart(0)
    cluster.after(20)
    look(cluster)
    assert [one.spec.name for one in cluster.nodes[0].table.all() if not one.gone] == [TWO]


def test_a_removed_node_that_is_needed_is_remembered(cluster: Cluster) -> None:
    """It has calls, or somebody says something of it that needs what was said before."""
    again, forgotten = add_and_remove(cluster, 1), add_and_remove(cluster, 2)
    cluster.set_clock(2 * DAY)
    cluster.run(steering_of(cluster).reset(again, ANN))
    with patch.object(shortening, "REMOVED", 0):
        counted = cluster.run(cluster.journal.count_calls())
        with patch.object(cluster.journal, "count_calls", lambda: _soon({**counted, "pod-2": 1})):
            shorten(cluster)
        decided = _nodes(cluster)
        assert (decided.nodes[again].added, decided.nodes[again].removed) == (fold_added(decided, again), False)
        assert forgotten in decided.nodes
        cluster.set_clock(2 * DAY)
        for weight in range(2, 8):
            change(cluster, weight)
        cluster.set_clock(2 * DAY)
        change(cluster, 8)
        shorten(cluster)
        assert set(_nodes(cluster).nodes) == {again, TWO}


async def _soon(counts: dict[str, int]) -> dict[str, int]:
    return counts


def _nodes(cluster: Cluster) -> DecidedNodes:
    return fold_nodes(stream(cluster))


def fold_added(decided: DecidedNodes, name: NodeName) -> object:
    added = decided.nodes[name].added
    assert added is not None
    return added


def test_while_control_nodes_are_of_several_versions_nothing_is_summed_up(cluster: Cluster) -> None:
    decide_much(cluster)
    cluster.set_clock(2 * DAY)
    change(cluster, 11)
    status = ControlNodeStatus(name="old", started_at=0, seen_at=0, version="0.1")

    async def publish(*statuses: ControlNodeStatus) -> None:
        for one in statuses:
            await cluster.journal.publish(one.name, encode_status(one), 60)

    before = stream(cluster)
    cluster.run(publish(status, replace(status, name="new", version="0.2")))
    shorten(cluster)
    assert stream(cluster) == before
    cluster.after(61)
    cluster.run(publish(status))
    shorten(cluster)
    assert len(stream(cluster)) == 2


def test_who_asked_to_forget_is_kept_for_as_long_as_a_call(cluster: Cluster) -> None:
    def forget(*calls: str) -> None:
        cluster.run(Forgetting(cluster.journal, "bob", "asked for").forget(list(map(CallId, calls))))

    forget("a")
    first = stream(cluster, FORGOTTEN)[0].at
    for number in range(5):
        forget(f"b{number}", "c")
    cluster.set_clock(2 * DAY)
    forget("d")
    shorten(cluster)
    summary, last = stream(cluster, FORGOTTEN)
    assert summary.event == ForgettingsSummarized(since=first, times=6, calls=11)
    for _ in range(4):
        forget("e")
    cluster.set_clock(2 * DAY)
    forget("f")
    shorten(cluster)
    summary, last = stream(cluster, FORGOTTEN)
    assert (summary.event, last.version) == (ForgettingsSummarized(since=first, times=11, calls=16), 12)
    forget("g")
    assert len(stream(cluster, FORGOTTEN)) == 3


def test_what_cannot_be_read_is_not_summed_up(cluster: Cluster) -> None:
    decide_much(cluster)
    cluster.set_clock(2 * DAY)
    cluster.nodes[0].journal.away = True
    with pytest.raises(JournalUnavailable):
        shorten(cluster)
    cluster.nodes[0].journal.away = False
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="x")[b"result"] == b"ok"
