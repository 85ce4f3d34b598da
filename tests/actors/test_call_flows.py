"""What a call does, step by step, when nothing or one thing goes wrong."""

from __future__ import annotations

from events.journal import BRIEFLY
from events.names import CallId
from events.registry import Answered, Deleted, Offered, OfferFailed, SessionIntended
from events.verb import Verb
from tests.actors.simulation import Cluster
from tests.named_sdp import name_of


def offer_answer(cluster: Cluster, call_id: CallId = CallId("c")) -> None:
    assert cluster.do(Verb.OFFER, call_id, a="A", sdp="caller")[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, call_id, a="A", b="B", sdp="callee")[b"result"] == b"ok"


def test_a_call_from_offer_to_delete(cluster: Cluster) -> None:
    offered = cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    assert (offered[b"result"], name_of(offered[b"sdp"])) == (b"ok", "relayed 1 of caller")
    answered = cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee")
    assert name_of(answered[b"sdp"]) in ("relayed 2 of callee", "relayed 1 of callee")
    deleted = cluster.do(Verb.DELETE, CallId("c"), a="A")
    assert deleted == {b"result": b"ok", b"totals": {b"RTP": {b"packets": 7, b"bytes": 1120}}}
    assert cluster.events(CallId("c")) == ["engaged", "offered", "answered", "delete wanted", "deleted"]
    engaged, offer, answer, _, end = (record.event for record in cluster.stream(CallId("c")))
    assert isinstance(engaged, SessionIntended)
    assert engaged.relay_id == "c"
    assert isinstance(offer, Offered)
    assert (name_of(offer.sdp), offer.relayed) == ("caller", offered[b"sdp"])
    assert isinstance(answer, Answered)
    assert (name_of(answer.sdp), answer.relayed) == ("callee", answered[b"sdp"])
    assert isinstance(end, Deleted)
    assert end.statistics == {"totals": {"RTP": {"packets": 7, "bytes": 1120}}}
    cluster.check_no_leak()


def test_any_control_node_serves_any_message(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller", place=0)
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="callee", place=1)[b"result"] == b"ok"
    assert cluster.do(Verb.OFFER, CallId("c"), a="B", b="A", sdp="hold", place=0)[b"result"] == b"ok"
    cluster.do(Verb.DELETE, CallId("c"), a="A", place=1)
    cluster.check_no_leak()
    assert [record.by for record in cluster.stream(CallId("c"))][:3] == ["control1", "control1", "control2"]


def test_a_silent_node_is_left_for_the_next_one_and_is_cleaned_up_later(cluster: Cluster) -> None:
    first = _first_choice(cluster)
    cluster.relays[first].lose_replies = 10
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")[b"result"] == b"ok"
    assert any(command[b"command"] == b"offer" for command in cluster.relays[first].commands)
    cluster.heal()
    cluster.after(30)
    assert cluster.relays[first].calls == {}
    assert [session.relay_id for session in cluster.state(CallId("c")).remaining_sessions()] == ["c#2"]
    cluster.check_no_leak()


def test_an_offer_to_a_silent_node_is_not_said_to_be_that_of_a_control_node_that_died(cluster: Cluster) -> None:
    cluster.relays[_first_choice(cluster)].lose_replies = 10
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    cluster.after(30)
    failures = [record.event for record in cluster.stream(CallId("c")) if isinstance(record.event, OfferFailed)]
    assert [failure.settled for failure in failures] == [False, True]
    assert [failure.reason for failure in failures if "did not live" in failure.reason] == []


def test_a_full_node_is_left_for_the_next_one(cluster: Cluster) -> None:
    first = _first_choice(cluster)
    cluster.relays[first].full = True
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")[b"result"] == b"ok"
    assert cluster.events(CallId("c"))[:4] == ["engaged", "offer failed", "delete wanted", "engaged"]
    cluster.after(1)
    cluster.check_no_leak()


def test_when_all_nodes_are_full_the_client_hears_the_nodes_own_words(cluster: Cluster) -> None:
    for relay in cluster.relays.values():
        relay.full = True
    reply = cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    assert reply == {b"result": b"error", b"error-reason": b"Parallel session limit reached"}
    cluster.after(1)
    cluster.check_no_leak()
    assert cluster.run(cluster.journal.count_calls()) == {"": 0}


def test_an_offer_in_a_dialog_after_the_end_is_refused(cluster: Cluster) -> None:
    offer_answer(cluster)
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    reply = cluster.do(Verb.OFFER, CallId("c"), a="B", b="A", sdp="again")
    assert reply == {b"result": b"error", b"error-reason": b"Unknown call-id"}
    assert cluster.events(CallId("c"))[-1] == "refused"
    cluster.check_no_leak()


def test_a_new_invite_with_the_same_call_id_is_a_new_call_under_a_new_id(cluster: Cluster) -> None:
    offer_answer(cluster)
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="with credentials")[b"result"] == b"ok"
    assert [session.relay_id for session in cluster.state(CallId("c")).remaining_sessions()] == ["c#2"]
    cluster.check_no_leak()


