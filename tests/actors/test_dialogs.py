"""Requests of our own in the dialogs of a call, and the end of a call by BYEs of our own."""

from __future__ import annotations

import pytest

from actors.commands.sip import EndCall, EndDialog
from actors.sip_requests import NO_DIALOG, DialogRequest, WantedRequest
from events.names import CallId, Leg, Tag
from replay.settings_changes import SetCallVariable
from replay.state import CallStatus
from replay.summary import ended_call
from replay.verify import impossibilities
from tests.actors.fake_peers import TIMEOUT
from tests.actors.simulation import DEADLINES, Cluster
from tests.actors.sip_call import ENGAGED, SipCall, ask, asked, attend, check_over, ends, sent, state


@pytest.fixture
def call(cluster: Cluster) -> SipCall:
    return SipCall(cluster)


# -- a request --


def test_a_request_goes_out_as_if_the_peer_had_sent_it(call: SipCall) -> None:
    call.begin()
    outcome = asked(
        call,
        WantedRequest(Leg("callee"), Tag("tA"), "INFO", body=b"x", content_type="text/plain", headers=(("X", "1"),)),
    )
    assert outcome.status == 200
    (request,) = call.cluster.peer(Tag("tA")).received
    assert request == DialogRequest(
        call_id=CallId("c"),
        to_leg=Leg.CALLEE,
        method="INFO",
        cseq=2,
        from_value="<sip:caller@example.com>;tag=tC",
        to_value="<sip:callee@example.com>;tag=tA",
        target="sip:tA@192.0.2.1",
        routes=("<sip:callee-proxy.example.com;lr>",),
        local="udp:192.0.2.100:5060",
        source="udp:192.0.2.1:5060",
        body=b"x",
        content_type="text/plain",
        headers=(("X", "1"),),
    )
    asked(call, WantedRequest(Leg("caller"), Tag("tA"), "OPTIONS"))
    (request,) = call.cluster.peer(Tag("tC")).received
    assert (request.cseq, request.from_value, request.to_value) == (
        1,
        "<sip:callee@example.com>;tag=tA",
        "<sip:caller@example.com>;tag=tC",
    )
    assert ends(call) == [(1, 200), (2, 200)]


@pytest.mark.parametrize(
    ("own", "contact"),
    [
        (WantedRequest(Leg("callee"), Tag("tA"), "INVITE"), ("Contact", "<sip:tC@192.0.2.1>")),
        (WantedRequest(Leg("caller"), Tag("tA"), "UPDATE"), ("Contact", "<sip:tA@192.0.2.1>")),
        (WantedRequest(Leg("caller"), Tag("tA"), "INVITE", headers=(("contact", "<sip:x>"),)), ("contact", "<sip:x>")),
    ],
)
def test_a_request_that_refreshes_the_target_leaves_it_at_the_peer(
    call: SipCall, own: WantedRequest, contact: tuple[str, str]
) -> None:
    call.begin()
    asked(call, own)
    (request,) = call.cluster.peer(Tag("tA" if own.leg == "callee" else "tC")).received
    assert request.headers == (contact,)


def test_requests_of_the_peer_that_come_after_ours_pass_with_higher_cseqs(call: SipCall) -> None:
    call.begin()
    asked(call, WantedRequest(Leg("callee"), Tag("tA"), "OPTIONS"))
    assert call.tell("C INFO cseq=2").shift == 1
    assert call.tell("A 200 INFO cseq=2").shift == 1
    asked(call, WantedRequest(Leg("callee"), Tag("tA"), "OPTIONS"))
    assert call.tell("C INFO cseq=2", place=1).shift == 1
    assert call.tell("C BYE cseq=3", place=1).shift == 2
    assert call.tell("A BYE cseq=1").shift == 0
    assert call.cluster.peer(Tag("tA")).forwarded == [3, 3, 5]
    assert [request.cseq for request in call.cluster.peer(Tag("tA")).received] == [2, 4]


