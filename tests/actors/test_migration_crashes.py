"""A control node dies at every single step of a move; another one goes on with it, to an end that is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from actors.commands.copies import AnswerCopy, OfferCopy
from actors.commands.media import PassThrough
from actors.sip_requests import SipOutcome
from engines.request import NodeRequest
from events.verb import Verb
from replay.state import CallStatus
from tests.actors.moving import MovingCall
from tests.actors.simulation import DEADLINES, Cluster

RECORDER = b"v=0\r\nc=IN IP4 203.0.113.9\r\nm=audio 6000 RTP/AVP 0\r\nm=audio 6002 RTP/AVP 0\r\n"
REFUSAL = SipOutcome(488, "Not Acceptable Here")
Story: TypeAlias = Callable[[MovingCall], None]


def planned(call: MovingCall) -> None:
    """Both relays and both parties are well."""


def refused(call: MovingCall) -> None:
    """The callee does not come along."""
    call.callee.refuses = [REFUSAL]


def collides(call: MovingCall) -> None:
    """The caller has no time at first."""
    call.caller.busy = 2


def dead_relay(call: MovingCall) -> None:
    """The node that is left is dead."""
    call.cluster.fakes[call.session.node].silent = True


def dead_and_refused(call: MovingCall) -> None:
    """The node that is left is dead, and the callee does not come along."""
    dead_relay(call)
    refused(call)


def dead_target(call: MovingCall) -> None:
    """The node that is wanted does not answer."""
    call.cluster.fakes[call.another_node()].silent = True


def lost_replies(call: MovingCall) -> None:
    """The wanted node's replies get lost."""
    call.cluster.fakes[call.another_node()].lose_replies = 2


def other_answer(call: MovingCall) -> None:
    """The caller answers with something else than it had agreed on."""
    call.caller.says = call.caller.says.replace(b"4000", b"4002")


def heard(call: MovingCall) -> None:
    """The call is copied to a recorder, and recorded."""
    call.command(OfferCopy(call_id=call.call_id, name="rec"), place=1)
    call.command(AnswerCopy(call_id=call.call_id, name="rec", sdp=RECORDER), place=1)
    words = NodeRequest({b"command": b"start recording"})
    call.command(PassThrough(call_id=call.call_id, verb=Verb.START_RECORDING, request=words, received_at=1), place=1)


def heard_and_refused(call: MovingCall) -> None:
    """The call is copied and recorded, and the callee does not come along."""
    heard(call)
    refused(call)


def heard_from_dead_relay(call: MovingCall) -> None:
    """The node that is left is dead, and copied the call."""
    heard(call)
    dead_relay(call)


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (planned, refused, collides, dead_relay, dead_and_refused, dead_target, lost_replies, other_answer)
}
HEARD: dict[str, Story] = {story.__name__: story for story in (heard, heard_and_refused, heard_from_dead_relay)}


def play(cluster: Cluster, story: Story, dies_at: int | None) -> MovingCall:
    """Have a call moved by the first control node, which dies at a step of that; the second one takes what is due."""
    call = MovingCall(cluster)
    call.answered(place=1)
    story(call)
    cluster.nodes[0].life.crossed, cluster.nodes[0].life.crossings = 0, dies_at
    call.to_node(call.another_node(), within=60)
    return call


def steps_of(story: Story) -> int:
    cluster = Cluster(relays=2)
    play(cluster, story, None)
    steps = cluster.nodes[0].life.crossed
    cluster.close()
    return steps


def check(call: MovingCall) -> None:
    """Wait for the end of all that goes on, with everybody well, and check what is promised."""
    cluster = call.cluster
    cluster.after(3 * DEADLINES.request / 1000)
    cluster.heal()
    cluster.after(4 * DEADLINES.request / 1000)
    cluster.check_no_leak()
    cluster.check_versions()
    cluster.check_snapshots()
    cluster.check_tables()
    call.check_moves_end()
    call.check_versions_rise()
    assert call.state.status is CallStatus.LIVE
    assert call.sip_dialogs.requests == {}


