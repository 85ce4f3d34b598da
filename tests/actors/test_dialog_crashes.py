"""A control node dies at every single step of what it does in a dialog by itself; another one finishes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from actors.commands.sip import EndCall
from actors.sip_requests import WantedRequest
from events.names import Leg, Tag
from events.registry import SipRequestIntended
from replay.state import CallStatus
from tests.actors.fake_peers import TIMEOUT
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import SipCall, ask, check_over, ends, sent, state

SILENCE = DEADLINES.dialog / 1000
GRACE = DEADLINES.session_timer / 1000
Story: TypeAlias = Callable[[SipCall, Callable[[], None]], None]


def wished(call: SipCall, doom: Callable[[], None]) -> None:
    """Somebody wants the call ended."""
    doom()
    call.command(EndCall(call_id=call.call_id, reason="a wish"))
    call.cluster.after(10)


def busy(call: SipCall, doom: Callable[[], None]) -> None:
    """A party has no time for its BYE."""
    call.cluster.peer(Tag("tA")).busy = 2
    wished(call, doom)
    call.cluster.after(5)


def left(call: SipCall, doom: Callable[[], None]) -> None:
    """A party has left without a word."""
    call.cluster.peer(Tag("tA")).gone = True
    call.cluster.after(SILENCE - 1)
    doom()
    call.cluster.after(5)


def ran_out(call: SipCall, doom: Callable[[], None]) -> None:
    """The session was not refreshed."""
    call.tell("C UPDATE cseq=2", 1)
    call.tell("A 200 UPDATE cseq=2", 1, expires=90)
    call.cluster.after(90 + GRACE - 1)
    doom()
    call.cluster.after(5)


STORIES: dict[str, Story] = {story.__name__: story for story in (wished, busy, left, ran_out)}
LOST = [("wished", 1), ("left", 1), ("ran_out", 1)]  # who was busy and whose word got lost is taken to have left


def play(cluster: Cluster, story: Story, dies_at: int | None) -> SipCall:
    """Tell of a call through the second control node; the first one does the rest, and dies at a step of that.

    The second one takes nothing that is due until it is started again, after the story.
    """
    call = SipCall(cluster)
    call.begin(place=1)
    polling = cluster.nodes[1]._polling
    assert polling is not None
    polling.cancel()

    def doom() -> None:
        cluster.nodes[0].life.crossed, cluster.nodes[0].life.crossings = 0, dies_at

    story(call, doom)
    cluster.restart(1)
    return call


def steps_of(name: str) -> int:
    cluster = Cluster()
    call = play(cluster, STORIES[name], None)
    own = [record.by for record in cluster.stream(call.call_id) if isinstance(record.event, SipRequestIntended)]
    assert set(own) == {"control1"}
    steps = cluster.nodes[0].life.crossed
    cluster.close()
    return steps


@pytest.mark.parametrize(("name", "lost"), [*((name, 0) for name in STORIES), *LOST])
def test_whoever_finishes_it_both_parties_get_a_bye_and_nothing_is_left(name: str, lost: int) -> None:
    for step in range(steps_of(name)):
        cluster = Cluster()
        for tag in ("tC", "tA"):
            cluster.peer(Tag(tag)).lose_replies = lost
        call = play(cluster, STORIES[name], step)
        cluster.after(4 * TIMEOUT)
        cluster.heal()
        if state(call).status is CallStatus.LIVE:  # it died before the wish stood in the journal: nobody knows of it
            assert name in ("wished", "busy")
            assert sent(call) == []
            call.command(EndCall(call_id=call.call_id, reason="a wish"), place=1)
        cluster.after(4 * TIMEOUT + DEADLINES.request / 1000)
        check_over(call)
        check_byes(call)
        cluster.close()


def check_byes(call: SipCall) -> None:
    """Each party was sent a BYE; what was sent to it has different CSeqs, or is the same BYE again."""
    for leg, tag in (("caller", "tC"), ("callee", "tA")):
        peer = call.cluster.peer(Tag(tag))
        assert peer.gone or peer.ended
        assert "BYE" in peer.methods()
        made = [cseq for to, _, cseq in sent(call) if to == leg]
        assert made == sorted(set(made))
        assert {request.cseq for request in peer.received} <= set(made)
    numbers = [number for number, _ in ends(call)]
    assert sorted(numbers) == list(range(1, len(sent(call)) + 1)), "each ended once"


@pytest.mark.parametrize("step", range(6))
def test_a_request_whose_control_node_died_is_given_up_and_its_cseq_stays_taken(cluster: Cluster, step: int) -> None:
    call = SipCall(cluster)
    call.begin(place=1)
    cluster.nodes[0].life.crossings = step
    ask(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO"))
    cluster.after(100)
    assert call.sip_dialogs.requests == {}
    shift = len(sent(call))
    assert len(ends(call)) == shift
    assert call.tell("C INFO cseq=2", 1).shift == shift
    assert state(call).status is CallStatus.LIVE
    assert (
        len({*cluster.peer(Tag("tA")).forwarded, *(one.cseq for one in cluster.peer(Tag("tA")).received)}) <= 1 + shift
    )


@pytest.mark.parametrize("written", [True, False])
def test_what_the_journal_did_not_confirm_is_found_out_and_finished(cluster: Cluster, written: bool) -> None:
    call = SipCall(cluster)
    call.begin()
    journal = cluster.nodes[0].journal
    journal.fail_after, journal.fail_before = (1, 0) if written else (0, 1)
    call.command(EndCall(call_id=call.call_id, reason="a wish"))
    cluster.after(DEADLINES.request / 1000 + 10)
    if not written:
        assert sent(call) == []
        call.command(EndCall(call_id=call.call_id, reason="a wish"))
        cluster.after(5)
    check_over(call)
    check_byes(call)


def test_a_request_of_ours_and_one_of_the_peers_at_the_same_time_have_different_cseqs(cluster: Cluster) -> None:
    call = SipCall(cluster)
    call.begin()
    call.tell("C INFO cseq=2", 1)  # both control nodes have the call now; the first one's knowledge is old
    ask(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO"))
    call.tell("C INFO cseq=3", 1)
    cluster.after(1)
    ((leg, method, cseq),) = sent(call)
    assert (leg, method) == ("callee", "INFO")
    assert sorted([*cluster.peer(Tag("tA")).forwarded, cseq]) == [2, 3, 4]


def test_a_call_id_that_comes_back_does_not_disturb_the_byes_of_the_old_call(cluster: Cluster) -> None:
    call = SipCall(cluster)
    call.begin()
    cluster.peer(Tag("tA")).unreachable = True
    call.command(EndCall(call_id=call.call_id, reason="a wish"))
    cluster.after(5)
    cluster.peers.pop("tC")
    call.tell("C INVITE at=- cseq=9 sdp=c2")
    call.tell("B 200 INVITE cseq=9 sdp=b")
    call.tell("C ACK cseq=9 at=B")
    cluster.peer(Tag("tA")).unreachable = False
    cluster.after(100)
    assert cluster.peer(Tag("tA")).ended
    assert call.sip_dialogs.requests == {}
    assert state(call).dialogs() == ["tB"]
    assert cluster.peer(Tag("tB")).received == cluster.peer(Tag("tC")).received == []
