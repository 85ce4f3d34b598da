"""Redis came back without its newest entries: what a control node remembers of a call is not lost with them."""

from __future__ import annotations

from functools import partial

import pytest

from actors.flows.recovery.tail_lost import missing
from actors.known_history import CallHistory
from events.names import CallId, NodeName, RelayId, Tag
from events.records import Recorded
from events.registry import MediaSeen, Offered, SessionIntended, TailLost
from events.verb import Verb
from replay.state import CallStatus
from tests.actors.simulation import Cluster
from tests.actors.sip_call import SipCall, check_over
from tests.actors.test_promises import sdp

SDP = sdp(1)
ESTABLISHED = ["engaged", "offered", "answered"]


def establish(cluster: Cluster) -> None:
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee")[b"result"] == b"ok"


def notice(cluster: Cluster, place: int = 0) -> None:
    """Ask something at a control node, which writes nothing by itself."""
    cluster.do(Verb.DELETE, CallId("c"), a="nobody", place=place)


def delete_in_vain(cluster: Cluster) -> None:
    """End the call while its node is silent: the delete is acknowledged, and stays due."""
    for relay in cluster.fakes.values():
        relay.silent = True
    assert "the delete stays due" in str(cluster.do(Verb.DELETE, CallId("c"), a="A")[b"warning"])


def test_what_the_journal_lost_is_written_again_as_it_was(cluster: Cluster) -> None:
    establish(cluster)
    before = cluster.stream(CallId("c"))
    for version in range(len(before)):
        cluster.journal.cut(CallId("c"), version)
        notice(cluster)
        after = cluster.stream(CallId("c"))
        assert after[: len(before)] == before
        assert after[-1].event == TailLost(known=len(after) - 1)
    assert cluster.do(Verb.QUERY, CallId("c"), place=1)[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, CallId("c"), a="B", place=1)[b"result"] == b"ok"
    cluster.after(10)
    cluster.check_no_leak()


def test_an_old_entry_that_is_several_events_is_remembered_but_not_written_again() -> None:
    intended = SessionIntended(
        session=1,
        operation=1,
        engine="rtpengine",
        set="1",
        node=NodeName("ng1"),
        relay_id=RelayId("c"),
        from_tag=Tag("A"),
    )
    offered = Offered(session=1, operation=1, from_tag=Tag("A"), sdp=b"", relayed=b"")
    old = [Recorded(1, 0, "control", intended, (offered,)), Recorded(2, 0, "control", MediaSeen(session=1))]
    known = CallHistory(CallId("c"), records=old)
    assert missing(known, CallHistory(CallId("c")), "control", 0) == []
    there = CallHistory(CallId("c"), records=old[:1])
    assert [record.version for record in missing(known, there, "control", 0)] == [2, 3]


def test_an_established_call_whose_answer_was_lost_outlives_the_offers_time(cluster: Cluster) -> None:
    establish(cluster)
    cluster.journal.cut(CallId("c"), 2)
    notice(cluster)
    cluster.after(80)
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert cluster.state(CallId("c")).answered


def test_an_end_that_was_lost_is_an_end(cluster: Cluster) -> None:
    establish(cluster)
    delete_in_vain(cluster)
    cluster.journal.cut(CallId("c"), 3)
    notice(cluster)
    cluster.heal()
    cluster.after(20)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.check_no_leak()


def test_a_call_that_went_on_elsewhere_meanwhile_was_answered_all_the_same(cluster: Cluster) -> None:
    """The other control node never heard of the answer, and has written as much as was lost, and more."""
    establish(cluster)
    cluster.journal.cut(CallId("c"), 2)
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="again", place=1)[b"result"] == b"ok"
    notice(cluster)
    assert cluster.events(CallId("c"))[-1] == "tail lost"
    state = cluster.state(CallId("c"))
    assert state.answered
    assert [(dialog.from_tag, dialog.to_tag) for dialog in state.sessions[1].dialogs] == [("A", "B")]
    cluster.after(80)
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert b"warning" not in cluster.do(Verb.DELETE, CallId("c"), a="B", place=1)
    cluster.after(10)
    cluster.check_no_leak()


def test_sessions_that_the_journal_forgot_are_found_beside_those_that_it_got_meanwhile(cluster: Cluster) -> None:
    establish(cluster)
    cluster.journal.cut(CallId("c"), 0)
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", b="B", sdp="again", place=1)[b"result"] == b"ok"
    notice(cluster)
    cluster.check_no_leak()
    assert cluster.do(Verb.DELETE, CallId("c"), place=1)[b"result"] == b"ok"
    cluster.after(10)
    assert not any(relay.held() for relay in cluster.fakes.values())


def test_one_that_is_new_has_not_ended_with_one_that_had_its_id_and_was_lost(cluster: Cluster) -> None:
    """A session was removed, another one came; the journal lost all, and a new call of that name got the first id."""
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, CallId("c"), a="A")[b"result"] == b"ok"
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")[b"result"] == b"ok"
    cluster.journal.cut(CallId("c"), 0)
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="again", place=1)[b"result"] == b"ok"
    notice(cluster)
    assert "tail lost" in cluster.events(CallId("c"))
    cluster.check_no_leak()
    assert cluster.do(Verb.DELETE, CallId("c"), place=1)[b"result"] == b"ok"
    cluster.after(10)
    assert not any(relay.held() for relay in cluster.fakes.values())