@pytest.mark.parametrize("name", [name for name in STORIES if name != "dead_and_refused"])
def test_both_parties_are_at_one_relay_that_has_the_call(name: str) -> None:
    for step in (*range(steps_of(STORIES[name])), None):
        cluster = Cluster(relays=2)
        call = play(cluster, STORIES[name], step)
        check(call)
        call.check_parties()
        assert len(list(call.state.remaining_sessions())) == 1
        cluster.close()


@pytest.mark.parametrize("name", HEARD)
def test_the_recorder_hears_the_call_from_where_it_is_and_from_nowhere_else(name: str) -> None:
    for step in (*range(steps_of(HEARD[name])), None):
        cluster = Cluster(relays=2)
        call = play(cluster, HEARD[name], step)
        check(call)
        call.check_parties()
        (session,), (copy,) = call.state.remaining_sessions(), call.state.copies.values()
        assert (copy.session, copy.answer, copy.closing) == (session.number, RECORDER, False), step
        assert session.recorded, step
        copied = {at: [one.subscriptions for one in relay.calls.values()] for at, relay in cluster.relays.items()}
        assert copied == {at: [{b"copy both:rec": RECORDER}] if at == session.node else [] for at in copied}, step
        cluster.close()


def test_parties_whose_keys_the_node_would_not_take_hear_nothing_wherever_a_control_node_dies() -> None:
    def play_web(dies_at: int | None) -> tuple[Cluster, MovingCall]:
        cluster = Cluster(relays=2)
        call = MovingCall(cluster)
        call.answered(place=1, offer="web-c", answer="web-a")
        node = call.another_node()
        cluster.relays[node].statistics = {b"last redis update": 0}
        cluster.nodes[0].life.crossed, cluster.nodes[0].life.crossings = 0, dies_at
        call.to_node(node, within=60)
        return cluster, call

    cluster, _ = play_web(None)
    steps = cluster.nodes[0].life.crossed
    cluster.close()
    assert steps > 3
    for step in (*range(steps), None):
        cluster, call = play_web(step)
        check(call)
        assert "INVITE" not in [*call.caller.methods(), *call.callee.methods()], step
        call.check_parties()
        cluster.close()


def test_where_there_is_no_way_back_each_party_keeps_a_relay_that_has_the_call() -> None:
    for step in (*range(steps_of(dead_and_refused)), None):
        cluster = Cluster(relays=2)
        call = play(cluster, dead_and_refused, step)
        check(call)
        assert all(call.relay_of(peer) for peer in (call.caller, call.callee))
        cluster.close()


@pytest.mark.parametrize("story", [planned, refused, dead_relay])
def test_where_an_exchange_never_ends_each_party_keeps_a_relay_that_has_the_call(story: Story) -> None:
    """Then there is no way back, and what a party has taken may stand in no journal: who told it has died."""
    for step in range(steps_of(story)):
        cluster = Cluster(relays=2)
        call = play(cluster, story, step)
        call.tell("C INVITE at=A cseq=2 sdp=c.2", place=1)
        check(call)
        assert all(call.relay_of(peer) for peer in (call.caller, call.callee)), step
        cluster.close()


@pytest.mark.parametrize("story", [planned, refused, collides, heard])
def test_a_call_that_ends_while_it_moves_leaves_nothing(story: Story) -> None:
    for step in range(steps_of(story)):
        cluster = Cluster(relays=2)
        call = play(cluster, story, step)
        call.say("C BYE cseq=2 at=A", place=1)
        cluster.after(5)
        cluster.heal()
        cluster.after(4 * DEADLINES.request / 1000)
        cluster.check_no_leak()
        assert not any(relay.held() for relay in cluster.fakes.values())
        call.check_moves_end()
        assert cluster.run(cluster.journal.count_calls()) == {"": 0}
        cluster.close()
