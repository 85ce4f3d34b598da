"""The layer's own part: bounds, what cannot be read, faults of its user, its end."""

from __future__ import annotations

import asyncio

import pytest
from sipmessage import Response

from events.names import Tag
from gateways.sip.messages.hops import hop_of
from gateways.sip.messages.incoming import IncomingRequest, IncomingResponse
from gateways.sip.messages.reading import read
from gateways.sip.messages.replies import reply_to
from gateways.sip.messages.vias import read_via
from gateways.sip.transactions.layer import MAX_ASKED, TransactionLayer
from gateways.sip.transactions.timers import Timers
from gateways.sip.transactions.users import ServerTransaction, TransactionFailure
from tests.gateways.sip.transactions.scene import TCP, UDP, Caller, Scene, answer_text, own_request, request_text


def test_a_request_past_the_bound_is_refused_without_state() -> None:
    scene = Scene(max_transactions=1)
    scene.layer.request(own_request(), UDP, Caller())
    scene.statuses()
    scene.receive(request_text())
    scene.receive(request_text())
    first, second = scene.sent
    assert first.status == "503 INVITE"
    assert b"\r\nRetry-After: 5\r\n" in first.data
    assert first.data == second.data
    assert scene.told == []
    assert scene.layer.transactions == 1
    assert scene.layer.counters.refused == 2


def test_a_to_tag_alone_gives_no_room_past_the_bound() -> None:
    scene = Scene(max_transactions=1)
    scene.receive(request_text("OPTIONS"))
    scene.receive(request_text("BYE", branch="z9hG4bKforeign", to_tag=Tag("foreign")))
    assert scene.sent == []
    assert [tag for tag, _ in scene.questions] == ["foreign"]
    scene.questions[0][1](False)
    assert scene.statuses() == ["503 BYE"]
    assert scene.layer.transactions == 1


def test_questions_about_dialogs_are_bounded_and_end_with_the_layer() -> None:
    scene = Scene(max_transactions=1)
    scene.receive(request_text("OPTIONS"))
    for number in range(MAX_ASKED + 5):
        scene.receive(request_text("BYE", branch=f"z9hG4bK{number}", to_tag=Tag("b")))
    assert len(scene.questions) == MAX_ASKED
    assert scene.statuses() == ["503 BYE"] * 5
    scene.layer.close()
    scene.questions[0][1](True)
    assert (scene.statuses(), len(scene.told)) == ([], 1)


def test_the_ack_of_a_refusal_goes_nowhere() -> None:
    scene = Scene(max_transactions=0)
    scene.receive(request_text())
    reply = scene.sent[0].data.decode()
    tag = reply.split("To: <sip:bob@example.com>;tag=")[1].split("\r\n")[0]
    scene.receive(request_text("ACK", to_tag=Tag(tag)))
    assert scene.told == []


def test_what_the_user_has_no_room_for_is_refused_without_a_transaction() -> None:
    scene = Scene()
    scene.refusal = [("Retry-After", "7")]
    scene.receive(request_text())
    reply = scene.sent[0].data.decode()
    assert reply.startswith("SIP/2.0 503 Service Unavailable\r\n")
    assert "\r\nRetry-After: 7\r\n" in reply
    assert (scene.told, scene.layer.transactions, scene.layer.counters.refused) == ([], 0, 1)


def test_requests_within_known_dialogs_may_enter_until_three_times_the_bound() -> None:
    scene = Scene(max_transactions=2)
    for number in range(9):
        scene.receive(request_text("OPTIONS", branch=f"z9hG4bK{number}"))
        for _ in range(2):
            scene.receive(request_text("BYE", branch=f"z9hG4bKin{number}", to_tag=Tag("b")))
        for tag, answer in scene.questions:
            answer(tag == "b")
        scene.questions.clear()
    assert [method for _what, method in scene.told] == ["OPTIONS", "BYE", "BYE", "BYE", "BYE", "BYE"]
    assert scene.layer.transactions == 6


def test_past_the_bound_repeats_acks_and_cancels_of_what_is_known_still_count() -> None:
    scene = Scene(max_transactions=2)
    scene.receive(request_text())
    scene.receive(request_text(branch="z9hG4bKb"))
    scene.respond(486)
    scene.receive(request_text())
    scene.receive(request_text("CANCEL"))
    scene.receive(request_text("ACK", branch="z9hG4bKb", to_tag=Tag("b")))
    assert scene.statuses()[-2:] == ["100 INVITE", "200 CANCEL"]
    assert [what for what, _which in scene.told] == ["request", "request", "cancel"]


def test_there_is_room_again_when_transactions_end() -> None:
    scene = Scene(max_transactions=1)
    scene.receive(request_text("OPTIONS"))
    scene.respond(200)
    scene.loop.run_until(32)
    scene.receive(request_text("OPTIONS"))
    assert len(scene.requests) == 2


def test_a_malformed_request_gets_its_reason() -> None:
    scene = Scene()
    scene.receive(request_text("OPTIONS").replace(b"sip:bob@example.com SIP/2.0", b"sip:bob@example.com SIP/7.0"))
    assert scene.statuses() == ["505 OPTIONS"]
    assert scene.layer.counters.malformed == 1