def test_a_new_call_has_not_ended_with_one_that_was_lost(cluster: Cluster) -> None:
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, CallId("c"), a="A")[b"result"] == b"ok"
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")[b"result"] == b"ok"
    delete_in_vain(cluster)
    cluster.journal.cut(CallId("c"), 0)
    cluster.heal()
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="again", place=1)[b"result"] == b"ok"
    notice(cluster)
    assert "tail lost" in cluster.events(CallId("c"))
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    cluster.after(20)
    assert cluster.do(Verb.DELETE, CallId("c"), place=1)[b"result"] == b"ok"
    cluster.after(10)
    assert not any(relay.held() for relay in cluster.fakes.values())


def test_a_call_that_had_ended_elsewhere_ends(cluster: Cluster) -> None:
    """The end was lost, and the other control node has written since."""
    establish(cluster)
    delete_in_vain(cluster)
    cluster.journal.cut(CallId("c"), 3)
    for _ in range(2):
        cluster.do(Verb.ANSWER, CallId("c"), a="nobody", b="at all", place=1)
    notice(cluster)
    assert "tail lost" in cluster.events(CallId("c"))
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.heal()
    cluster.after(20)
    cluster.check_no_leak()


def test_what_is_remembered_of_a_call_that_was_ended_elsewhere_is_removed() -> None:
    """The control node that ended it knew nothing of a session that the journal had lost."""
    cluster = Cluster(engine="rtpproxy")
    assert cluster.do(Verb.OFFER, CallId("c"), a="B", sdp=SDP)[b"result"] == b"ok"
    version = len(cluster.stream(CallId("c")))
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp=SDP)[b"result"] == b"ok"
    assert len(cluster.state(CallId("c")).sessions) == 2
    cluster.journal.cut(CallId("c"), version)
    assert cluster.do(Verb.DELETE, CallId("c"), place=1)[b"result"] == b"ok"
    notice(cluster)
    assert "tail lost" in cluster.events(CallId("c"))
    cluster.after(20)
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    cluster.check_no_leak()
    assert not any(relay.held() for relay in cluster.fakes.values())
    cluster.close()


@pytest.mark.parametrize("first", ["delete", "check", "append"])
def test_others_that_were_written_in_place_of_what_was_lost_are_seen(first: str) -> None:
    """The other control node has written exactly as many entries as were lost, of a session with another party."""
    cluster = Cluster(engine="rtpproxy")
    answer = partial(cluster.do, Verb.ANSWER, CallId("c"), a="A", b="B", sdp=SDP)
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp=SDP)[b"result"] == b"ok"
    assert answer()[b"result"] == b"ok"
    version = len(cluster.stream(CallId("c")))
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", b="B", sdp=sdp(2))[b"result"] == b"ok"
    known = cluster.stream(CallId("c"))
    cluster.journal.cut(CallId("c"), version)
    assert cluster.do(Verb.OFFER, CallId("c"), a="C", sdp=SDP, place=1)[b"result"] == b"ok"
    there = cluster.stream(CallId("c"))
    assert len(there) == len(known)
    assert there != known
    if first == "append":
        assert answer()[b"result"] == b"ok"
    elif first == "check":
        notice(cluster)
    if first != "delete":
        assert "tail lost" in cluster.events(CallId("c"))[len(there) :]
        assert len(cluster.state(CallId("c")).sessions) == 2
        cluster.check_no_leak()
    assert cluster.do(Verb.DELETE, CallId("c"))[b"result"] == b"ok"
    cluster.after(20)
    assert cluster.stream(CallId("c"))[: len(there)] == there
    assert cluster.state(CallId("c")).status is CallStatus.ENDED
    assert not any(relay.held() for relay in cluster.fakes.values())
    cluster.close()


def test_a_call_that_was_begun_anew_after_its_end_goes_on(cluster: Cluster) -> None:
    """The journal forgot that it was, and the other control node has written since."""
    establish(cluster)
    assert cluster.do(Verb.DELETE, CallId("c"), a="A")[b"result"] == b"ok"
    cluster.after(1)
    version = len(cluster.stream(CallId("c")))
    establish(cluster)
    cluster.journal.cut(CallId("c"), version)
    for _ in range(2):
        cluster.do(Verb.ANSWER, CallId("c"), a="nobody", b="at all", place=1)
    notice(cluster)
    assert "tail lost" in cluster.events(CallId("c"))
    cluster.after(80)
    assert cluster.state(CallId("c")).status is CallStatus.LIVE
    assert cluster.do(Verb.QUERY, CallId("c"), place=1)[b"result"] == b"ok"
    assert cluster.do(Verb.DELETE, CallId("c"), a="B", place=1)[b"result"] == b"ok"
    cluster.after(10)
    cluster.check_no_leak()
    assert not any(relay.held() for relay in cluster.fakes.values())


def test_the_stream_of_an_ended_call_may_go(cluster: Cluster) -> None:
    establish(cluster)
    assert cluster.do(Verb.DELETE, CallId("c"), a="A")[b"result"] == b"ok"
    cluster.journal.cut(CallId("c"), 0)
    notice(cluster)
    assert "tail lost" not in cluster.events(CallId("c"))


def test_the_parties_of_a_call_are_known_after_a_lost_tail(cluster: Cluster) -> None:
    call = SipCall(cluster)
    call.begin()
    cluster.journal.cut(CallId("c"), 3)
    notice(cluster)
    call.tell("A BYE cseq=1", place=1)
    cluster.after(10)
    check_over(call)
