"""The circuit breaker of a node."""

from __future__ import annotations

from engines.health import AdminState, Health, Hysteresis, NodeSnapshot, NodeState


def test_a_node_goes_down_after_so_many_failures_in_a_row_and_up_with_the_next_reply() -> None:
    health = Health(since=0.0, down_after=3)
    assert [health.failed(t, "no answer") for t in (1.0, 2.0)] == [False, False]
    assert health.state is NodeState.UP
    assert health.failed(3.0, "no answer, again")
    assert (health.state, health.since, health.last_failure) == (NodeState.DOWN, 3.0, "no answer, again")
    assert not health.snapshot().takes_commands
    assert not health.failed(4.0, "and again"), "it is down already"
    assert health.succeeded(5.0)
    assert (health.state, health.since, health.failures) == (NodeState.UP, 5.0, 0)
    assert health.last_failure == "and again", "what went wrong last stays to be seen"


def test_a_reply_between_failures_starts_the_count_anew() -> None:
    health = Health(since=0.0, down_after=2)
    health.failed(1.0, "x")
    assert not health.succeeded(2.0)
    assert not health.failed(3.0, "x")
    assert health.state is NodeState.UP


def test_a_draining_node_serves_its_calls_and_gets_no_new_ones() -> None:
    health = Health(since=0.0)
    assert health.set_admin(1.0, AdminState.DRAINING)
    told = health.snapshot()
    assert (told.state, told.takes_commands, told.takes_new_calls) == (NodeState.DRAINING, True, False)
    assert not health.set_admin(2.0, AdminState.DRAINING), "nothing changed"
    assert health.since == 1.0


def test_a_disabled_node_gets_nothing_until_the_operator_takes_it_back() -> None:
    health = Health(since=0.0)
    health.set_admin(1.0, AdminState.DISABLED)
    told = health.snapshot()
    assert (told.state, told.takes_commands, told.takes_new_calls) == (NodeState.DISABLED, False, False)
    health.succeeded(2.0)
    assert str(health.state) == "disabled"
    health.set_admin(3.0, AdminState.ACTIVE)
    assert str(health.state) == "up"


def test_a_node_that_is_down_keeps_what_the_operator_wanted_of_it() -> None:
    health = Health(since=0.0, down_after=1)
    health.failed(1.0, "no answer")
    assert health.set_admin(2.0, AdminState.DRAINING), "it is told, though the node stays down"
    assert health.snapshot() == NodeSnapshot(
        state=NodeState.DOWN, admin=AdminState.DRAINING, since=1.0, last_failure="no answer"
    )
    health.succeeded(3.0)
    assert (health.state, health.since) == (NodeState.DRAINING, 3.0)


def flap(health: Health, at: float) -> float:
    """Let a node go down and come back; return when."""
    for moment in (at, at + 0.1, at + 0.2):
        health.failed(moment, "no answer")
    assert str(health.state) == "down"
    assert health.succeeded(at + 1)
    return at + 1


def test_a_node_that_flaps_has_to_answer_several_times_and_for_some_time() -> None:
    health = Health(since=0.0, hysteresis=Hysteresis(window=60, answers=3, hold=10))
    back = flap(health, 0.0)
    for moment in (back + 1, back + 2, back + 3):
        health.failed(moment, "no answer")
    down = back + 3
    assert str(health.state) == "down"
    assert not any(health.succeeded(down + n) for n in (1, 2, 3, 4)), "it has not been down for long enough"
    assert health.succeeded(down + 10)
    assert str(health.state) == "up"


def test_its_answers_count_from_the_last_failure_on() -> None:
    health = Health(since=0.0, hysteresis=Hysteresis(window=60, answers=3, hold=0))
    flap(health, 0.0)
    for moment in (10.0, 11.0, 12.0):
        health.failed(moment, "no answer")
    assert not health.succeeded(13.0)
    assert not health.succeeded(14.0)
    health.failed(15.0, "no answer")
    assert not health.succeeded(16.0)
    assert not health.succeeded(17.0)
    assert health.succeeded(18.0)


def test_one_that_was_up_for_long_is_taken_back_at_once() -> None:
    health = Health(since=0.0, hysteresis=Hysteresis(window=60, answers=3, hold=10))
    back = flap(health, 0.0)
    flap(health, back + 61)


def test_without_a_window_none_flaps() -> None:
    health = Health(since=0.0, hysteresis=Hysteresis(window=0, answers=3, hold=10))
    flap(health, flap(health, 0.0) + 0.01)


def test_what_others_have_found_out_holds_for_one_that_flaps_too() -> None:
    health = Health(since=0.0)
    flap(health, 0.0)
    assert health.told_down(2.0, "told")
    assert not health.succeeded(3.0)
    assert health.told_up(4.0)
    assert str(health.state) == "up"
    assert not health.told_up(5.0)
