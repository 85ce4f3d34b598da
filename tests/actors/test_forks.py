"""Forks of which several callees answer, and calls of which some branches have no relay, seen by a door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations, product

import pytest

from actors.commands.media import Offer
from actors.commands.migration import Migrate, MoveTarget
from actors.flows.media import sessions
from actors.results import Moved, Observed
from engines.refusal import RefusalCode
from engines.request import plain
from events.names import BranchId, CallId, Tag
from events.verb import Verb
from replay.offer_answer import Change
from replay.projection import SPARE, TIMER_H
from replay.settings_changes import EngageRelay
from replay.state import CallStatus
from tests.actors.simulation import Cluster
from tests.actors.sip_call import ENGAGED, SipCall, check_over, state
from tests.named_sdp import name_of

MOMENT = SPARE / 1000
ONE_ENGAGED = EngageRelay(engine="rtpengine", set="default", branch=BranchId("br0"))


HERE = EngageRelay(engine="rtpengine", set="default")
WEST = EngageRelay(engine="rtpengine", set="west")
EAST = EngageRelay(engine="rtpproxy", set="east")
PLACES = {HERE: "relay1", WEST: "relay2", EAST: "proxy1"}
"""What can be engaged in the cluster of two sets of rtpengines and one of rtpproxies, and the relay that it means."""


@pytest.fixture
def call(cluster: Cluster) -> SipCall:
    return SipCall(cluster)


@pytest.fixture
def sets() -> Iterator[SipCall]:
    """A call in a cluster whose relays are each a set."""
    world = Cluster(relays=2, rtpproxies=1, sets={"relay2": "west", "proxy1": "east"})
    yield SipCall(world)
    world.close()


def fork(call: SipCall, engaged: EngageRelay = ENGAGED) -> None:
    call.tell("C INVITE at=- branch=br0 sdp=c", changes=[engaged])
    call.tell("C INVITE at=- branch=br1 sdp=c")


def fork_to(call: SipCall, *engaged: EngageRelay, for_all: EngageRelay | None = None) -> None:
    """Ring at two callees, each branch engaged by itself, on any control node; the second alone if one is for all."""
    for index, one in enumerate(engaged, start=2 - len(engaged)):
        own = replace(one, branch=BranchId(f"br{index}"))
        if for_all is not None:
            call.tell("C INVITE at=- branch=br0 sdp=c", changes=[for_all])
        call.tell(f"C INVITE at=- branch={own.branch} sdp=c", index, changes=[own])


def held(call: SipCall) -> dict[str, int]:
    """Return how many sessions each relay has that has any."""
    return {name: len(relay.held()) for name, relay in call.cluster.fakes.items() if relay.held()}


def is_from(call: SipCall, name: str, given: Observed) -> bool:
    """Return whether it was this relay that gave an SDP."""
    return given.sdp is not None and call.cluster.fakes[name].address in given.sdp


def branches(call: SipCall) -> set[str]:
    """Return the branches that are on relays, by what the journal says."""
    return {
        dialog.branch
        for session in state(call).usable_sessions()
        for dialog in session.dialogs
        if not session.gives_up(dialog.branch)
    }


def test_who_answers_while_the_cancel_is_on_its_way_finds_its_session_still_there(call: SipCall) -> None:
    fork(call)
    call.tell("A 200 INVITE branch=br0 sdp=a")
    given = call.tell("B 200 INVITE branch=br1 sdp=b")
    assert name_of(given.sdp) == "relayed 4 of b"
    call.cluster.after(2 * MOMENT)
    assert branches(call) == {"br0", "br1"}
    assert "branch deleted" not in call.cluster.events(CallId("c"))
    call.tell("C ACK at=B")
    call.tell("C BYE at=A cseq=2")
    call.tell("C BYE at=B cseq=3")
    call.cluster.after(5)
    check_over(call)


@pytest.mark.parametrize("dies", [False, True])
def test_what_nobody_answered_is_freed_after_a_moment_whoever_lives_to_do_it(call: SipCall, dies: bool) -> None:
    fork(call)
    call.tell("B 183 INVITE branch=br1 sdp=b")
    call.tell("A 200 INVITE branch=br0 sdp=a")
    if dies:
        call.cluster.nodes[0].life.alive = False
    call.cluster.after(MOMENT + 10)
    assert branches(call) == {"br0"}
    call.cluster.check_no_leak()


@pytest.mark.parametrize("place", [0, 1])
def test_one_that_answers_long_after_has_a_session_of_its_own(call: SipCall, place: int) -> None:
    fork(call)
    call.tell("A 200 INVITE branch=br0 sdp=a")
    call.cluster.after(MOMENT + 5)
    given = call.tell("B 200 INVITE branch=br1 sdp=b", place)
    assert name_of(given.sdp).startswith("relayed")
    again = call.tell("B 200 INVITE branch=br1 sdp=b", 1 - place)
    assert again.sdp == given.sdp
    assert len(list(state(call).usable_sessions())) == 2
    call.tell("C ACK at=B")
    call.tell("C BYE at=B cseq=2")
    call.cluster.after(5)
    assert branches(call) == {"br0"}
    call.tell("C BYE at=A cseq=3")
    call.cluster.after(5)
    check_over(call)


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_dialog_beside_another_ends_when_its_ack_never_comes(call: SipCall, acknowledged: bool) -> None:
    fork(call)
    call.tell("A 200 INVITE branch=br0 sdp=a")
    call.tell("B 200 INVITE branch=br1 sdp=b")
    if acknowledged:
        call.tell("C ACK at=B", 1)
    call.cluster.after(TIMER_H / 1000 + 5)
    assert call.cluster.peer(Tag("tB")).methods() == ([] if acknowledged else ["BYE"])
    assert branches(call) == ({"br0", "br1"} if acknowledged else {"br0"})
    call.tell("C BYE at=A cseq=2")
    if acknowledged:
        call.tell("C BYE at=B cseq=3")
    call.cluster.after(5)
    check_over(call)


def test_a_branch_without_a_relay_wins_over_one_with(call: SipCall) -> None:
    fork(call, ONE_ENGAGED)
    call.tell("A 183 INVITE branch=br0 sdp=a")
    call.tell("B 200 INVITE branch=br1 sdp=b")
    call.cluster.after(MOMENT + 5)
    assert not any(relay.held() for relay in call.cluster.fakes.values())
    call.cluster.after(1000)
    assert state(call).status is CallStatus.LIVE
    assert not call.tell("C INVITE at=B cseq=2 sdp=c2").fault
    call.tell("B 200 INVITE cseq=2 sdp=b2")
    call.tell("B BYE cseq=7")
    call.cluster.after(5)
    check_over(call)


def test_a_call_without_a_relay_ends_when_its_parties_have_left_without_a_word(call: SipCall) -> None:
    fork(call, ONE_ENGAGED)
    call.tell("B 200 INVITE branch=br1 sdp=b")
    for tag in ("tB", "tC"):
        call.cluster.peer(Tag(tag)).gone = True
    call.cluster.after(1000)
    check_over(call)


def test_a_branch_that_gets_no_relay_does_not_end_a_call_that_another_can_answer(call: SipCall) -> None:
    call.tell("C INVITE at=- branch=br1 sdp=c", changes=[ONE_ENGAGED])
    for relay in call.cluster.relays.values():
        relay.full = True
    call.tell("C INVITE at=- branch=br0 sdp=c")
    verdict = call.tell("B 200 INVITE branch=br1 sdp=b").verdict
    assert verdict is not None
    assert verdict.change is Change.ESTABLISHED
    call.tell("C BYE at=B cseq=2")
    call.cluster.after(30)
    check_over(call)


@pytest.mark.parametrize(("engaged", "winner", "by_all"), list(product(permutations(PLACES, 2), "AB", (False, True))))
def test_each_branch_is_on_a_relay_of_its_engine_and_set(
    sets: SipCall, engaged: tuple[EngageRelay, EngageRelay], winner: str, by_all: bool
) -> None:
    first, second = engaged
    fork_to(sets, *([second] if by_all else engaged), for_all=first if by_all else None)
    there = [PLACES[first], PLACES[second]]
    assert held(sets) == dict.fromkeys(there, 1)
    index = "AB".index(winner)
    loser = "AB"[1 - index]
    sets.tell(f"{loser} 183 INVITE branch=br{1 - index} sdp=b")
    given = sets.tell(f"{winner} 200 INVITE branch=br{index} sdp=a")
    assert is_from(sets, there[index], given)
    sets.cluster.after(MOMENT + 5)
    assert held(sets) == {there[index]: 1}
    sets.tell(f"C ACK at={winner}")
    for line in ("C INVITE at={} cseq=2 sdp=c2", "{} 200 INVITE cseq=2 sdp=a2"):
        assert is_from(sets, there[index], sets.tell(line.format(winner), 1))
    sets.tell(f"C BYE at={winner} cseq=3")
    sets.cluster.after(5)
    check_over(sets)


@pytest.mark.parametrize("engaged", list(permutations(PLACES, 2)))
def test_branches_on_two_relays_leave_nothing_when_control_nodes_die(
    sets: SipCall, engaged: tuple[EngageRelay, EngageRelay]
) -> None:
    fork_to(sets, *engaged)
    sets.tell("B 200 INVITE branch=br1 sdp=b")
    sets.cluster.nodes[0].kill()
    sets.cluster.after(MOMENT + 20)
    assert held(sets) == {PLACES[engaged[1]]: 1}
    sets.tell("C ACK at=B", 1)
    sets.tell("C BYE at=B cseq=2", 1)
    sets.cluster.after(5)
    check_over(sets)


def test_branches_of_one_engine_and_set_share_a_session_and_a_client_of_the_ng_protocol_names_neither(
    sets: SipCall,
) -> None:
    fork_to(sets, WEST, WEST)
    assert held(sets) == {"relay2": 1}
    words = plain(Verb.OFFER)
    third = Offer(call_id=CallId("c"), from_tag=Tag("tC"), branch=BranchId("br2"), request=words, received_at=0)
    session = sessions.of_offer(state(sets), third)
    assert session is not None
    assert session.set == "west"


@pytest.mark.parametrize(
    ("engaged", "silent", "why"),
    [
        (EngageRelay(engine="rtpproxy", set="west"), (), "No rtpproxy node of set 'west' takes new calls"),
        (EngageRelay(engine="rtpproxy", set="west"), ("relay2",), "No node of set 'west' takes new calls"),
        (EngageRelay(engine="rtpproxy", set="none"), (), "No node of set 'none' takes new calls"),
        (EAST, ("proxy1",), "No node of set 'east' takes new calls"),
    ],
)
def test_the_engine_is_named_where_it_is_the_reason_that_no_node_takes_a_call(
    sets: SipCall, engaged: EngageRelay, silent: tuple[str, ...], why: str
) -> None:
    for name in silent:
        sets.cluster.fakes[name].silent = True
    sets.cluster.after(30)
    error = sets.tell("C INVITE at=- branch=br0 sdp=c", changes=[engaged]).error
    assert error is not None
    assert (error.code, error.reason) == (RefusalCode.NO_NODE, why)


@pytest.mark.parametrize("engaged", list(permutations(PLACES, 2)))
def test_a_dialog_whose_relay_lost_it_gets_a_session_where_its_branch_is_engaged_beside_another_dialog(
    sets: SipCall, engaged: tuple[EngageRelay, EngageRelay]
) -> None:
    fork_to(sets, *engaged)
    for index, callee in enumerate("AB"):
        sets.tell(f"{callee} 200 INVITE branch=br{index} sdp=a")
        sets.tell(f"C ACK at={callee}")
    first, second = (PLACES[one] for one in engaged)
    sets.cluster.fakes[second].restart()
    sets.cluster.after(300)
    assert held(sets) == {first: 1}
    for line in ("C INVITE at=B cseq=2 sdp=c2", "B 200 INVITE cseq=2 sdp=a2"):
        assert is_from(sets, second, sets.tell(line))
    assert held(sets) == {first: 1, second: 1}
    sets.tell("C BYE at=B cseq=3")
    sets.cluster.after(5)
    assert held(sets) == {first: 1}
    sets.tell("C BYE at=A cseq=3")
    sets.cluster.after(5)
    check_over(sets)


@pytest.mark.parametrize(("engaged", "winner"), list(product(permutations(PLACES, 2), "AB")))
@pytest.mark.parametrize("named", [False, True])
def test_a_fork_that_is_to_move_keeps_engine_and_set_of_the_branch_that_is_answered_where_none_is_named(
    sets: SipCall, engaged: tuple[EngageRelay, EngageRelay], winner: str, named: bool
) -> None:
    fork_to(sets, *engaged)
    index, last = "AB".index(winner), engaged[1]
    target = MoveTarget(engine=last.engine, set=last.set) if named else MoveTarget()
    moved = sets.command(Migrate(call_id=CallId("c"), target=target))
    assert isinstance(moved, Moved)
    assert (moved.early, moved.engine, moved.set) == (True, last.engine, last.set)
    sets.tell(f"{winner} 200 INVITE branch=br{index} sdp=a")
    sets.tell(f"C ACK at={winner}")
    sets.cluster.after(60)
    assert held(sets) == {PLACES[last if named else engaged[index]]: 1}
    assert state(sets).migrations == 1
    assert not state(sets).not_moved
    sets.cluster.check_no_leak()
