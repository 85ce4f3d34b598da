"""What a quarantined call has on relays goes when that is wanted, whatever state its stream is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from actors.commands.media import PassThrough
from actors.control.control import Control
from actors.directory import DirectorySettings
from actors.flows.handlers import HANDLERS
from actors.quarantine.quarantine import QuarantinePolicy
from actors.quarantine.release import NotQuarantined
from events.journal import CorruptEntry
from events.names import CallId
from events.records import LiveCall
from events.registry import SessionReleased
from events.verb import Verb
from tests.actors.simulation import Cluster
from tests.actors.test_promises import sdp
from tests.actors.test_quarantine import failing_flow

Damage = Callable[[Cluster, pytest.MonkeyPatch], None]
CALL = "bad"


def spoil_first(cluster: Cluster, _: pytest.MonkeyPatch) -> None:
    cluster.journal.spoil(CallId(CALL), 1, b"garbage")


def spoil_last(cluster: Cluster, _: pytest.MonkeyPatch) -> None:
    cluster.journal.spoil(CallId(CALL), len(cluster.stream(CallId(CALL))), b"garbage")


def exhaust(cluster: Cluster, _: pytest.MonkeyPatch) -> None:
    cluster.journal.exhaust(CallId(CALL))


def spoil_and_exhaust(cluster: Cluster, patch: pytest.MonkeyPatch) -> None:
    spoil_first(cluster, patch)
    exhaust(cluster, patch)


def fail(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("actors.flows.handlers.HANDLERS", {**HANDLERS, PassThrough: failing_flow})
        for _ in range(3):
            cluster.do(Verb.QUERY, CallId(CALL))
            cluster.after(0.1)


DAMAGES = [spoil_first, spoil_last, exhaust, spoil_and_exhaust, fail]


def set_up(cluster: Cluster, damage: Damage, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.do(Verb.OFFER, CallId(CALL), a="A", sdp=sdp(1))
    cluster.do(Verb.ANSWER, CallId(CALL), a="A", b="B", sdp=sdp(2))
    assert held(cluster)
    cluster.after(15)
    damage(cluster, monkeypatch)
    for place in range(len(cluster.nodes)):
        reply = cluster.do(Verb.OFFER, CallId(CALL), place=place, a="A", b="B", sdp=sdp(3))
        assert b"Call is quarantined: " in bytes(reply[b"error-reason"])  # type: ignore[arg-type]
    cluster.after(1)


def held(cluster: Cluster) -> set[str]:
    return {one for relay in cluster.fakes.values() for one in relay.held()}


def row(cluster: Cluster) -> LiveCall | None:
    return cluster.run(cluster.journal.row(CallId(CALL)))


def end(cluster: Cluster) -> Any:
    return cluster.run(Control(cluster.journal).end_quarantined(CallId(CALL), "a test"))


def tail(cluster: Cluster) -> list[str]:
    async def read() -> list[str]:
        try:
            return [record.event.name for record in await cluster.journal.read(CallId(CALL))]
        except CorruptEntry as error:
            return [record.event.name for record in await cluster.journal.read(CallId(CALL), error.version)]

    return cluster.run(read())


@pytest.fixture
def make() -> Iterator[Callable[..., Cluster]]:
    with ExitStack() as stack:

        def made(**how: Any) -> Cluster:
            cluster = Cluster(**how)
            stack.callback(cluster.close)
            return cluster

        yield made


@pytest.fixture(params=["rtpengine", "rtpproxy"])
def world(request: pytest.FixtureRequest, make: Callable[..., Cluster]) -> Cluster:
    return make(engine=request.param)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_table_keeps_what_a_quarantined_call_has_on_relays(
    world: Cluster, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(world, damage, monkeypatch)
    kept = row(world)
    assert kept is not None
    assert kept.status == "quarantined"
    assert {relay_id for _, relay_id in kept.sessions} == held(world)
    world.after(3600)
    assert held(world) == {relay_id for _, relay_id in kept.sessions}, "media go on"


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_operator_ends_a_quarantined_call(world: Cluster, damage: Damage, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(world, damage, monkeypatch)
    assert {relay_id for _, relay_id in end(world)} == held(world)
    world.after(30)
    assert not held(world)
    assert row(world) is None
    assert world.run(world.journal.count_calls()) == {"": 0}
    if damage not in (exhaust, spoil_and_exhaust):
        assert tail(world)[-3:] == ["quarantined", "release wanted", "session released"]
    reply = world.do(Verb.QUERY, CallId(CALL))
    assert reply[b"result"] == b"error", "it stays quarantined"
    world.after(30)
    assert row(world) is None, "and does not come back into the table"


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_policy_ends_a_quarantined_call(
    damage: Damage, make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(settings=DirectorySettings(quarantine=QuarantinePolicy.END))
    set_up(world, damage, monkeypatch)
    world.after(30)
    assert not held(world)
    assert row(world) is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_release_survives_silent_relays_and_dead_control_nodes(
    world: Cluster, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(world, damage, monkeypatch)
    for relay in world.fakes.values():
        relay.silent = True
    end(world)
    world.after(60)
    assert row(world) is not None
    for node in world.nodes:
        node.kill()
    world.add_node()
    for relay in world.fakes.values():
        relay.silent = False
    world.after(300)
    assert not held(world)
    assert row(world) is None


@pytest.mark.parametrize("crossings", range(16))
def test_a_control_node_that_dies_within_a_release_leaves_it_due(
    crossings: int, make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make(control_nodes=1)
    set_up(world, spoil_first, monkeypatch)
    end(world)
    world.nodes[0].life.crossings = crossings
    world.after(15)
    world.nodes[0].kill()
    world.add_node()
    world.after(60)
    assert not held(world)
    assert row(world) is None


def test_a_release_that_no_relay_confirms_is_given_up(
    make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make()
    set_up(world, spoil_first, monkeypatch)
    for relay in world.fakes.values():
        relay.silent = True
    end(world)
    world.after(world.deadlines.give_up / 1000 + 200)
    assert row(world) is None
    assert tail(world)[-1] == SessionReleased.name


def test_a_call_that_is_well_is_not_ended_so(make: Callable[..., Cluster]) -> None:
    world = make()
    world.do(Verb.OFFER, CallId(CALL), a="A", sdp=sdp(1))
    with pytest.raises(NotQuarantined):
        end(world)
    with pytest.raises(NotQuarantined):
        world.run(Control(world.journal).end_quarantined(CallId("unknown"), "a test"))
    world.check_no_leak()


def test_a_stream_that_nobody_has_found_unreadable_yet_is_ended_so(
    make: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make()
    world.do(Verb.OFFER, CallId(CALL), a="A", sdp=sdp(1))
    world.after(30)
    spoil_first(world, monkeypatch)
    end(world)
    world.after(30)
    assert not held(world)
    assert row(world) is None
    assert tail(world)[-3:] == ["quarantined", "release wanted", "session released"]