def test_a_bye_that_comes_again_after_the_end_still_gets_its_cseq(call: SipCall) -> None:
    call.begin()
    asked(call, WantedRequest(Leg("callee"), Tag("tA"), "OPTIONS"))
    assert call.tell("C BYE cseq=2").shift == 1
    assert call.tell("C BYE cseq=2", place=1).shift == 1
    call.cluster.after(1)
    check_over(call)


def test_of_a_call_that_has_ended_nothing_is_learned(call: SipCall) -> None:
    call.begin()
    call.tell("C BYE cseq=2")
    before = call.cluster.events(CallId("c"))
    call.tell("A 200 BYE cseq=2", contact="sip:elsewhere@192.0.2.1")
    assert call.cluster.events(CallId("c")) == before
    assert call.sip_dialogs.parties == {}


def test_a_refresh_of_the_target_changes_where_requests_go_but_not_by_which_route(call: SipCall) -> None:
    call.begin()
    call.tell("A INVITE cseq=5 sdp=moved", contact="sip:new@192.0.2.9")
    assert asked(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO")).status == 200
    (request,) = call.cluster.peer(Tag("tA")).received
    assert (request.target, request.routes) == ("sip:new@192.0.2.9", ("<sip:callee-proxy.example.com;lr>",))
    learned = call.cluster.events(CallId("c")).count("party learned")
    call.tell("A INFO cseq=6", contact="sip:new@192.0.2.9")
    assert call.cluster.events(CallId("c")).count("party learned") == learned == 3


def test_a_party_that_is_busy_is_asked_again_later_with_a_new_cseq(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).busy = 2
    began = call.cluster.loop.time()
    assert asked(call, WantedRequest(Leg("callee"), Tag("tA"), "UPDATE")).status == 200
    assert call.cluster.loop.time() - began >= 2 * 2.1
    assert ends(call) == [(1, 491), (2, 491), (3, 200)]
    assert [request.cseq for request in call.cluster.peer(Tag("tA")).received] == [2, 3, 4]


def test_a_party_that_stays_busy_is_left_alone_after_some_tries(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tC")).busy = 99
    assert asked(call, WantedRequest(Leg("caller"), Tag("tA"), "UPDATE")).status == 491
    assert [status for _, status in ends(call)] == [491] * 4
    assert state(call).status is CallStatus.LIVE


def test_a_request_is_not_tried_again_in_a_dialog_that_ended_meanwhile(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).busy = 99
    outcomes = ask(call, WantedRequest(Leg("callee"), Tag("tA"), "UPDATE"))
    call.cluster.after(1)
    call.tell("A BYE cseq=1")
    call.cluster.after(10)
    assert outcomes == [NO_DIALOG]
    assert ends(call) == [(1, 491)]
    check_over(call)


def test_who_does_not_know_the_dialog_any_more_has_left(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).gone = True
    assert asked(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO")).status == 481
    call.cluster.after(1)
    assert call.cluster.peer(Tag("tC")).methods() == ["BYE"]
    assert dict(call.cluster.peer(Tag("tC")).received[0].headers) == {
        "Reason": 'SIP;text="the callee does not know the dialog any more"'
    }
    check_over(call)


def test_who_does_not_answer_has_left_and_a_failed_request_alone_says_nothing(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).unreachable = True
    assert asked(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO")).unsent
    assert state(call).status is CallStatus.LIVE
    call.cluster.peer(Tag("tA")).unreachable = False
    call.cluster.peer(Tag("tA")).silent = True
    assert asked(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO")).ends_dialog
    call.cluster.after(TIMEOUT + 1)
    assert call.cluster.peer(Tag("tC")).methods() == ["BYE"]
    check_over(call)


def test_nothing_is_sent_where_there_is_no_dialog(call: SipCall) -> None:
    call.tell("C INVITE at=- sdp=c")
    call.tell("A 180 INVITE")
    assert asked(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO")) == NO_DIALOG
    assert asked(call, WantedRequest(Leg("callee"), Tag("tX"), "INFO")) == NO_DIALOG
    assert sent(call) == []


def test_a_signaller_that_fails_fails_its_request_alone(call: SipCall) -> None:
    call.begin()
    call.cluster.nodes[0].outlet.sender = lambda *_: 1 // 0  # type: ignore[assignment]
    assert asked(call, WantedRequest(Leg("callee"), Tag("tA"), "INFO")).unsent
    assert call.tell("C INFO cseq=2").error is None


# -- the end of a call --


def test_an_ended_call_gets_a_bye_on_both_sides_and_frees_its_relay(call: SipCall) -> None:
    call.begin()
    call.tell("C INFO cseq=9")
    call.command(EndCall(call_id=call.call_id, reason='an operator\'s "wish"'))
    call.cluster.after(1)
    assert sent(call) == [("caller", "BYE", 1), ("callee", "BYE", 10)]
    assert call.cluster.peer(Tag("tC")).ended
    assert call.cluster.peer(Tag("tA")).ended
    assert dict(call.cluster.peer(Tag("tA")).received[0].headers) == {"Reason": "SIP;text=\"an operator's 'wish'\""}
    check_over(call)
    call.command(EndCall(call_id=call.call_id, reason="again"))
    assert len(sent(call)) == 2


def test_ending_a_call_that_rings_frees_its_relay_and_sends_no_bye(call: SipCall) -> None:
    call.tell("C INVITE at=- sdp=c", changes=[])
    call.command(EndCall(call_id=call.call_id, reason="nobody"))
    assert call.cluster.events(CallId("c")) == ["signalled", "party learned"]
    SipCall(call.cluster, CallId("d")).tell("C INVITE at=- sdp=c")
    call.begin()
    call.command(EndCall(call_id=call.call_id, reason="now"))
    call.cluster.after(1)
    check_over(call)


def test_a_call_without_a_relay_is_ended_too(call: SipCall) -> None:
    for line in ("C INVITE at=-", "A 200 INVITE", "C ACK"):
        call.tell(line)
    assert state(call).status is CallStatus.NEW
    call.command(EndCall(call_id=call.call_id, reason="now"))
    call.cluster.after(1)
    assert [method for _, method, _ in sent(call)] == ["BYE", "BYE"]
    check_over(call)


def test_a_call_without_a_relay_that_is_hung_up_is_over(call: SipCall) -> None:
    call.tell("C INVITE at=-", changes=[SetCallVariable(variable="v", value="1")])
    for line in ("A 200 INVITE", "C ACK", "A BYE cseq=1"):
        call.tell(line)
    check_over(call)
    call.tell("C INVITE at=- cseq=1", changes=[SetCallVariable(variable="w", value="2")])
    assert call.sip_dialogs.variables == {"w": "2"}


def test_a_second_callee_that_has_left_takes_only_its_own_dialog_with_it(call: SipCall) -> None:
    call.begin()
    call.tell("B 200 INVITE sdp=b")
    call.cluster.peer(Tag("tB")).gone = True
    assert asked(call, WantedRequest(Leg("callee"), Tag("tB"), "OPTIONS")).status == 481
    call.cluster.after(5)
    assert sent(call) == [("callee", "OPTIONS", 2), ("caller", "BYE", 1), ("callee", "BYE", 3)]
    assert state(call).dialogs() == ["tA"]
    assert state(call).status is CallStatus.LIVE


def test_a_bye_that_cannot_be_sent_stays_due_until_it_can(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).unreachable = True
    call.command(EndCall(call_id=call.call_id, reason="now"))
    call.cluster.after(600)
    assert ends(call) == [(1, 200)]
    assert call.cluster.run(call.cluster.journal.count_calls()) == {"": 1}
    call.cluster.heal()
    call.cluster.after(200)
    assert ends(call) == [(1, 200), (2, 200)]
    check_over(call)


def test_a_bye_that_waits_for_its_answer_is_not_sent_again_meanwhile(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).lose_replies = 1
    call.command(EndCall(call_id=call.call_id, reason="now"))
    for _ in range(5):
        call.cluster.after(5)
        attend(call)
    call.cluster.after(TIMEOUT)
    assert call.cluster.peer(Tag("tA")).methods() == ["BYE"]
    check_over(call)


def test_nor_is_one_that_could_not_be_sent_before(call: SipCall) -> None:
    cluster, peer = call.cluster, call.cluster.peer(Tag("tA"))
    call.begin()
    for relay in cluster.relays.values():
        relay.silent = True
    peer.unreachable = True
    call.command(EndCall(call_id=call.call_id, reason="now"))
    cluster.after(10)
    peer.unreachable, peer.lose_replies = False, 1
    cluster.after(60)
    cluster.heal()
    cluster.after(100)
    assert peer.methods() == ["BYE"]
    check_over(call)


def test_nor_because_another_dialog_has_one_that_is_due_sooner(call: SipCall) -> None:
    """Either control node may take what is due; while one has sent a BYE and waits, none sends that again."""
    cluster, early, late = call.cluster, call.cluster.peer(Tag("tA")), call.cluster.peer(Tag("tB"))
    call.begin()
    call.tell("B 200 INVITE sdp=b")
    call.tell("C ACK at=B")
    early.unreachable = late.unreachable = True
    call.command(EndDialog(call_id=call.call_id, reason="now", callee_tag=Tag("tA")))
    cluster.after(20)
    call.command(EndDialog(call_id=call.call_id, reason="now", callee_tag=Tag("tB")))
    cluster.after(10)
    early.unreachable, early.lose_replies = False, 1
    cluster.after(DEADLINES.request / 1000 + 10)
    assert early.methods() == ["BYE"]
    late.unreachable = False
    cluster.after(200)
    assert (early.methods(), late.methods()) == (["BYE"], ["BYE"])
    check_over(call)


def test_a_bye_that_can_never_be_sent_is_given_up(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).unreachable = True
    call.command(EndCall(call_id=call.call_id, reason="now"))
    call.cluster.after(8000)
    assert ends(call) == [(1, 200), (2, 0)]
    check_over(call)


def test_a_bye_is_sent_from_where_a_door_is_open(call: SipCall) -> None:
    call.begin()
    here, there = (node.outlet for node in call.cluster.nodes)
    sender, there.sender, here.sender = there.sender, None, None
    call.command(EndCall(call_id=call.call_id, reason="now"))
    call.cluster.after(100)
    assert call.cluster.peer(Tag("tA")).received == []
    there.sender = sender
    call.cluster.after(200)
    check_over(call)
    assert [request.cseq for request in call.cluster.peer(Tag("tA")).received] == [2]


def test_a_busy_party_gets_its_bye_later(call: SipCall) -> None:
    call.begin()
    call.cluster.peer(Tag("tA")).busy = 1
    call.command(EndCall(call_id=call.call_id, reason="now"))
    call.cluster.after(5)
    assert [request.cseq for request in call.cluster.peer(Tag("tA")).received] == [2, 3]
    check_over(call)


# -- when it began --


@pytest.mark.parametrize("offer", ["", " sdp=c"], ids=["without an offer", "with an offer"])
def test_a_call_began_with_its_invite_whoever_made_the_offer(call: SipCall, offer: str) -> None:
    call.tell(f"C INVITE at=-{offer}", changes=[ENGAGED])
    began = state(call).changed
    call.cluster.after(4)
    call.tell("A 200 INVITE sdp=a")
    call.tell(f"C ACK at=A{'' if offer else ' sdp=c'}")
    call.tell("C BYE cseq=2")
    call.cluster.after(1)
    check_over(call)
    ended = ended_call(state(call))
    assert abs(ended.created - began) < 100
    assert 4000 <= ended.answered - ended.created < 4100
    assert list(impossibilities(state(call))) == []
