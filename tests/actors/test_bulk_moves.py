"""Many calls move by a job: each once, whoever carries it out, and whatever dies meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from actors.sip_requests import SipOutcome
from events.bulk_parts import BulkPart, CallOutcome
from events.names import NodeName
from tests.actors.bulk_world import BulkWorld, leave

MOVED, FAILED, GONE = CallOutcome.MOVED, CallOutcome.FAILED, CallOutcome.GONE


@pytest.fixture
def world_of() -> Iterator[Callable[[int], BulkWorld]]:
    worlds: list[BulkWorld] = []

    def make(calls: int) -> BulkWorld:
        worlds.append(BulkWorld(calls))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


def test_a_node_is_emptied_by_one_of_two_control_nodes(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(24)
    there = len(world.on("relay1"))
    assert there
    world.start(0)
    world.start(1)
    job = world.ask(leave("relay1"))
    over = world.finish(job)
    assert (over.counts[MOVED], over.counts[FAILED], over.ended) == (there, 0, "")
    assert world.on("relay1") == []
    assert len(world.on("relay2")) == 24
    world.check_each_moved_once(job)
    world.check_calls()
    assert world.run(world.bulk.going_on()) == []


@pytest.mark.parametrize("step", range(1, 120, 7))
def test_another_control_node_takes_it_over_wherever_one_died(world_of: Callable[[int], BulkWorld], step: int) -> None:
    world = world_of(12)
    there = len(world.on("relay1"))
    world.start(0)
    first = world.nodes[0]
    job = world.ask(leave("relay1"), in_flight=3, rate=5)
    first.life.crossings = step
    world.after(3)
    world.die(first)
    world.start(1)
    over = world.finish(job)
    assert over.counts[MOVED] == there, over
    assert world.on("relay1") == []
    world.check_each_moved_once(job)
    world.check_calls()


def test_it_is_cancelled(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(20)
    there = len(world.on("relay1"))
    world.start(0)
    job = world.ask(leave("relay1"), rate=2)
    world.after(2.5)
    cancelled = world.run(world.bulk.cancel(job, "bob", "too soon"))
    assert cancelled.state == "cancelled"
    over = world.finish(job)
    assert over.ended == "cancelled by bob: too soon"
    assert 0 < over.counts[MOVED] < there
    assert len(world.on("relay1")) == there - over.counts[MOVED]
    world.check_calls()


def test_who_refuses_stays_and_is_told_of(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(12)
    unwilling, *others = world.on("relay1")
    unwilling.callee.refuses = [SipOutcome(488, "Not Acceptable Here")]
    world.start(0)
    over = world.finish(world.ask(leave("relay1"), until_empty=True))
    assert over.counts[MOVED] == len(others)
    assert list(over.failures) == [unwilling.call_id]
    assert "488" in over.failures[unwilling.call_id]
    assert world.on("relay1") == [unwilling]
    world.check_calls()


def test_a_target_that_dies_fails_the_rest(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(16)
    there = len(world.on("relay1"))
    world.start(0)
    job = world.ask(leave("relay1"), rate=2)
    world.after(2.5)
    world.fakes["relay2"].silent = True
    over = world.finish(job)
    assert over.counts[MOVED] + over.counts[FAILED] == there
    assert over.counts[FAILED] > 0
    assert len(world.on("relay1")) >= over.counts[FAILED]
    world.fakes["relay2"].silent = False
    world.check_each_moved_once(job)
    world.after(60)
    world.check_calls()


def test_the_journal_is_away_for_a_while(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(16)
    there = len(world.on("relay1"))
    world.start(0)
    job = world.ask(leave("relay1"), rate=3)
    world.after(1.5)
    world.nodes[0].journal.away = True
    world.after(30)
    world.nodes[0].journal.away = False
    over = world.finish(job)
    assert over.counts[MOVED] == there
    world.check_each_moved_once(job)
    world.check_calls()


def test_one_who_was_cut_off_stops_when_another_has_taken_over(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(20)
    there = len(world.on("relay1"))
    world.start(0)
    job = world.ask(leave("relay1"), in_flight=2, rate=2)
    world.after(1.5)
    world.nodes[0].journal.away = True
    world.after(5)
    world.start(1)
    world.after(8)
    world.nodes[0].journal.away = False
    over = world.finish(job)
    assert over.counts[MOVED] == there
    assert over.holder == "control2"
    world.check_each_moved_once(job)
    world.check_calls()


def test_as_many_as_are_wanted_go_where_they_are_wanted(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(20)
    there, others = len(world.on("relay1")), len(world.on("relay2"))
    world.start(0)
    over = world.finish(world.ask(BulkPart(node=NodeName("relay1"), new_node=NodeName("relay2"), most=3)))
    assert (over.counts[MOVED], over.calls) == (3, 3)
    assert (len(world.on("relay1")), len(world.on("relay2"))) == (there - 3, others + 3)


def test_a_deadline_spreads_the_moves_and_ends_them(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(20)
    there = len(world.on("relay1"))
    world.start(0)
    job = world.ask(leave("relay1"), within=20)
    world.after(6)
    assert 0 < world.progress(job).counts[MOVED] < there, "neither all at once nor too late"
    over = world.finish(job, within=15)
    assert over.counts[MOVED] == there
    world.check_calls()


def test_calls_that_end_meanwhile_are_gone(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(16)
    there = world.on("relay1")
    job = world.ask(leave("relay1"), rate=1)
    world.start(0)
    world.after(1)
    there[-1].say("C BYE at=A cseq=2")
    there[-1].say("A 200 BYE cseq=2")
    over = world.finish(job)
    assert over.counts[MOVED] + over.counts[GONE] == len(there)
    assert over.counts[FAILED] == 0


def test_calls_that_ring_move_when_they_are_answered_and_are_gone_if_they_are_not(
    world_of: Callable[[int], BulkWorld],
) -> None:
    world = world_of(8)
    there = len(world.on("relay1"))
    ringing = [world.ringing() for _ in range(8)]
    to_leave = [call for call in ringing if call.session.node == "relay1"]
    answered, cancelled = to_leave[1:], to_leave[0]
    assert answered
    world.start(0)
    job = world.ask(leave("relay1"), until_empty=True)
    world.after(5)
    assert world.progress(job).state == "moving"
    for call in answered:
        call.say("A 200 INVITE sdp=a")
        call.say("C ACK at=A")
    cancelled.say("A 486 INVITE")
    over = world.finish(job)
    assert (over.counts[MOVED], over.counts[GONE], over.counts[FAILED]) == (there + len(answered), 1, 0)
    assert world.on("relay1") == []
    world.check_each_moved_once(job)
    for call in (*world.on("relay2"), *answered):
        call.check_parties()


def test_a_job_waits_for_no_tick_but_for_what_becomes_of_its_calls(
    world_of: Callable[[int], BulkWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken when it is asked for here, goes on with each call that has moved, and ends with the last one."""
    monkeypatch.setattr("actors.bulk.run.TICK", 3600.0)
    world = world_of(24)
    there = len(world.on("relay1"))
    world.start(0, looks_every=3600.0)
    world.after(1)
    over = world.finish(world.ask(leave("relay1"), in_flight=3, until_empty=True), within=60)
    assert over.counts[MOVED] == there
    assert world.on("relay1") == []
    world.check_calls()


