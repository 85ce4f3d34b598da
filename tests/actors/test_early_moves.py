"""A call that is to move while it rings: the move waits for the answer, and concerns what survives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.commands.migration import Migrate, MoveTarget, Whereabouts
from actors.control.documents import of_call
from actors.results import Moved, Refused
from actors.sip_requests import SipOutcome
from engines.refusal import RefusalCode
from events.names import CallId
from events.verb import Verb
from replay.settings_changes import EngageRelay
from replay.state import CallStatus
from tests.actors.moving import MovingCall
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import ENGAGED, SipCall

RINGING = {"without media": "A 180 INVITE branch=br0", "early media": "A 183 INVITE branch=br0 sdp=a"}
PROXIES = EngageRelay(engine="rtpproxy", set="default")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(relays=2, rtpproxies=2)
    yield made
    made.close()


def rings(cluster: Cluster, early: str = "early media", engaged: EngageRelay = ENGAGED) -> MovingCall:
    """Return a call whose callee rings."""
    call = MovingCall(cluster, engaged=engaged)
    call.say("C INVITE at=- branch=br0 sdp=c", changes=[engaged])
    call.say(RINGING[early])
    return call


def wants_away(call: MovingCall, place: int = 0, **more: object) -> str:
    """Want a call off its node, which has to wait; return the node that it is to go to."""
    node = call.another_node()
    moved = call.to_node(node, place=place, **more)
    assert isinstance(moved, Moved), moved
    assert (moved.waits, moved.early) == (True, True)
    return node


def is_answered(call: MovingCall, place: int = 0) -> None:
    call.say("A 200 INVITE branch=br0 sdp=a", place)
    call.say("C ACK at=A", place)


def check_moved(call: MovingCall, node: str) -> None:
    """Both parties are on that node, and no other has anything of the call."""
    call.cluster.after(40)
    assert call.session.node == node
    call.check_parties()
    call.check_versions_rise()
    call.check_moves_end()
    call.cluster.check_no_leak()
    call.cluster.check_versions()
    call.cluster.check_snapshots()
    call.cluster.check_tables()
    assert [session.node for session in call.state.remaining_sessions()] == [node]


@pytest.mark.parametrize("early", RINGING)
def test_it_moves_when_it_is_answered(cluster: Cluster, early: str) -> None:
    call = rings(cluster, early)
    before = call.session.node
    node = wants_away(call)
    cluster.after(20)
    assert call.session.node == before
    assert call.caller.received == call.callee.received == []
    assert (of_call(call.state)["move"] or {})["status"] == "waiting for its answer"
    is_answered(call)
    check_moved(call, node)
    assert call.caller.methods() == call.callee.methods() == ["INVITE"]


def test_any_control_node_begins_it(cluster: Cluster) -> None:
    call = rings(cluster)
    node = wants_away(call)
    cluster.nodes[0].kill()
    is_answered(call, place=1)
    check_moved(call, node)


def test_a_control_node_without_a_sip_door_leaves_it_to_one_that_has_it(cluster: Cluster) -> None:
    call = rings(cluster)
    cluster.nodes[0].outlet.sender = None
    node = wants_away(call)
    is_answered(call)
    check_moved(call, node)


def test_it_waits_for_the_ack(cluster: Cluster) -> None:
    """A re-INVITE before that would meet an INVITE that still goes on (RFC 3261 14.1)."""
    call = rings(cluster)
    node = wants_away(call)
    call.say("A 200 INVITE branch=br0 sdp=a")
    cluster.after(10)
    assert call.callee.received == []
    call.say("C ACK at=A")
    check_moved(call, node)


@pytest.mark.parametrize("end", ["A 486 INVITE branch=br0", "C CANCEL at=-"])
def test_it_ends_with_a_call_that_nobody_answers(cluster: Cluster, end: str) -> None:
    call = rings(cluster)
    wants_away(call)
    call.say(end)
    call.say("- 487 INVITE branch=br0") if "CANCEL" in end else None
    cluster.after(2 * DEADLINES.ringing / 1000 + 100)
    assert call.state.status is CallStatus.ENDED
    call.check_moves_end()
    assert not any(relay.held() for relay in cluster.fakes.values())
    assert cluster.run(cluster.journal.count_calls()) == {"": 0}


def test_another_wish_takes_its_place(cluster: Cluster) -> None:
    call = rings(cluster)
    wants_away(call)
    moved = call.move(MoveTarget(engine="rtpproxy"))
    assert isinstance(moved, Moved)
    assert moved.early
    is_answered(call)
    cluster.after(40)
    check_moved(call, call.session.node)
    assert call.session.engine == "rtpproxy"
    assert cluster.events(call.call_id).count("migration begun") == 1


def test_a_party_that_does_not_come_along_keeps_both_where_they_are(cluster: Cluster) -> None:
    call = rings(cluster)
    before = call.session.node
    wants_away(call)
    call.callee.refuses = [SipOutcome(488, "Not Acceptable Here")]
    is_answered(call)
    check_moved(call, before)
    assert "488" in call.state.not_moved


def test_of_a_fork_it_moves_the_branch_that_was_answered(cluster: Cluster) -> None:
    call = MovingCall(cluster)
    call.say("C INVITE at=- branch=br0 sdp=c", changes=[ENGAGED])
    call.tell("C INVITE at=- branch=br1 sdp=c")
    call.tell("B 183 INVITE branch=br1 sdp=b")
    node = wants_away(call)
    is_answered(call)
    call.tell("B 487 INVITE branch=br1")
    check_moved(call, node)


def test_it_waits_until_one_of_several_who_answered_is_left(cluster: Cluster) -> None:
    call = MovingCall(cluster)
    call.say("C INVITE at=- branch=br0 sdp=c", changes=[ENGAGED])
    call.tell("C INVITE at=- branch=br1 sdp=c")
    call.tell("A 180 INVITE branch=br0")
    node = wants_away(call)
    call.tell("B 200 INVITE branch=br1 sdp=b")
    is_answered(call)
    call.tell("C ACK at=B")
    cluster.after(20)
    assert call.callee.received == []
    call.tell("C BYE at=B cseq=2")
    call.tell("B 200 BYE cseq=2")
    check_moved(call, node)


def test_a_branch_that_is_answered_elsewhere_is_where_it_is_wanted(cluster: Cluster) -> None:
    call = MovingCall(cluster, engaged=PROXIES)
    call.say("C INVITE at=- branch=br0 sdp=c", changes=[PROXIES])
    first = call.session
    cluster.fakes[first.node].full = True
    call.tell("C INVITE at=- branch=br1 sdp=c")
    second = call.session
    assert second.node != first.node
    moved = call.move(MoveTarget(avoid=first.node), leaves=Whereabouts(node=first.node))
    assert isinstance(moved, Moved)
    call.tell("A 200 INVITE branch=br1 sdp=a")
    call.tell("C ACK at=A")
    call.tell("B 487 INVITE branch=br0")
    cluster.heal()
    cluster.after(40)
    assert [session.number for session in call.state.remaining_sessions()] == [second.number]
    assert call.caller.received == call.callee.received == []
    call.check_moves_end()
    cluster.check_no_leak()


def test_what_the_parties_agree_on_at_once_goes_along(cluster: Cluster) -> None:
    call = rings(cluster)
    node = wants_away(call)
    is_answered(call)
    call.say("C INVITE at=A cseq=2 sdp=c.2")
    call.say("A 200 INVITE cseq=2 sdp=a.2")
    call.say("C ACK at=A cseq=2")
    check_moved(call, node)
    agreement = call.session.agreement
    assert agreement is not None
    assert agreement.offer == call.caller.says


def test_a_call_of_the_ng_door_is_refused_until_it_is_answered(cluster: Cluster) -> None:
    """Its client may be asked for an offer only then."""
    cluster.do(Verb.OFFER, CallId("n"), a="A", sdp="X")
    refused = SipCall(cluster, CallId("n")).command(Migrate(call_id=CallId("n")))
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.EARLY


MOVES_WITHIN = 1.5
"""Seconds after the answer in which a call has moved, if nobody dies."""


def play(cluster: Cluster, dies_at: int | None) -> tuple[MovingCall, str]:
    """Have a ringing call moved at the first control node, which dies at a step from the wish on."""
    call = MovingCall(cluster)
    call.say("C INVITE at=- branch=br0 sdp=c", 1, changes=[ENGAGED])
    call.say(RINGING["early media"], 1)
    node = call.another_node()
    cluster.nodes[0].life.crossed, cluster.nodes[0].life.crossings = 0, dies_at
    wanted = call.to_node(node, place=0)
    if wanted is None:  # its client asks again, where somebody answers
        call.to_node(node, place=1)
    is_answered(call)
    cluster.after(MOVES_WITHIN)
    return call, node


def steps() -> int:
    cluster = Cluster(relays=2)
    play(cluster, None)
    crossed = cluster.nodes[0].life.crossed
    cluster.close()
    return crossed


def test_another_control_node_goes_on_wherever_one_dies() -> None:
    for step in (*range(steps()), None):
        cluster = Cluster(relays=2)
        call, node = play(cluster, step)
        cluster.after(2 * DEADLINES.request / 1000)
        check_moved(call, node)
        assert call.sip_dialogs.requests == {}
        cluster.close()


def test_moves_do_not_put_off_the_end_of_a_call_that_nobody_answers(cluster: Cluster) -> None:
    """`offer_timeout` counts from the last message, and the wish of an operator is none."""
    call = rings(cluster)
    since, node = call.state.changed, call.another_node()
    cluster.nodes[0].kill()
    for _ in range(10):
        cluster.after(DEADLINES.offer / 3000)
        call.to_node(node, place=1)
    ended = [record.at for record in cluster.stream(call.call_id) if record.event.name == "delete wanted"]
    assert [at - since < DEADLINES.offer + 20_000 for at in ended] == [True]
    call.check_moves_end()
    cluster.check_no_leak()
    cluster.check_snapshots()
