"""Requests of ours: client transactions as the layer runs them."""

from __future__ import annotations

import pytest

from events.names import Tag
from gateways.sip.addresses import Hop
from gateways.sip.transactions.users import ClientTransaction, TransactionFailure
from tests.gateways.sip.transactions.scene import TCP, UDP, Caller, Scene, answer_text, own_request


def begin(scene: Scene, method: str = "INVITE", hop: Hop = UDP) -> tuple[Caller, ClientTransaction]:
    caller = Caller()
    return caller, scene.layer.request(own_request(method), hop, caller)


def answer(scene: Scene, code: int, method: str = "INVITE", to_tag: Tag = Tag("b")) -> None:
    scene.receive(answer_text(own_request(method), code, to_tag))


def test_a_request_is_sent_again_until_nothing_more_is_to_be_hoped_for() -> None:
    scene = Scene()
    caller, _ = begin(scene)
    scene.loop.run_until(100)
    assert {message.data for message in scene.sent} == {bytes(own_request())}
    assert {message.hop for message in scene.sent} == {UDP}
    assert scene.times() == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert caller.failures == [TransactionFailure.TIMEOUT]
    assert scene.layer.transactions == 0
    assert scene.layer.counters.unanswered == 1


def test_over_tcp_a_request_is_sent_once() -> None:
    scene = Scene()
    caller, _ = begin(scene, "OPTIONS", TCP)
    scene.loop.run_until(100)
    assert scene.times() == [0]
    assert caller.failures == [TransactionFailure.TIMEOUT]


def test_each_provisional_and_each_2xx_of_an_invite_is_told() -> None:
    scene = Scene()
    caller, _ = begin(scene)
    for code in (100, 180, 200, 180, 200):
        answer(scene, code)
    answer(scene, 200, to_tag=Tag("another-branch"))
    answer(scene, 486)
    assert caller.codes == [100, 180, 200, 200, 200]
    scene.loop.run_until(32)
    assert scene.layer.transactions == 0
    assert scene.statuses() == ["INVITE"]