def test_while_the_clock_is_set_back_a_job_goes_on_to_note_what_became_of_calls(
    world_of: Callable[[int], BulkWorld],
) -> None:
    world = world_of(24)
    world.start(0)
    job = world.ask(leave("relay1"), rate=2)
    world.after(2)
    before = world.progress(job).counts[MOVED]
    world.set_clock(-3600)
    world.after(2)
    then = world.progress(job)
    assert (then.state, then.counts[MOVED] > before) == ("moving", True)
    world.finish(job)
    assert world.on("relay1") == []


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_job_has_its_time_though_the_clock_is_set(world_of: Callable[[int], BulkWorld], step: float) -> None:
    world = world_of(24)
    world.start(0)
    job = world.ask(leave("relay1"), within=60)
    world.after(5)
    world.set_clock(step)
    over = world.finish(job, within=60)
    assert (over.ended, over.counts[FAILED]) == ("", 0)
    assert world.on("relay1") == []


def test_a_job_that_no_control_node_could_read_is_none(world_of: Callable[[int], BulkWorld]) -> None:
    world = world_of(1)
    with pytest.raises((ValueError, TypeError), match=r"in_flight|int object expected"):
        world.ask(leave("relay1"), in_flight=1.5)
    assert world.run(world.bulk.going_on()) == []
    assert world.progress(world.ask(leave("relay1"))).state == "asked for"
