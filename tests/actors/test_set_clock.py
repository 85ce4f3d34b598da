"""The journal's clock is set while calls live: nothing ends before its time, and nothing is put off."""

from __future__ import annotations

import pytest

from events.names import CallId
from events.verb import Verb
from replay.state import CallStatus
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import SipCall, check_over, state

A_DAY = 86_400
STEPS = pytest.mark.parametrize("step", [-A_DAY, -3600, -600, 600, 3600, A_DAY])
C = CallId("c")


@STEPS
def test_a_call_that_rings_has_its_time(cluster: Cluster, step: float) -> None:
    cluster.do(Verb.OFFER, C, a="A", sdp="caller")
    cluster.after(1)
    cluster.set_clock(step)
    cluster.after(DEADLINES.offer / 1000 - 5)
    assert cluster.events(C) == ["engaged", "offered"]
    cluster.after(10)
    assert cluster.state(C).status is CallStatus.ENDED
    cluster.check_no_leak()


@STEPS
def test_a_session_has_its_time_to_be_refreshed(cluster: Cluster, step: float) -> None:
    call = SipCall(cluster)
    call.begin(expires=1800)
    cluster.after(60)
    cluster.set_clock(step)
    cluster.after(900)
    assert state(call).status is CallStatus.LIVE
    cluster.after(1600)  # times that the clock has had twice count as the newer ones
    check_over(call)


@STEPS
def test_a_delete_is_tried_for_as_long_as_ever(cluster: Cluster, step: float) -> None:
    cluster.do(Verb.OFFER, C, a="A", sdp="caller")
    for relay in cluster.relays.values():
        relay.silent = True
    cluster.do(Verb.DELETE, C, a="A")
    cluster.after(20)
    cluster.set_clock(step)
    cluster.after(60)
    assert "deleted" not in cluster.events(C)
    for relay in cluster.relays.values():
        relay.silent = False
    cluster.after(60)
    assert cluster.events(C)[-1] == "deleted"
    cluster.check_no_leak()


@STEPS
def test_what_fell_due_while_the_journal_was_away_is_done(cluster: Cluster, step: float) -> None:
    """A server takes over whose clock is another one."""
    cluster.do(Verb.OFFER, C, a="A", sdp="caller")
    for node in cluster.nodes:
        node.journal.away = True
    cluster.after(DEADLINES.offer / 1000 + 30)
    cluster.set_clock(step)
    cluster.heal()
    cluster.after(10)
    assert cluster.state(C).status is CallStatus.ENDED
    cluster.check_no_leak()


def test_a_call_that_was_answered_before_it_began_is_no_fault(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, C, a="A", sdp="caller")
    cluster.set_clock(-3600)
    cluster.do(Verb.ANSWER, C, a="A", b="B", sdp="callee")
    cluster.check_tables()
    cluster.do(Verb.DELETE, C, a="A")
    cluster.check_tables()


@STEPS
def test_a_call_begun_after_the_clock_was_set_has_its_time(cluster: Cluster, step: float) -> None:
    cluster.set_clock(step)
    test_a_call_that_rings_has_its_time(cluster, -step)
