from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.results import OVERLOADED
from engines.ng.bencode import NgDict, NgValue, decode, encode
from tests.gateways.doors import QUERY, Desk

OK = b"d6:result2:oke"


def error_in(message: bytes) -> bytes:
    reply = decode(message.partition(b" ")[2])
    assert isinstance(reply, dict)
    assert reply[b"result"] == b"error"
    reason = reply[b"error-reason"]
    assert isinstance(reason, bytes)
    return reason


def test_a_request_reaches_the_call_and_its_reply_the_client() -> None:
    desk = Desk()
    assert desk.take(b"1_1 " + QUERY) == []
    (command,) = desk.calls.commands
    assert (command.verb, command.call_id) == ("query", "a call")
    assert command.received_at == 1_700_000_000_000
    desk.calls.waiting[0]({b"result": b"ok"})
    assert desk.sent == [b"1_1 " + OK]
    assert desk.counters.requests == {("query", "ok"): 1}


def test_json_is_answered_in_json() -> None:
    desk = Desk()
    desk.calls.reply = {b"result": b"ok", b"n": 1}
    (sent,) = desk.take(b'1_1 {"command":"query","call-id":"a call"}')
    assert json.loads(sent.removeprefix(b"1_1 ")) == {"result": "ok", "n": 1}


def test_a_repeat_in_work_waits_and_gets_the_same_bytes() -> None:
    desk = Desk()
    desk.take(b"1_1 " + QUERY)
    desk.take(b"1_1 " + QUERY)
    assert len(desk.calls.commands) == 1
    desk.calls.waiting[0]({b"result": b"ok"})
    assert desk.sent == [b"1_1 " + OK, b"1_1 " + OK]
    assert desk.counters.repeats == 1


def test_a_repeat_within_a_minute_is_answered_from_the_cache() -> None:
    desk = Desk()
    desk.calls.reply = {b"result": b"ok", b"n": 1}
    first = desk.take(b"1_1 " + QUERY)
    desk.calls.reply = {b"result": b"ok", b"n": 2}
    desk.seconds += 59
    desk.handler.tick()
    assert desk.take(b"1_1 " + QUERY) == first
    desk.seconds += 2
    desk.handler.tick()
    assert desk.take(b"1_1 " + QUERY) != first


@pytest.mark.parametrize("fault", [b"d7:command5:offere", b"d7:command7:unknowne"])
def test_failures_are_kept_too(fault: bytes) -> None:
    desk = Desk()
    assert desk.take(b"1_1 " + fault) == desk.take(b"1_1 " + fault)
    assert desk.counters.repeats == 1


def test_equal_cookies_of_two_clients_do_not_meet() -> None:
    desk = Desk()
    desk.take(b"1_1 " + QUERY, port=1)
    desk.take(b"1_1 " + QUERY, port=2)
    desk.take(b"1_1 " + encode({b"command": b"query", b"call-id": b"another"}), port=1)
    assert len(desk.calls.commands) == 3


@pytest.mark.parametrize("message", [b"", b"cookie", b" d7:command4:pinge", b"x" * 300 + b" de", b"\0\xff"])
def test_what_has_no_cookie_is_dropped_and_counted(message: bytes) -> None:
    desk = Desk()
    assert desk.take(message) == []
    assert desk.counters.garbage == 1


def test_what_cannot_be_read_is_answered_and_counted() -> None:
    desk = Desk()
    assert error_in(desk.take(b"1_1 d7:command")[0]) == b"Could not decode bencode dictionary"
    assert error_in(desk.take(b"1_2 de")[0]) == b'Dictionary contains no key "command"'
    assert error_in(desk.take(b"1_3 d7:command3:clie")[0]) == b"Unrecognized command"
    assert desk.counters.unreadable == 1
    assert desk.counters.requests == {("other", "error"): 2}


@pytest.mark.parametrize(
    "name", [b"cli", b"Offer", b"no such thing", b"", b"\xff", b"copy_offer", b"copy_answer", b"copy_delete"]
)
def test_what_is_no_command_of_the_protocol_is_refused(name: bytes) -> None:
    desk = Desk()
    request = encode({b"command": name, b"call-id": b"c", b"from-tag": b"f"})
    assert error_in(desk.take(b"1_1 " + request)[0]) == b"Unrecognized command"
    assert desk.counters.requests == {("other", "error"): 1}


def test_ping_tells_readiness() -> None:
    desk = Desk()
    assert desk.take(b"1_1 d7:command4:pinge") == [b"1_1 d6:result4:ponge"]
    desk.is_ready = False
    assert error_in(desk.take(b"1_2 d7:command4:pinge")[0]) == b"Not ready"