def test_what_cannot_be_answered_is_dropped() -> None:
    scene = Scene()
    for data in (b"", b"\r\n\r\n", b"\0\0", b"hello\r\n\r\n", request_text("ACK").replace(b"CSeq", b"X"), b"\xff" * 99):
        scene.receive(data)
    assert (scene.sent, scene.told) == ([], [])
    assert scene.layer.counters.malformed == 3


def test_faults_of_the_user_do_not_escape() -> None:
    scene = Scene()

    def fail(transaction: ServerTransaction) -> None:
        raise RuntimeError(transaction.request.method)

    scene.request_came = fail  # type: ignore[method-assign]
    scene.receive(request_text())
    assert scene.layer.counters.failures == 1


def test_faults_of_a_user_at_a_timer_do_not_stop_the_others() -> None:
    scene = Scene()
    callers = [Caller(), Caller()]
    callers[0].failures = None  # type: ignore[assignment]
    for number, caller in enumerate(callers):
        scene.layer.request(own_request(branch=f"z9hG4bK{number}"), UDP, caller)
    scene.loop.run_until(100)
    assert len(callers[1].failures) == 1
    assert scene.layer.transactions == 0


def test_messages_without_a_transaction_are_sent_once() -> None:
    scene = Scene()
    incoming = read(request_text("OPTIONS", sent_by="192.0.2.1:5070"), UDP)
    assert isinstance(incoming, IncomingRequest)
    response: Response = reply_to(incoming.message, 200)
    scene.layer.respond_stateless(incoming, response)
    scene.layer.send(own_request("ACK"), TCP)
    scene.loop.run_until(100)
    assert [(message.data, message.hop.port) for message in scene.sent] == [
        (bytes(response), 5070),
        (bytes(own_request("ACK")), TCP.port),
    ]


def passed_on(scene: Scene, code: int, via: str, method: str = "INVITE") -> None:
    """Have the layer pass on a response to a request of which it knows nothing; that had this top Via."""
    invite = own_request(method)
    invite.headers.setlist("Via", [via])
    response = read(answer_text(invite, code), UDP)
    assert isinstance(response, IncomingResponse)
    top = read_via(via)
    hop = hop_of(top)
    assert hop is not None
    scene.layer.pass_on(response, top, hop)


AT_ANOTHER = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa"


def test_the_failure_of_anothers_invite_is_repeated_until_its_ack_comes() -> None:
    scene = Scene()
    passed_on(scene, 486, AT_ANOTHER)
    passed_on(scene, 486, AT_ANOTHER)
    scene.loop.run_until(2)
    assert scene.statuses() == ["486 INVITE"] * 3
    scene.receive(request_text(cseq=7))
    assert scene.statuses() == ["486 INVITE"]
    scene.receive(request_text("ACK", to_tag=Tag("b"), cseq=7))
    scene.loop.run_until(100)
    assert (scene.statuses(), scene.told, scene.layer.transactions) == ([], [], 0)


@pytest.mark.parametrize(
    ("code", "method", "via"),
    [
        (200, "INVITE", AT_ANOTHER),
        (180, "INVITE", AT_ANOTHER),
        (404, "BYE", AT_ANOTHER),
        (486, "INVITE", AT_ANOTHER.replace("z9hG4bK", "old")),
    ],
)
def test_other_responses_to_anothers_requests_are_passed_on_once(code: int, method: str, via: str) -> None:
    scene = Scene()
    passed_on(scene, code, via, method)
    scene.loop.run_until(100)
    assert (scene.statuses(), scene.layer.transactions) == ([f"{code} {method}"], 0)


@pytest.mark.parametrize("code", [200, 486])
def test_a_response_to_anothers_request_goes_where_its_sender_listens_if_the_connection_is_gone(code: int) -> None:
    scene = Scene()
    passed_on(scene, code, "SIP/2.0/TCP 192.0.2.1:5080;branch=z9hG4bKa;received=192.0.2.1;rport=40000")
    (first,) = scene.sent
    assert first.failed is not None
    first.failed("gone")
    assert [message.hop.port for message in scene.sent] == [40_000, 5080]


async def test_it_runs_on_the_event_loop() -> None:
    scene = Scene()
    over = asyncio.Event()

    class Waiting(Caller):
        def transaction_failed(self, failure: TransactionFailure) -> None:
            super().transaction_failed(failure)
            over.set()

    sent: list[bytes] = []
    loop = asyncio.get_running_loop()
    layer = TransactionLayer(
        lambda data, _hop, _failed: sent.append(data), scene, timers=Timers(t1=0.001, grain=0.0), loop=loop
    )
    layer.request(own_request(), UDP, Waiting())
    await over.wait()
    layer.close()
    assert len(sent) > 1
    assert layer.transactions == 0


def test_a_closed_layer_does_nothing_more() -> None:
    scene = Scene()
    caller = Caller()
    scene.layer.request(own_request(), UDP, caller)
    failed = scene.sent[0].failed
    assert failed is not None
    scene.receive(request_text())
    scene.receive(request_text(branch="z9hG4bKb"))
    scene.respond(486)
    failed("unreachable")
    scene.layer.close()
    scene.respond(500, which=0)
    scene.statuses()
    scene.receive(request_text("OPTIONS"))
    scene.receive(answer_text(own_request(), 200))
    scene.loop.run_until(100)
    assert (scene.sent, scene.told, caller.codes, caller.failures) == ([], [("request", "INVITE")] * 2, [], [])
    assert scene.layer.transactions == 0
    assert scene.loop.waiting == 0
