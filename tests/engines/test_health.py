"""The circuit breaker of a node."""

from __future__ import annotations

from engines.health import Health, NodeState


def test_a_node_goes_down_after_so_many_failures_in_a_row_and_up_with_the_next_reply() -> None:
    health = Health(since=0.0, down_after=3)
    assert [health.failed(t, "no answer") for t in (1.0, 2.0)] == [False, False]
    assert health.state is NodeState.UP
    assert health.failed(3.0, "no answer, again")
    assert (health.state, health.since, health.last_failure) == (NodeState.DOWN, 3.0, "no answer, again")
    assert not health.takes_commands
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
    assert health.set_wish(1.0, draining=True, disabled=False)
    assert (health.state, health.takes_commands, health.takes_new_calls) == (NodeState.DRAINING, True, False)
    assert not health.set_wish(2.0, draining=True, disabled=False), "nothing changed"
    assert health.since == 1.0


def test_a_disabled_node_gets_nothing_until_the_operator_takes_it_back() -> None:
    health = Health(since=0.0)
    health.set_wish(1.0, draining=False, disabled=True)
    assert (health.state, health.takes_commands, health.takes_new_calls) == (NodeState.DISABLED, False, False)
    health.succeeded(2.0)
    assert str(health.state) == "disabled"
    health.set_wish(3.0, draining=False, disabled=False)
    assert str(health.state) == "up"
