"""The exact bytes for the dispatcher, and what its answers come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.kind import MalformedReply, Operation, RelayKind, Untranslatable
from engines.media_request import MediaRequest
from engines.mediaproxy.commands import MAX_LINE
from engines.mediaproxy.kind import MediaproxyKind
from engines.ng.bencode import NgDict
from engines.request import NodeRequest
from events.names import NO_TAG, RelayId, Tag
from events.verb import SdpVerb, Verb
from tests.engines.exchanges import Told, run
from tests.engines.sdp_bodies import AUDIO, ICE, TWO_STREAMS

KIND: RelayKind = MediaproxyKind()
OFFER: NgDict = {b"command": b"offer", b"call-id": b"client's", b"from-tag": b"ft", b"sdp": AUDIO}
ANSWER: NgDict = {**OFFER, b"command": b"answer", b"to-tag": b"tt"}
REMOVE = b"remove\r\ncall_id: abc@h#2\r\nfrom_tag: ft\r\nto_tag: tt\r\n\r\n"
NOT_FOUND = {b"result": b"ok", b"warning": b"Call-ID not found or tags didn't match"}


def operation(verb: Verb, request: NgDict, *, alone: bool = False) -> Operation:
    return Operation(verb=verb, relay_id=RelayId("abc@h#2"), request=NodeRequest(request), alone=alone)


def ask(verb: Verb, request: NgDict, *replies: bytes, alone: bool = False) -> tuple[list[bytes], Told]:
    """Do an operation with the replies in order, and return the commands and what came of it."""
    rest = iter(replies)
    asked, reply = run(KIND.perform(operation(verb, request, alone=alone)), lambda _: next(rest))
    assert list(rest) == []
    return [command for commands in asked for command in commands], reply


def update(*lines: bytes, kind: bytes = b"request", to_tag: bytes = b"") -> bytes:
    """Return the update of a request that says no more than it has to."""
    head = [b"update", b"type: " + kind, b"dialog_id: ", b"call_id: abc@h#2", b"cseq: 1", b"from_uri: unknown"]
    head += [b"to_uri: unknown", b"from_tag: ft", b"to_tag: " + to_tag, b"user_agent: unknown agent"]
    return b"\r\n".join([*head, b"signaling_ip: 10.0.0.1", b"media_relay: ", *lines, b"", b""])


def test_an_offer_is_an_update_of_type_request() -> None:
    commands, reply = ask(Verb.OFFER, OFFER, b"203.0.113.5 50000\r\n")
    assert commands == [update(b"media: audio:10.0.0.1:4000:sendrecv:ice=no")]
    sdp = AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 203.0.113.5").replace(b"4000", b"50000")
    assert reply == {b"result": b"ok", b"sdp": sdp}


def test_an_answer_is_an_update_of_type_reply() -> None:
    commands, reply = ask(Verb.ANSWER, ANSWER, b"203.0.113.5 50002")
    media = b"media: audio:10.0.0.1:4000:sendrecv:ice=no"
    assert commands == [update(media, kind=b"reply", to_tag=b"tt")]
    assert reply.ok


def test_what_the_caller_knows_of_the_sip_message() -> None:
    known: NgDict = {
        b"cseq": 4711,
        b"from-uri": b"sip:alice@a.example",
        b"to_uri": b"sip:bob@b.example",
        b"User-Agent": b"Phone 1.0 (b)",
        b"received-from": [b"IP4", b"192.0.2.77"],
        b"dialog-id": b"8f3:6ad",
        b"media-relay": b"203.0.113.5",
    }
    commands, _ = ask(Verb.OFFER, {**OFFER, **known}, b"203.0.113.5 50000")
    (command,) = commands
    assert command == (
        b"update\r\ntype: request\r\ndialog_id: 8f3:6ad\r\ncall_id: abc@h#2\r\ncseq: 4711\r\n"
        b"from_uri: sip:alice@a.example\r\nto_uri: sip:bob@b.example\r\nfrom_tag: ft\r\nto_tag: \r\n"
        b"user_agent: Phone 1.0 (b)\r\nsignaling_ip: 192.0.2.77\r\nmedia_relay: 203.0.113.5\r\n"
        b"media: audio:10.0.0.1:4000:sendrecv:ice=no\r\n\r\n"
    )


def test_each_stream_has_a_port_and_rtcp_the_next_and_one_that_is_off_is_told_of_and_left_alone() -> None:
    commands, reply = ask(Verb.OFFER, {**OFFER, b"sdp": TWO_STREAMS}, b"203.0.113.5 50000 50004 0")
    media = b"media: audio:10.0.0.1:4000:sendrecv:ice=no,video:10.0.0.1:4002:sendrecv:ice=no,"
    assert commands == [update(media + b"audio:0.0.0.0:0:sendrecv:ice=no")]
    sdp = TWO_STREAMS.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 203.0.113.5")
    sdp = sdp.replace(b"m=audio 4000", b"m=audio 50000").replace(b"m=video 4002", b"m=video 50004")
    assert reply[b"sdp"] == sdp.replace(b"a=rtcp:4103 IN IP4 10.0.0.1", b"a=rtcp:50005 IN IP4 203.0.113.5")


@pytest.mark.parametrize(("direction", "said"), [(b"sendonly", b"sendonly"), (b"inactive", b"inactive")])
def test_the_direction_of_a_stream(direction: bytes, said: bytes) -> None:
    commands, _ = ask(Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"sendrecv", direction)}, b"203.0.113.5 50000")
    assert b"media: audio:10.0.0.1:4000:%s:ice=no" % said in commands[0]


def test_hold_by_address_reaches_the_relay_and_stays_in_the_sdp() -> None:
    body = AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 0.0.0.0")
    commands, reply = ask(Verb.OFFER, {**OFFER, b"sdp": body}, b"203.0.113.5 50000")
    assert b"media: audio:0.0.0.0:4000:" in commands[0]
    assert reply[b"sdp"] == body.replace(b"4000", b"50000")


@pytest.mark.parametrize("more", [{}, {b"ICE": b"remove"}, {b"ICE": b"optional"}])
def test_candidates_neither_count_nor_go_on(more: NgDict) -> None:
    commands, reply = ask(Verb.OFFER, {**OFFER, b"sdp": ICE, **more}, b"203.0.113.5 50000")
    assert b"media: audio:10.0.0.1:4000:sendrecv:ice=no" in commands[0]
    assert b"a=candidate" not in bytes(reply[b"sdp"])  # type: ignore[arg-type]


def test_what_else_is_changed_in_the_sdp() -> None:
    wishes: NgDict = {b"media-address": b"198.51.100.1", b"replace": [b"origin"]}
    _, reply = ask(Verb.OFFER, {**OFFER, **wishes}, b"203.0.113.5 50000")
    assert reply[b"sdp"] == AUDIO.replace(b"10.0.0.1", b"198.51.100.1").replace(b"4000", b"50000")


def test_what_a_call_wants_is_said_with_words_as_flags() -> None:
    wanted = MediaRequest(
        verb=Verb.OFFER,
        from_tag=Tag("ft"),
        sdp=ICE,
        ctx_flags="replace-origin",
        flags="ICE=remove media-relay=203.0.113.5",
        type="rtp/avp",
        in_iface="lan",
        out_iface="lan",
        ip="198.51.100.1",
        received_from="192.0.2.77",
    )
    commands, reply = ask(Verb.OFFER, KIND.request(wanted).words, b"203.0.113.5 50000")
    assert b"\r\nsignaling_ip: 192.0.2.77\r\nmedia_relay: 203.0.113.5\r\n" in commands[0]
    assert commands[0].endswith(b"ice=no\r\n\r\n")
    assert bytes(reply[b"sdp"]).count(b"198.51.100.1") == 2  # type: ignore[arg-type]
    with pytest.raises(Untranslatable, match="direction"):
        KIND.perform(operation(Verb.OFFER, KIND.request(replace(wanted, out_iface="wan")).words))


@pytest.mark.parametrize("verb", [Verb.OFFER, Verb.ANSWER, Verb.DELETE])
def test_no_flag_can_take_the_place_of_what_the_call_says(verb: SdpVerb | Literal[Verb.DELETE]) -> None:
    wanted = MediaRequest(
        verb=verb, from_tag=Tag("ft"), to_tag=Tag("tt"), sdp=AUDIO, flags="sdp=x command=y", delete="to-tag"
    )
    if verb == Verb.DELETE:
        assert KIND.request(wanted).words == {b"command": b"delete", b"from-tag": b"ft", b"to-tag": b"tt"}
    else:
        with pytest.raises(Untranslatable, match="flags: sdp"):
            KIND.request(wanted)


def test_an_sdp_without_streams_needs_no_node() -> None:
    body = AUDIO.partition(b"m=")[0]
    assert ask(Verb.OFFER, {**OFFER, b"sdp": body}) == ([], {b"result": b"ok", b"sdp": body})


def test_an_error_for_a_new_session_sends_the_client_to_another_node() -> None:
    _, reply = ask(Verb.OFFER, OFFER, b"error")
    assert reply.limit
    assert b"`error`" in bytes(reply[b"message"])  # type: ignore[arg-type]


@pytest.mark.parametrize(("verb", "request_"), [(Verb.ANSWER, ANSWER), (Verb.OFFER, {**OFFER, b"to-tag": b"tt"})])
def test_an_error_for_a_session_that_is_there_is_an_error_with_a_reason(verb: Verb, request_: NgDict) -> None:
    _, reply = ask(verb, request_, b"error")
    assert reply[b"result"] == b"error"
    assert b"`error`" in bytes(reply[b"error-reason"])  # type: ignore[arg-type]
    assert not reply.limit
    assert not reply.unknown


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"203.0.113.5 50000 50002", b"the relay gave 2 ports for 3 streams"),
        (b"203.0.113.5 50000 0 0", b"the relay has closed stream 2, which the SDP goes on with"),
    ],
)
def test_ports_that_are_missing(answer: bytes, reason: bytes) -> None:
    _, reply = ask(Verb.OFFER, {**OFFER, b"sdp": TWO_STREAMS}, answer)
    assert reply == {b"result": b"error", b"error-reason": reason}


@pytest.mark.parametrize(
    "answer", [b"", b"None", b"203.0.113.5", b"relay 50000", b"203.0.113.5 70000", b"203.0.113.5 x", b"removed"]
)
def test_an_answer_that_is_none_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedReply):
        ask(Verb.OFFER, OFFER, answer)
    if answer != b"removed":
        with pytest.raises(MalformedReply):
            run(KIND.perform(KIND.teardown(RelayId("abc"), Tag("ft"), NO_TAG)), lambda _: answer)


def test_a_teardown_names_the_session_exactly() -> None:
    asked, reply = run(KIND.perform(KIND.teardown(RelayId("abc@h#2"), Tag("ft"), Tag("tt"))), lambda _: b"removed")
    assert asked == [[REMOVE]]
    assert reply == {b"result": b"ok"}
    asked, _ = run(KIND.perform(KIND.teardown(RelayId("abc@h#2"), Tag("ft"), NO_TAG)), lambda _: b"removed")
    assert asked == [[REMOVE.replace(b"to_tag: tt", b"to_tag: ")]]


def test_a_removal_that_is_refused_is_made_certain_of() -> None:
    request: NgDict = {b"from-tag": b"ft", b"to-tag": b"tt"}
    commands, reply = ask(Verb.DELETE, request, b"error", b"None", b"removed", alone=True)
    assert commands[0] == commands[2] == REMOVE
    head, _, rest = commands[1].partition(b"\r\n")
    assert head == b"update"
    assert b"call_id: abc@h#2\r\n" in rest
    assert b"media:" not in rest
    assert reply == NOT_FOUND
    assert reply.unknown
    _, reply = ask(Verb.DELETE, {**request, b"flags": [b"fatal"]}, b"error", b"None", b"removed", alone=True)
    assert reply[b"result"] == b"error"
    assert reply.unknown


@pytest.mark.parametrize("answers", [(b"error", b"error"), (b"error", b"None", b"error")])
def test_a_removal_that_may_have_left_something_is_no_removal(answers: tuple[bytes, ...]) -> None:
    _, reply = ask(Verb.DELETE, {b"from-tag": b"ft"}, *answers, alone=True)
    assert reply[b"result"] == b"error"
    assert not reply.unknown


def test_a_removal_among_others_that_is_refused_makes_nothing() -> None:
    commands, reply = ask(Verb.DELETE, {b"from-tag": b"ft", b"to-tag": b"tt"}, b"error")
    assert commands == [REMOVE]
    assert reply[b"result"] == b"error"
    assert not reply.unknown


@pytest.mark.parametrize("narrowing", [{b"via-branch": b"br1"}, {b"flags": [b"to-tag"]}])
def test_a_clients_delete_of_a_part_leaves_the_session(narrowing: NgDict) -> None:
    commands, reply = ask(Verb.DELETE, {b"from-tag": b"ft", b"to-tag": b"tt", **narrowing})
    assert commands == []
    assert reply.ok
    assert not reply.unknown


def test_a_ping_names_no_call_and_any_answer_will_do() -> None:
    assert run(KIND.ping(), lambda _: b"error\r\n") == ([[b"remove\r\n\r\n"]], {b"result": b"pong"})
    with pytest.raises(MalformedReply):
        run(KIND.ping(), lambda _: b"20040107")


@pytest.mark.parametrize(
    ("verb", "request_", "name"),
    [
        (Verb.QUERY, OFFER, "query is not something that MediaProxy can do"),
        (Verb.START_RECORDING, OFFER, "start recording is not"),
        (Verb.OFFER, {b"sdp": AUDIO}, "from-tag"),
        (Verb.OFFER, {**OFFER, b"from-tag": [b"x"]}, "not strings"),
        (Verb.OFFER, {**OFFER, b"from-tag": b"\xff"}, "from-tag"),
        (Verb.DELETE, {}, "from-tag"),
        (Verb.OFFER, {**OFFER, b"cseq": b"one"}, "cseq"),
        (Verb.OFFER, {**OFFER, b"cseq": 2**31}, "cseq"),
        (Verb.OFFER, {**OFFER, b"dialog-id": b"1\r\nmedia: x"}, "dialog-id"),
        (Verb.OFFER, {**OFFER, b"media-relay": [b"x"]}, "media-relay"),
        (Verb.OFFER, {**OFFER, b"received-from": b"somewhere"}, "received-from"),
        (Verb.OFFER, {**OFFER, b"media-address": b"a b"}, "media-address"),
        (Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"IP4", b"IP6").replace(b"10.0.0.1", b"::1")}, "sdp: .* IPv4"),
        (Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"10.0.0.1", b"pc.example")}, "sdp: .* IPv4"),
        (Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"m=audio", b"m=a,b")}, "sdp: .* media type"),
        (Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"RTP/AVP", b"TCP/MSRP")}, "sdp: .* UDP only"),
        (Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"4000", b"4000/2")}, "sdp: .* one port"),
        (Verb.OFFER, {**OFFER, b"sdp": AUDIO + b"m=audio 9 RTP/AVP 0\r\n" * 700}, "media: .* too long"),
        (Verb.OFFER, {**OFFER, b"ICE": b"force"}, "ice force"),
        (Verb.OFFER, {**OFFER, b"flags": [b"trust address", b"asymmetric"]}, "flags asymmetric"),
        (Verb.OFFER, {**OFFER, b"address-family": b"IP6"}, "address-family ip6"),
        (Verb.OFFER, {**OFFER, b"direction": [b"in", b"out"]}, "direction in, out"),
        (Verb.OFFER, {**OFFER, b"transport-protocol": b"RTP/SAVP"}, "transport-protocol rtp/savp"),
        (Verb.OFFER, {**OFFER, b"rtcp-mux": [b"offer"]}, "rtcp-mux offer"),
        (Verb.OFFER, {**OFFER, b"codec": {b"transcode": [b"opus"]}}, "codec"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(verb: Verb, request_: NgDict, name: str) -> None:
    with pytest.raises(Untranslatable, match=name):
        KIND.perform(operation(verb, request_))


def test_what_asks_for_nothing_is_no_reason_to_refuse() -> None:
    harmless: NgDict = {b"direction": [b"int", b"int"], b"address-family": b"IP4", b"ICE": b"optional"}
    harmless |= {b"flags": [b"trust-address", b"symmetric"], b"transport-protocol": b"RTP/AVP", b"record call": b"no"}
    assert ask(Verb.OFFER, {**OFFER, **harmless}, b"203.0.113.5 50000")[1].ok


@pytest.mark.parametrize(
    ("body", "reason"),
    [(None, b"No SDP body in message"), (b"--x\r\n", b"Failed to parse SDP: line 1: a multipart body")],
)
def test_an_unusable_body_is_an_error_and_nothing_is_sent(body: bytes | None, reason: bytes) -> None:
    request: NgDict = {b"from-tag": b"ft"} if body is None else {b"from-tag": b"ft", b"sdp": body}
    commands, reply = ask(Verb.OFFER, request)
    assert commands == []
    assert bytes(reply[b"error-reason"]).startswith(reason)  # type: ignore[arg-type]


HOSTILE = st.binary(max_size=20) | st.sampled_from(
    [b"x\r\n\r\nremove\r\n", b"a\r\nmedia: b", b"a\n", b"\r", b"\0", b": "]
)


@given(
    st.dictionaries(
        st.sampled_from(b"cseq from-uri to-uri user-agent dialog-id media-relay received-from from-tag to-tag".split()),
        HOSTILE,
    ),
    HOSTILE,
)
def test_no_value_can_add_a_header_or_a_command(values: dict[bytes, bytes], relay_id: bytes) -> None:
    name = relay_id.decode("utf-8", "surrogateescape")
    try:
        commands = next(
            KIND.perform(Operation(verb=Verb.OFFER, relay_id=RelayId(name), request=NodeRequest({**OFFER, **values})))
        )
    except Untranslatable:
        return
    (command,) = commands
    lines = command.split(b"\r\n")
    assert [line.partition(b": ")[0].decode() for line in lines] == [
        *("update", "type", "dialog_id", "call_id", "cseq", "from_uri", "to_uri", "from_tag", "to_tag"),
        *("user_agent", "signaling_ip", "media_relay", "media", "", ""),
    ]
    assert not any(set(line) & set(range(32)) or len(line) > MAX_LINE for line in lines)
    command.decode()


def test_free_text_is_cleaned_and_cut_rather_than_refused() -> None:
    request: NgDict = {**OFFER, b"user-agent": b"Phone\r\n 1\xff" + b"x" * 5000, b"from-uri": b" \r\n"}
    commands, _ = ask(Verb.OFFER, request, b"203.0.113.5 50000")
    assert b"\r\nuser_agent: Phone 1" + b"x" * 502 + b"\r\n" in commands[0]
    assert b"\r\nfrom_uri: unknown\r\n" in commands[0]