def test_a_branch_delete_does_not_end_the_call(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", branch="b1", sdp="one")
    cluster.do(Verb.OFFER, CallId("c"), a="A", branch="b2", sdp="two")
    cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B2", branch="b2", sdp="answer")
    assert cluster.do(Verb.DELETE, CallId("c"), a="A", branch="b1")[b"result"] == b"ok"
    assert cluster.events(CallId("c"))[-1] == "branch deleted"
    cluster.check_no_leak()
    assert len(list(cluster.state(CallId("c")).remaining_sessions())) == 1
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.check_no_leak()
    assert not list(cluster.state(CallId("c")).remaining_sessions())


def test_deleting_an_unknown_call_is_ok_with_a_warning_and_is_remembered_for_minutes_only(cluster: Cluster) -> None:
    warning = b"Call-ID not found or tags didn't match"
    assert cluster.do(Verb.DELETE, CallId("c"), a="A") == {b"result": b"ok", b"warning": warning}
    assert cluster.do(Verb.DELETE, CallId("c"), a="A", flags=[b"fatal"]) == {
        b"result": b"error",
        b"error-reason": warning,
    }
    assert cluster.events(CallId("c")) == ["delete wanted", "delete wanted"]
    cluster.after(BRIEFLY + 1)
    assert cluster.stream(CallId("c")) == []


def test_a_delete_that_no_node_confirms_stays_due_until_it_does(cluster: Cluster) -> None:
    offer_answer(cluster)
    for relay in cluster.relays.values():
        relay.silent = True
    reply = cluster.do(Verb.DELETE, CallId("c"), a="A")
    assert reply[b"result"] == b"ok"
    assert b"stays due" in bytes(reply[b"warning"])  # type: ignore[arg-type]
    cluster.after(1000)
    assert cluster.events(CallId("c"))[-1] == "delete wanted"
    cluster.heal()
    cluster.after(200)
    assert cluster.events(CallId("c"))[-1] == "deleted"
    cluster.check_no_leak()


def test_a_delete_that_nobody_ever_confirms_is_declared_lost(cluster: Cluster) -> None:
    offer_answer(cluster)
    for relay in cluster.relays.values():
        relay.silent = True
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.after(9000)
    end = cluster.stream(CallId("c"))[-1].event
    assert isinstance(end, Deleted)
    assert end.how == "lost"
    assert cluster.run(cluster.journal.count_calls()) == {"": 0}


def test_an_offer_that_nobody_answers_is_torn_down(cluster: Cluster) -> None:
    cluster.do(Verb.OFFER, CallId("c"), a="A", sdp="caller")
    cluster.after(100)
    assert cluster.events(CallId("c")) == ["engaged", "offered", "delete wanted", "deleted"]
    cluster.check_no_leak()


def test_a_call_that_its_node_forgot_is_ended(cluster: Cluster) -> None:
    offer_answer(cluster)
    for relay in cluster.relays.values():
        relay.restart()
    cluster.after(300)
    assert cluster.events(CallId("c"))[-2:] == ["delete wanted", "deleted"]
    cluster.check_no_leak()


def test_a_call_that_its_node_still_has_lives_on(cluster: Cluster) -> None:
    offer_answer(cluster)
    cluster.after(1000)
    assert cluster.events(CallId("c")) == ["engaged", "offered", "answered"]
    cluster.check_no_leak()


def test_a_dialog_whose_node_is_down_moves_at_its_next_offer(cluster: Cluster) -> None:
    offer_answer(cluster)
    home = cluster.state(CallId("c")).usable_sessions()[0].node
    cluster.relays[home].silent = True
    cluster.after(30)
    assert cluster.do(Verb.OFFER, CallId("c"), a="A", b="B", sdp="again")[b"result"] == b"ok"
    assert cluster.do(Verb.ANSWER, CallId("c"), a="A", b="B", sdp="again")[b"result"] == b"ok"
    sessions = list(cluster.state(CallId("c")).usable_sessions())
    assert [session.node for session in sessions] == [name for name in cluster.relays if name != home]
    cluster.heal()
    cluster.after(60)
    cluster.check_no_leak()


def test_other_commands_go_to_the_calls_node_under_its_id_there(cluster: Cluster) -> None:
    offer_answer(cluster)
    assert cluster.do(Verb.START_RECORDING, CallId("c"), a="A")[b"result"] == b"ok"
    assert cluster.events(CallId("c"))[-1] == "commanded"
    assert cluster.do(Verb.QUERY, CallId("c"))[b"result"] == b"ok"
    assert cluster.events(CallId("c"))[-1] == "commanded"
    assert cluster.do(Verb.START_RECORDING, CallId("nobody"))[b"error-reason"] == b"Unknown call-id"


def test_passive_calls_are_rebuilt_from_their_stream(cluster: Cluster) -> None:
    offer_answer(cluster)
    cluster.after(60)
    assert cluster.nodes[0].directory.resident == 0
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.check_no_leak()
    assert cluster.events(CallId("c"))[-1] == "deleted"


def _first_choice(cluster: Cluster) -> str:
    return cluster.nodes[0].table.candidates("default", CallId("c"))[0].name


def test_where_branches_are_emulated_a_branch_delete_takes_that_branchs_session_only() -> None:
    cluster = Cluster(engine="rtpproxy")
    sdp = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    cluster.do(Verb.OFFER, CallId("c"), a="A", branch="b1", sdp=sdp)
    cluster.do(Verb.OFFER, CallId("c"), a="A", branch="b2", sdp=sdp)
    cluster.do(Verb.DELETE, CallId("c"), a="A", branch="b1")
    assert [session.branch for session in cluster.state(CallId("c")).usable_sessions()] == ["b2"]
    cluster.check_no_leak()
    cluster.do(Verb.DELETE, CallId("c"), a="A")
    cluster.check_no_leak()
    cluster.close()
