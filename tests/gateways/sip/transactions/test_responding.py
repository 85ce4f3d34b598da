"""Requests that come: server transactions as the layer runs them."""

from __future__ import annotations

import pytest

from events.names import CallId, Tag
from gateways.sip.addresses import Hop, SipTransport
from tests.gateways.sip.transactions.scene import TCP, UDP, Scene, request_text


def test_an_invite_gets_its_100_before_its_user_hears_of_it() -> None:
    scene = Scene()
    scene.receive(request_text())
    assert scene.sent[0].data == (
        b"SIP/2.0 100 Trying\r\n"
        b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa\r\n"
        b"From: <sip:alice@example.com>;tag=a\r\n"
        b"To: <sip:bob@example.com>\r\n"
        b"Call-ID: call\r\n"
        b"CSeq: 1 INVITE\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    assert scene.told == [("request", "INVITE")]


def test_the_timestamp_of_an_invite_is_in_its_100() -> None:
    scene = Scene()
    scene.receive(request_text().replace(b"Contact:", b"Timestamp: 54\r\nContact:"))
    assert b"\r\nTimestamp: 54\r\n" in scene.sent[0].data


def test_repeats_of_an_invite_get_the_last_answer_and_are_not_told() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.receive(request_text())
    scene.respond(180)
    scene.receive(request_text())
    scene.respond(486)
    scene.receive(request_text())
    assert scene.statuses() == [
        "100 INVITE",
        "100 INVITE",
        "180 INVITE",
        "180 INVITE",
        "486 INVITE",
        "486 INVITE",
    ]
    assert scene.told == [("request", "INVITE")]
    assert scene.layer.counters.repeats == 3
    assert scene.layer.counters.resent == 3


def test_a_failure_is_repeated_byte_by_byte_until_its_ack_which_goes_nowhere() -> None:
    scene = Scene()
    scene.receive(request_text())
    response = scene.respond(486)
    scene.loop.run_until(2)
    assert [message.data for message in scene.sent[1:]] == [bytes(response)] * 3
    scene.receive(request_text("ACK", to_tag=Tag("b")))
    scene.receive(request_text("ACK", to_tag=Tag("b")))
    scene.loop.run_until(100)
    assert len(scene.sent) == 4
    assert scene.told == [("request", "INVITE")]
    assert scene.layer.transactions == 0


def test_a_failure_without_ack_ends_after_64_t1_and_is_counted() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.respond(486)
    scene.loop.run_until(31.9)
    assert scene.layer.transactions == 1
    scene.loop.run_until(32)
    assert scene.layer.transactions == 0
    assert scene.layer.counters.unacknowledged == 1


def test_repeats_of_an_accepted_invite_are_absorbed_and_acks_go_end_to_end() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.respond(200)
    scene.statuses()
    scene.receive(request_text())
    scene.receive(request_text("ACK", to_tag=Tag("b")))
    scene.receive(request_text("ACK", branch="z9hG4bKother", to_tag=Tag("b")))
    assert scene.statuses() == []
    assert scene.told[1:] == [("ack", "b"), ("ack", "b")]


def test_only_2xx_to_an_invite_pass_after_a_final_answer() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.respond(486)
    scene.respond(180)
    scene.respond(200)
    scene.respond(487)
    scene.receive(request_text())
    assert scene.statuses() == ["100 INVITE", "486 INVITE", "200 INVITE", "486 INVITE"]


def test_2xx_to_an_invite_pass_even_when_its_transaction_is_over() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.respond(200)
    scene.loop.run_until(33)
    assert scene.layer.transactions == 0
    scene.statuses()
    scene.respond(200)
    scene.respond(486)
    assert scene.statuses() == ["200 INVITE"]


def test_a_request_is_answered_once_and_its_repeats_get_the_same() -> None:
    scene = Scene()
    scene.receive(request_text("OPTIONS"))
    scene.receive(request_text("OPTIONS"))
    assert scene.statuses() == []
    before = scene.requests[0].answered
    response = scene.respond(200)
    scene.respond(404)
    scene.receive(request_text("OPTIONS"))
    assert [message.data for message in scene.sent] == [bytes(response)] * 2
    assert (before, scene.requests[0].answered) == (False, True)
    scene.loop.run_until(32)
    assert scene.layer.transactions == 0


def test_an_answer_that_comes_too_late_is_not_sent() -> None:
    scene = Scene()
    scene.receive(request_text("OPTIONS"))
    scene.loop.run_until(32)
    assert scene.layer.transactions == 0
    scene.respond(200)
    assert scene.sent == []
    assert not scene.requests[0].answered


def test_a_dropped_invite_absorbs_its_repeats_and_is_forgotten() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.statuses()
    scene.requests[0].drop()
    scene.receive(request_text())
    scene.receive(request_text("CANCEL"))
    assert scene.statuses() == ["200 CANCEL"]
    assert scene.told == [("request", "INVITE")]
    scene.loop.run_until(64)
    assert scene.layer.transactions == 0


def test_an_answer_goes_where_its_via_says() -> None:
    scene = Scene()
    scene.receive(request_text(sent_by="192.0.2.1:5999"), Hop(SipTransport.UDP, "192.0.2.7", 7777))
    assert (scene.sent[0].hop.host, scene.sent[0].hop.port) == ("192.0.2.7", 5999)
    assert b";received=192.0.2.7" in scene.sent[0].data


def test_an_answer_whose_connection_is_gone_goes_to_where_its_via_says_once() -> None:
    scene = Scene()
    scene.receive(request_text("OPTIONS", hop=TCP), TCP)
    scene.respond(200)
    first = scene.sent[0]
    assert first.hop == TCP
    assert first.failed is not None
    first.failed("connection refused")
    second = scene.sent[1]
    assert second.data == first.data
    assert (second.hop.transport, second.hop.host, second.hop.port) == (SipTransport.TCP, "192.0.2.1", 5060)
    assert second.failed is not None
    second.failed("connection refused")
    assert len(scene.sent) == 2
    assert scene.layer.counters.unsent == 1


def test_a_transport_failure_changes_nothing_over_udp() -> None:
    scene = Scene()
    scene.receive(request_text())
    failed = scene.sent[0].failed
    assert failed is not None
    failed("no route")
    scene.respond(180)
    assert scene.statuses() == ["100 INVITE", "180 INVITE"]
    assert scene.layer.counters.unsent == 1


def test_over_tcp_an_answered_request_is_over_at_once() -> None:
    scene = Scene()
    scene.receive(request_text("OPTIONS", hop=TCP), TCP)
    scene.respond(200)
    assert scene.layer.transactions == 0


# -- CANCEL --


def test_a_cancel_gets_200_and_is_told_once() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.receive(request_text("CANCEL"))
    scene.receive(request_text("CANCEL"))
    assert scene.statuses() == ["100 INVITE", "200 CANCEL", "200 CANCEL"]
    assert scene.told == [("request", "INVITE"), ("cancel", "z9hG4bKa")]


def test_a_cancel_that_comes_again_over_tcp_is_told_once() -> None:
    scene = Scene()
    scene.receive(request_text(hop=TCP), TCP)
    scene.receive(request_text("CANCEL", hop=TCP), TCP)
    scene.receive(request_text("CANCEL", hop=TCP), TCP)
    assert scene.statuses() == ["100 INVITE", "200 CANCEL", "200 CANCEL"]
    assert [what for what, _which in scene.told] == ["request", "cancel"]


@pytest.mark.parametrize("code", [200, 486])
def test_a_cancel_after_the_final_answer_gets_200_but_is_not_told(code: int) -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.respond(code)
    scene.statuses()
    scene.receive(request_text("CANCEL"))
    assert scene.statuses() == ["200 CANCEL"]
    assert scene.told == [("request", "INVITE")]


def test_a_cancel_of_nothing_gets_481_and_leaves_nothing_behind() -> None:
    scene = Scene()
    scene.receive(request_text("CANCEL"))
    scene.receive(request_text("CANCEL"))
    first, second = scene.sent
    assert first.status == "481 CANCEL"
    assert first.data == second.data
    assert scene.told == []
    assert scene.layer.transactions == 0
    assert scene.layer.counters.stray_cancels == 2


def test_a_cancel_of_what_the_user_can_cancel_gets_200_and_leaves_nothing_behind() -> None:
    scene = Scene()
    scene.cancels = 1
    scene.receive(request_text("CANCEL"))
    assert (scene.statuses(), scene.layer.transactions) == (["200 CANCEL"], 0)


# -- matching --


@pytest.mark.parametrize(
    "other",
    [
        request_text(branch="z9hG4bKb"),
        request_text(sent_by="192.0.2.1:5061"),
        request_text(sent_by="192.0.2.2:5060"),
        request_text("OPTIONS"),
        request_text(call_id=CallId("other")),
        request_text().replace(b"tag=a", b"tag=x"),
    ],
)
def test_branch_sent_by_method_and_call_tell_requests_apart(other: bytes) -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.receive(other)
    assert len(scene.requests) == 2


def test_only_these_tell_requests_with_the_cookie_apart() -> None:
    scene = Scene()
    scene.receive(request_text())
    scene.receive(request_text(cseq=2, to_tag=Tag("b")))
    assert len(scene.requests) == 1


OLD_BRANCHES = [None, "1", "Z9HG4BKx"]


@pytest.mark.parametrize("branch", OLD_BRANCHES)
def test_without_the_cookie_the_headers_tell_requests_apart(branch: str | None) -> None:
    scene = Scene()
    first = request_text("OPTIONS", branch=branch)
    others = [
        request_text("OPTIONS", branch=branch, cseq=2),
        request_text("OPTIONS", branch=branch, call_id=CallId("other")),
        request_text("OPTIONS", branch=branch, to_tag=Tag("b")),
        request_text("OPTIONS", branch=branch, sent_by="192.0.2.1:5061"),
        first.replace(b"tag=a", b"tag=x"),
        first.replace(b"OPTIONS sip:bob", b"OPTIONS sip:carol"),
        request_text("MESSAGE", branch=branch),
    ]
    for data in (first, *others):
        scene.receive(data)
        scene.receive(data)
    assert len(scene.requests) == 1 + len(others)


@pytest.mark.parametrize("branch", OLD_BRANCHES)
@pytest.mark.parametrize("within", ["", "b"])
def test_without_the_cookie_an_ack_is_known_by_the_tag_of_the_failure(branch: str | None, within: str) -> None:
    scene = Scene()
    scene.receive(request_text(branch=branch, to_tag=Tag(within)))
    scene.respond(486, to_tag=Tag("b"))
    scene.receive(request_text("ACK", branch=branch, to_tag=Tag("other")))
    assert scene.told[1:] == [("ack", "other")]
    scene.receive(request_text("ACK", branch=branch, to_tag=Tag("b")))
    assert len(scene.told) == 2
    scene.statuses()
    scene.loop.run_until(5)
    assert scene.sent == []
    assert scene.layer.transactions == 0


@pytest.mark.parametrize("branch", OLD_BRANCHES)
def test_without_the_cookie_an_ack_for_a_2xx_goes_end_to_end(branch: str | None) -> None:
    scene = Scene()
    scene.receive(request_text(branch=branch))
    scene.respond(200)
    scene.receive(request_text("ACK", branch=branch, to_tag=Tag("b")))
    assert scene.told[1:] == [("ack", "b")]


@pytest.mark.parametrize("branch", OLD_BRANCHES)
def test_without_the_cookie_a_cancel_finds_its_invite(branch: str | None) -> None:
    scene = Scene()
    scene.receive(request_text(branch=branch))
    scene.receive(request_text("CANCEL", branch=branch))
    scene.receive(request_text("CANCEL", branch=branch, call_id=CallId("other")))
    assert scene.statuses() == ["100 INVITE", "200 CANCEL", "481 CANCEL"]
    assert [what for what, _which in scene.told] == ["request", "cancel"]


def test_an_ack_of_no_invite_goes_end_to_end() -> None:
    scene = Scene()
    scene.receive(request_text("ACK", to_tag=Tag("b")), UDP)
    assert scene.told == [("ack", "b")]
    assert scene.layer.transactions == 0