def test_a_failure_of_an_invite_is_told_once_and_acknowledged_each_time() -> None:
    scene = Scene()
    caller, _ = begin(scene)
    answer(scene, 486)
    answer(scene, 486)
    assert caller.codes == [486]
    ack = (
        b"ACK sip:bob@192.0.2.1 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKour\r\n"
        b"Route: <sip:192.0.2.1;lr>\r\n"
        b"Max-Forwards: 70\r\n"
        b"From: <sip:alice@example.com>;tag=a\r\n"
        b"To: <sip:bob@example.com>;tag=b\r\n"
        b"Call-ID: call\r\n"
        b"CSeq: 7 ACK\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert [message.data for message in scene.sent[1:]] == [ack] * 2
    assert {message.hop for message in scene.sent} == {UDP}


def test_a_2xx_that_comes_after_a_failure_is_told() -> None:
    scene = Scene()
    caller, _ = begin(scene)
    answer(scene, 486)
    answer(scene, 200)
    answer(scene, 486)
    assert caller.codes == [486, 200]
    assert scene.statuses() == ["INVITE", "ACK", "ACK"]


def test_over_tcp_a_failure_of_an_invite_is_acknowledged_and_ends_it() -> None:
    scene = Scene()
    caller, _ = begin(scene, hop=TCP)
    answer(scene, 486)
    assert caller.codes == [486]
    assert scene.statuses() == ["INVITE", "ACK"]
    assert scene.layer.transactions == 0
    answer(scene, 486)
    assert scene.told == [("stray", "486 INVITE")]


def test_a_final_answer_to_another_request_is_told_once() -> None:
    scene = Scene()
    caller, _ = begin(scene, "BYE")
    answer(scene, 100, "BYE")
    answer(scene, 200, "BYE")
    answer(scene, 200, "BYE")
    assert caller.codes == [100, 200]
    scene.loop.run_until(5)
    assert scene.layer.transactions == 0
    assert scene.statuses() == ["BYE"]


def test_a_response_needs_branch_and_method_of_a_request() -> None:
    scene = Scene()
    caller, _ = begin(scene)
    scene.receive(answer_text(own_request(branch="z9hG4bKunknown"), 200))
    scene.receive(answer_text(own_request("OPTIONS"), 200))
    assert caller.codes == []
    assert scene.told == [("stray", "200 INVITE"), ("stray", "200 OPTIONS")]
    assert scene.layer.counters.stray_responses == 2


def test_a_branch_that_is_in_use_or_missing_is_a_mistake() -> None:
    scene = Scene()
    begin(scene)
    with pytest.raises(ValueError, match="branch of its own"):
        begin(scene)
    request = own_request("BYE")
    request.headers.set("Via", "SIP/2.0/UDP 198.51.100.1:5060")
    with pytest.raises(ValueError, match="branch of its own"):
        scene.layer.request(request, UDP, Caller())


# -- cancelling --


def test_to_cancel_sends_a_cancel_with_its_reason_to_where_the_invite_went() -> None:
    scene = Scene()
    caller, transaction = begin(scene)
    answer(scene, 180)
    transaction.cancel('SIP;cause=200;text="Call completed elsewhere"')
    transaction.cancel("again")
    cancel = scene.sent[1]
    assert cancel.hop == UDP
    assert cancel.data.startswith(
        b"CANCEL sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKour\r\n"
    )
    assert b'\r\nReason: SIP;cause=200;text="Call completed elsewhere"\r\n' in cancel.data
    assert len(scene.sent) == 2
    answer(scene, 200, "CANCEL")
    answer(scene, 487)
    assert caller.codes == [180, 487]
    assert scene.statuses() == ["INVITE", "CANCEL", "ACK"]
    scene.loop.run_until(100)
    assert scene.layer.transactions == 0
    assert scene.told == []


def test_a_cancel_waits_for_the_first_provisional_answer() -> None:
    scene = Scene()
    caller, transaction = begin(scene)
    transaction.cancel("SIP;cause=480")
    assert scene.statuses() == ["INVITE"]
    answer(scene, 100)
    assert b"\r\nReason: SIP;cause=480\r\n" in scene.sent[0].data
    assert caller.codes == [100]


def test_a_final_answer_that_overtakes_the_cancel_is_told() -> None:
    scene = Scene()
    caller, transaction = begin(scene)
    answer(scene, 180)
    transaction.cancel()
    answer(scene, 200)
    assert caller.codes == [180, 200]


@pytest.mark.parametrize(("code", "sent"), [(200, []), (486, ["ACK"])])
def test_to_cancel_after_the_final_answer_does_nothing(code: int, sent: list[str]) -> None:
    scene = Scene()
    _caller, transaction = begin(scene)
    transaction.cancel()
    answer(scene, code)
    transaction.cancel()
    scene.loop.run_until(100)
    transaction.cancel()
    assert scene.statuses() == ["INVITE", *sent]


def test_a_peer_that_never_answers_a_cancelled_invite_is_given_up() -> None:
    scene = Scene()
    caller, transaction = begin(scene)
    answer(scene, 180)
    scene.loop.run_until(10)
    transaction.cancel()
    answer(scene, 200, "CANCEL")
    scene.loop.run_until(41.9)
    assert caller.failures == []
    scene.loop.run_until(42)
    assert caller.failures == [TransactionFailure.TIMEOUT]
    assert scene.layer.transactions == 0


def test_to_cancel_another_request_does_nothing() -> None:
    scene = Scene()
    _caller, transaction = begin(scene, "OPTIONS")
    answer(scene, 100, "OPTIONS")
    transaction.cancel()
    assert scene.statuses() == ["OPTIONS"]


# -- forgetting --


def test_nothing_is_told_of_a_forgotten_invite_but_the_peer_gets_its_ack() -> None:
    scene = Scene()
    caller, transaction = begin(scene)
    answer(scene, 180)
    transaction.forget()
    answer(scene, 183)
    answer(scene, 486)
    assert caller.codes == [180]
    assert scene.statuses() == ["INVITE", "ACK"]


@pytest.mark.parametrize("before", [True, False])
def test_a_forgotten_invite_without_end_is_cancelled_and_given_up(before: bool) -> None:
    scene = Scene()
    caller, transaction = begin(scene)
    if before:
        transaction.forget()
    answer(scene, 180)
    if not before:
        transaction.forget()
    scene.loop.run_until(180)
    assert scene.statuses() == ["INVITE"]
    scene.loop.run_until(181)
    assert scene.statuses() == ["CANCEL"]
    scene.loop.run_until(300)
    assert scene.layer.transactions == 0
    assert caller.failures == []


# -- transports --


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_transport_failure_is_told_but_not_at_once(method: str) -> None:
    scene = Scene()
    caller, _ = begin(scene, method)
    failed = scene.sent[0].failed
    assert failed is not None
    failed("connection refused")
    failed("connection refused")
    assert caller.failures == []
    scene.loop.run_for(0)
    assert caller.failures == [TransactionFailure.TRANSPORT]
    assert scene.layer.transactions == 0
    assert scene.layer.counters.unreachable == 1
    scene.loop.run_for(100)
    assert caller.failures == [TransactionFailure.TRANSPORT]


@pytest.mark.parametrize("code", [180, 200, 486])
def test_a_transport_failure_after_an_answer_is_not_told(code: int) -> None:
    scene = Scene()
    caller, _ = begin(scene)
    failed = scene.sent[0].failed
    assert failed is not None
    answer(scene, code)
    failed("unreachable")
    scene.loop.run_for(0)
    assert (caller.codes, caller.failures) == ([code], [])
