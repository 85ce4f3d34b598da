"""The circuit breaker of a node."""

from __future__ import annotations

from engines.health import AdminState, Health, NodeSnapshot, NodeState


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