@pytest.mark.parametrize(
    ("supports", "reply"),
    [
        ([b"load limit"], {b"result": b"load limit", b"message": b"Load limit exceeded"}),
        ([], {b"result": b"error", b"error-reason": b"Parallel session limit reached"}),
    ],
)
def test_too_many_requests_of_one_client(supports: list[NgValue], reply: NgDict) -> None:
    desk = Desk(max_queued=2)
    body = encode({b"command": b"query", b"call-id": b"c", b"supports": supports})
    desk.take(b"1_1 " + body)
    desk.take(b"1_2 " + body, port=5061)
    assert desk.take(b"1_3 " + body, port=5062) == [b"1_3 " + encode(reply)]
    assert len(desk.calls.commands) == 2
    desk.calls.waiting[0]({b"result": b"ok"})
    assert desk.take(b"1_4 " + body) == []
    assert desk.take(b"1_3 " + body, port=5062) == [b"1_3 " + encode(reply)]
    assert desk.counters.load_limited == 1


def test_the_directorys_load_limit_is_said_as_the_client_understands_it() -> None:
    desk = Desk()
    desk.calls.reply = OVERLOADED
    body = encode({b"command": b"query", b"call-id": b"c", b"supports": [b"load limit"]})
    assert desk.take(b"1_1 " + body) == [b"1_1 d7:message19:Load limit exceeded6:result10:load limite"]


def test_a_fault_inside_is_an_error_reply() -> None:
    desk = Desk()
    desk.calls.error = ZeroDivisionError("oops")
    assert error_in(desk.take(b"1_1 " + QUERY)[0]) == b"Internal error: ZeroDivisionError('oops')"
    assert (desk.counters.failures, desk.peer().client.queued) == (1, 0)


def test_a_request_that_nothing_replies_to_is_answered_in_the_end() -> None:
    desk = Desk()
    desk.take(b"1_1 " + QUERY)
    desk.seconds += 29
    desk.handler.tick()
    assert desk.sent == []
    desk.seconds += 2
    desk.handler.tick()
    assert error_in(desk.sent[0]) == b"No reply within 30 s"
    desk.calls.waiting[0]({b"result": b"ok"})
    assert len(desk.sent) == 1
    assert (desk.counters.unanswered, desk.peer().client.queued) == (1, 0)


def test_a_reply_that_does_not_fit_is_an_error() -> None:
    desk = Desk()
    desk.calls.reply = {b"result": b"ok", b"sdp": bytes(70_000)}
    reason = b"The reply of 70029 bytes is longer than the 65507 that can be sent this way"
    assert error_in(desk.take(b"1_1 " + QUERY)[0]) == reason


def test_a_reply_that_cannot_be_written_is_an_error() -> None:
    desk = Desk()
    desk.calls.reply = {b"result": b"ok", b"what": object()}  # type: ignore[dict-item]
    assert error_in(desk.take(b"1_1 " + QUERY)[0]).startswith(b"Internal error: ")
    assert (desk.counters.failures, desk.peer().client.queued) == (1, 0)


def test_closing() -> None:
    desk = Desk()
    desk.take(b"1_1 " + QUERY)
    idle: list[bool] = []
    desk.handler.close(lambda: idle.append(True))
    assert error_in(desk.take(b"1_2 " + QUERY)[0]) == b"Parallel session limit reached"
    assert not idle
    desk.calls.waiting[0]({b"result": b"ok"})
    assert idle
    assert desk.take(b"1_1 " + QUERY) == [b"1_1 " + OK]


HOSTILE = [
    b"1 d" + b"l" * 60_000,
    b"1 " + b"d1:a" * 15_000,
    b"1 d" + b"".join(b"%d:%di1e" % (len(str(n)), n) for n in range(6000)) + b"e",
    b"1 d" + b"7:command4:ping" * 4000 + b"e",
    b"1 d7:command7:unknown" + b"7:call-id1:c" * 4000 + b"e",
    b'1 {"a":' + b"[" * 60_000,
    b"1 {" + b'"a":{' * 12_000,
    b'1 {"command":' + b"9" * 60_000 + b"}",
    b'1 {"command":"query","call-id":"\\ud800"}',
    b"1 d7:command5:query7:call-id99999999999:xe",
    b"1 d7:command5:query7:call-id2:\xff\xfee",
    b"1 d7:commandi" + b"9" * 50_000 + b"ee",
    b"1 " + bytes(60_000),
]


@pytest.mark.parametrize("message", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_messages_are_answered_or_dropped(message: bytes) -> None:
    desk = Desk()
    desk.calls.reply = {b"result": b"ok"}
    assert len(desk.take(message)) == 1
    assert desk.counters.failures == 0


WORDS = [
    b"d",
    b"l",
    b"e",
    b"i1e",
    b"7:command",
    b"5:offer",
    b"4:list",
    b"7:call-id",
    b"1:\xff",
    b"3:sdp",
    b"0:",
    b"{",
    b" ",
]


@given(st.binary(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=25).map(b"".join))
def test_no_message_raises_or_stays_without_an_end(message: bytes) -> None:
    desk = Desk()
    desk.calls.reply = {b"result": b"ok"}
    if b"4:list" in message:
        message = message.replace(b"4:list", b"4:ping")  # that one needs a loop
    sent = desk.take(b"1 " + message)
    assert len(sent) == 1
    assert desk.counters.failures == 0
    assert desk.peer().client.queued == 0
    assert desk.take(b"1 " + message) == sent
