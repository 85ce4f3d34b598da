"""Dialogs that die without a BYE: silent parties are asked, sessions run out, and what is dead is ended."""

from __future__ import annotations

import pytest

from actors.commands.sip import EndCall
from events.names import CallId, Tag
from replay.projection import Deadlines
from replay.state import CallStatus
from tests.actors.fake_peers import TIMEOUT
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import SipCall, attend, check_over, ends, sent, state

SILENCE = DEADLINES.dialog / 1000
GRACE = DEADLINES.session_timer / 1000


@pytest.fixture
def call(cluster: Cluster) -> SipCall:
    return SipCall(cluster)


def test_a_silent_dialog_is_asked_after_and_lives_on_while_both_parties_know_it(call: SipCall) -> None:
    call.begin()
    call.cluster.after(10 * SILENCE)
    probes = len(call.cluster.peer(Tag("tA")).received)
    assert probes in (9, 10)
    assert call.cluster.peer(Tag("tC")).methods() == call.cluster.peer(Tag("tA")).methods() == ["OPTIONS"] * probes
    assert state(call).status is CallStatus.LIVE
    call.cluster.check_no_leak()
    assert call.tell("C BYE cseq=2").shift == probes


def test_parties_that_are_being_asked_are_not_asked_twice(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).lose_replies = 1
    call.cluster.after(SILENCE + 5)
    attend(call)
    call.cluster.after(5)
    assert call.cluster.peer(Tag("tA")).methods() == call.cluster.peer(Tag("tC")).methods() == ["OPTIONS"]


def test_when_the_parties_are_asked_the_node_is_asked_too() -> None:
    cluster = Cluster(deadlines=Deadlines(dialog=50_000, probe=100_000))
    call = SipCall(cluster)
    call.begin()
    cluster.after(60)
    restart_relays(call)
    cluster.after(60)
    assert not state(call).has_session
    cluster.close()


def test_a_call_whose_relay_is_gone_goes_on_while_its_parties_know_it() -> None:
    """Also where silence alone is no reason to ask them: nobody else can tell any more."""
    cluster = Cluster(deadlines=Deadlines(dialog=0, probe=100_000))
    call = SipCall(cluster)
    call.begin()
    restart_relays(call)
    cluster.after(500)
    assert state(call).status is CallStatus.LIVE
    assert "OPTIONS" in cluster.peer(Tag("tA")).methods()
    assert call.tell("C INVITE cseq=2 sdp=c2").sdp
    assert state(call).has_session
    call.tell("A 200 INVITE cseq=2 sdp=a2")
    restart_relays(call)
    cluster.peer(Tag("tA")).gone = True
    cluster.after(500)
    assert "BYE" in cluster.peer(Tag("tC")).methods()
    check_over(call)
    cluster.close()


def restart_relays(call: SipCall) -> None:
    for relay in call.cluster.relays.values():
        relay.restart()


def test_what_cannot_be_asked_from_here_is_soon_asked_from_elsewhere() -> None:
    cluster = Cluster(deadlines=Deadlines(dialog=50_000, probe=1_000_000))
    call = SipCall(cluster)
    call.begin()
    here, there = (node.outlet for node in cluster.nodes)
    sender, here.sender, there.sender = there.sender, None, None
    cluster.after(60)
    there.sender = sender
    cluster.after(30)
    assert cluster.peer(Tag("tA")).methods() == ["OPTIONS"]
    cluster.close()


def test_a_message_puts_the_question_off_and_costs_one_append(call: SipCall) -> None:
    call.begin()
    for number in range(2, 12):
        call.cluster.after(SILENCE * 0.9)
        before = len(call.cluster.stream(CallId("c")))
        call.tell(f"C INFO cseq={number}")
        assert len(call.cluster.stream(CallId("c"))) == before + 1
    assert call.cluster.peer(Tag("tA")).received == []


@pytest.mark.parametrize("tag", ["tC", "tA"])
@pytest.mark.parametrize("how", ["gone", "silent"])
def test_a_dialog_whose_party_has_left_is_ended(call: SipCall, tag: Tag, how: str) -> None:
    call.begin()
    setattr(call.cluster.peer(tag), how, True)
    call.cluster.after(SILENCE + 3 * TIMEOUT)
    other = "tA" if tag == "tC" else "tC"
    assert call.cluster.peer(Tag(other)).methods() == ["OPTIONS", "BYE"]
    check_over(call)


def test_a_party_that_cannot_be_reached_for_a_while_has_not_left(call: SipCall) -> None:
    call.begin()
    for tag in ("tC", "tA"):
        call.cluster.peer(Tag(tag)).unreachable = True
    call.cluster.after(5 * SILENCE)
    assert state(call).status is CallStatus.LIVE
    assert len(sent(call)) < 2 * 20
    call.cluster.heal()
    call.cluster.after(5 * SILENCE)
    assert state(call).status is CallStatus.LIVE
    assert call.cluster.peer(Tag("tA")).methods()


def test_a_session_that_is_not_refreshed_is_ended(call: SipCall) -> None:
    call.begin(expires=90)
    call.cluster.after(80)
    call.tell("C UPDATE cseq=2")
    call.tell("A 200 UPDATE cseq=2", expires=90)
    call.cluster.after(90 + GRACE - 5)
    assert state(call).status is CallStatus.LIVE
    call.cluster.after(10)
    assert [(leg, method) for leg, method, _ in sent(call)] == [("caller", "BYE"), ("callee", "BYE")]
    check_over(call)


def test_without_a_door_anywhere_a_dead_dialog_is_given_up_in_the_end(call: SipCall) -> None:
    call.begin(expires=90)
    for node in call.cluster.nodes:
        node.outlet.sender = None
    call.cluster.after(3000)
    assert sent(call) == []
    restart_relays(call)
    call.cluster.after(1000)
    assert state(call).status is CallStatus.LIVE
    call.cluster.after(DEADLINES.give_up / 1000)
    check_over(call)


def test_a_bye_does_not_wait_for_a_party_that_does_not_answer(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).silent = True
    call.cluster.after(SILENCE + 5)
    began = call.cluster.loop.time()
    assert call.tell("C BYE cseq=2").shift == 1
    assert call.cluster.loop.time() - began < 1
    call.cluster.after(TIMEOUT)
    assert ends(call) == [(1, 200), (2, 0)]
    check_over(call)


def test_two_control_nodes_that_find_a_dialog_dead_end_it_once(call: SipCall) -> None:
    call.begin()
    cluster = call.cluster

    async def both() -> None:
        for node in cluster.nodes:
            node.directory.submit(EndCall(call_id=CallId("c"), reason="both say so"), lambda _: None)

    cluster.run(both())
    cluster.after(2)
    assert sent(call) == [("caller", "BYE", 1), ("callee", "BYE", 2)]
    assert cluster.peer(Tag("tA")).methods() == cluster.peer(Tag("tC")).methods() == ["BYE"]
    check_over(call)
