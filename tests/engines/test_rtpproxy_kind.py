from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from engines.kind import MalformedReply, Operation, RelayKind, Untranslatable
from engines.ng.bencode import NgDict
from engines.request import NodeRequest
from engines.rtpproxy.kind import RtpproxyKind
from engines.sdp.tcp import TcpStreams
from events.names import NO_TAG, RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told, run
from tests.engines.sdp_bodies import AUDIO, TWO_STREAMS, WITH_TCP

KIND: RelayKind = RtpproxyKind()
OFFER: NgDict = {b"command": b"offer", b"call-id": b"client's", b"from-tag": b"ft", b"sdp": AUDIO}
ANSWER: NgDict = {**OFFER, b"command": b"answer", b"to-tag": b"tt"}
NO_PACKETS: NgDict = {b"stats": {b"packets": 0}}
NOT_FOUND = {b"result": b"ok", b"warning": b"Call-ID not found or tags didn't match"}


def operation(verb: Verb, request: NgDict) -> Operation:
    return Operation(verb=verb, relay_id=RelayId("abc@h-1"), request=NodeRequest(request))


def ask(verb: Verb, request: NgDict, *replies: bytes) -> tuple[list[bytes], Told]:
    """Do an operation of one round, with the replies in order."""
    rest = iter(replies)
    asked, reply = run(KIND.perform(operation(verb, request)), lambda _: next(rest))
    return [command for commands in asked for command in commands], reply


def test_an_offer_is_one_u_a_live_stream() -> None:
    commands, reply = ask(Verb.OFFER, {**OFFER, b"sdp": TWO_STREAMS}, b"35000 203.0.113.5\n", b"35004 203.0.113.5\n")

    assert commands == [b"Uc0,8 abc@h-1 10.0.0.1 4000 ft;1", b"Uc96 abc@h-1 10.0.0.1 4002 ft;2"]
    sdp = reply[b"sdp"]
    assert isinstance(sdp, bytes)
    assert reply == {b"result": b"ok", b"sdp": sdp}
    assert b"\r\nc=IN IP4 203.0.113.5\r\n" in sdp
    assert b"m=video 35004 " in sdp
    assert b"m=audio 0 RTP/AVP 0\r\nc=IN IP4 10.0.0.9\r\n" in sdp


@pytest.mark.parametrize("name", [b"9" * 5000, b"\xb2", b"-1", b"x"])
def test_what_is_no_payload_type_is_passed_without_any(name: bytes) -> None:
    commands, reply = ask(Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"AVP 0", b"AVP " + name)}, b"35000 1.2.3.4\n")
    assert commands == [b"U abc@h-1 10.0.0.1 4000 ft;1"]
    assert reply.ok


def test_an_answer_is_one_l_a_live_stream() -> None:
    commands, reply = ask(Verb.ANSWER, ANSWER, b"35002 203.0.113.5\n")
    assert commands == [b"Lc0,8 abc@h-1 10.0.0.1 4000 ft;1 tt;1"]
    assert reply.ok


def test_an_offer_of_the_callee_has_its_tags_as_the_request() -> None:
    commands, _ = ask(Verb.OFFER, {**OFFER, b"from-tag": b"tt", b"to-tag": b"ft"}, b"35002 203.0.113.5\n")
    assert commands == [b"Uc0,8 abc@h-1 10.0.0.1 4000 tt;1 ft;1"]


def test_options_and_addresses_of_the_request() -> None:
    request: NgDict = {**OFFER, b"flags": [b"asymmetric"], b"direction": [b"int", b"ext"], b"replace": [b"origin"]}
    request |= {b"received-from": [b"IP6", b"2001:db8::7"], b"media-address": b"198.51.100.1"}
    commands, reply = ask(Verb.OFFER, request, b"35000 203.0.113.5\n")
    assert commands == [b"Uaie6c0,8 abc@h-1 2001:db8::7 4000 ft;1"]
    assert reply[b"sdp"] == AUDIO.replace(b"10.0.0.1", b"198.51.100.1").replace(b"4000", b"35000")


def relayed_with(wish: TcpStreams, verb: Verb, request: NgDict) -> Told:
    """Do an offer or answer of which one stream is relayed."""
    perform = RtpproxyKind(wish).perform(operation(verb, request))
    return run(perform, lambda command: b"35000 203.0.113.5\n" if b";1" in command else b"E1\n")[1]


@pytest.mark.parametrize("verb", [Verb.OFFER, Verb.ANSWER])
def test_a_stream_over_tcp_costs_nothing_but_itself(verb: Verb) -> None:
    request = {**(OFFER if verb == Verb.OFFER else ANSWER), b"sdp": WITH_TCP}
    relayed = WITH_TCP.replace(b"10.0.0.1\r\nt", b"203.0.113.5\r\nt").replace(b"4000", b"35000")
    off = relayed_with(TcpStreams.OFF, verb, request)
    assert off == {b"result": b"ok", b"sdp": relayed.replace(b"message 7000", b"message 0")}

    untouched = relayed_with(TcpStreams.PASS, verb, request)
    own_address = relayed.replace(b"MSRP *\r\n", b"MSRP *\r\nc=IN IP4 10.0.0.1\r\n")
    assert untouched == {b"result": b"ok", b"sdp": own_address}

    with pytest.raises(Untranslatable, match="TCP/MSRP"):
        relayed_with(TcpStreams.REFUSE, verb, request)


@pytest.mark.parametrize("wish", TcpStreams)
def test_a_session_cannot_begin_with_streams_over_tcp_alone(wish: TcpStreams) -> None:
    request: NgDict = {**OFFER, b"sdp": AUDIO.replace(b"RTP/AVP", b"TCP/BFCP")}
    with pytest.raises(Untranslatable, match="UDP only, not the TCP/BFCP"):
        relayed_with(wish, Verb.OFFER, request)


def test_lines_that_end_in_cr_alone_are_refused() -> None:
    """They would go on with the parties' own addresses in them: a phone may take such lines for lines."""
    commands, reply = ask(Verb.OFFER, {**OFFER, b"sdp": AUDIO.replace(b"\r\n", b"\r")})
    assert commands == []
    assert reply[b"result"] == b"error"
    assert b"CR" in reply[b"error-reason"]  # type: ignore[operator]


def test_an_sdp_without_live_streams_needs_no_node() -> None:
    body = AUDIO.replace(b"4000", b"0")
    assert ask(Verb.OFFER, {**OFFER, b"sdp": body}) == ([], {b"result": b"ok", b"sdp": body})


@pytest.mark.parametrize(
    ("reply", "reason", "limit"),
    [
        (b"E71\n", b"Ran out of ports", True),
        (b"E72\n", b"Ran out of ports", True),
        (b"E98\n", b"Load limit exceeded", True),
        (b"E99\n", b"Load limit exceeded", True),
        (b"0\n", b"Unknown call-id", False),
        (b"E50\n", b"Unknown call-id", False),
        (b"E12\n", b"the rtpproxy refused it: E12, option i: the relay has one address only", False),
        (b"35000\n", b"the rtpproxy does not tell its address", False),
    ],
)
def test_refusals(reply: bytes, reason: bytes, limit: bool) -> None:
    _, said = ask(Verb.OFFER, {**OFFER, b"sdp": TWO_STREAMS}, b"35000 203.0.113.5\n", reply)
    text = said[b"error-reason"]
    assert isinstance(text, bytes)
    assert text.startswith(reason)
    assert said == {b"result": b"error", b"error-reason": text}
    assert said.limit is limit


def test_a_node_without_an_address_and_a_media_address() -> None:
    _, reply = ask(Verb.OFFER, {**OFFER, b"media-address": b"198.51.100.1"}, b"35000\n")
    assert reply[b"sdp"] == AUDIO.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 198.51.100.1").replace(b"4000", b"35000")


def test_the_address_family_is_for_the_interfaces_to_bring_about() -> None:
    request: NgDict = {**OFFER, b"address-family": b"IP6"}
    with pytest.raises(Untranslatable, match=r"address-family IP6: .* direction"):
        KIND.perform(operation(Verb.OFFER, request))
    bridged: NgDict = {**request, b"direction": [b"internal", b"external"]}
    assert ask(Verb.OFFER, bridged, b"35000 2001:db8::5 6\n")[1].ok
    _, reply = ask(Verb.OFFER, bridged, b"35000 203.0.113.5\n")
    assert reply[b"error-reason"] == b"the rtpproxy gave an IP4 address, which is not the address-family wanted"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({b"from-tag": b"ft"}, b"No SDP body in message"),
        ({b"from-tag": b"ft", b"sdp": b"--x\r\n"}, b"Failed to parse SDP: line 1: a multipart body"),
        ({b"from-tag": b"ft", b"sdp": b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n"}, b"Failed to parse SDP: line 2: no c="),
    ],
)
def test_an_unusable_body_is_an_error_and_nothing_is_sent(request_: NgDict, reason: bytes) -> None:
    commands, reply = ask(Verb.OFFER, request_)
    text = reply[b"error-reason"]
    assert commands == []
    assert isinstance(text, bytes)
    assert text.startswith(reason)


@pytest.mark.parametrize(
    ("verb", "request_", "name"),
    [
        (Verb.OFFER, {b"sdp": AUDIO}, "from-tag"),
        (Verb.OFFER, {b"from-tag": b"a b", b"sdp": AUDIO}, "from-tag"),
        (Verb.ANSWER, {**ANSWER, b"to-tag": b"x\nD abc"}, "to-tag"),
        (Verb.DELETE, {}, "from-tag"),
        (Verb.DELETE, {b"from-tag": 1}, "from-tag"),
        (Verb.QUERY, {}, "from-tag"),
        (Verb.OFFER, {**OFFER, b"ICE": b"force"}, "ice force"),
        (Verb.PLAY_DTMF, OFFER, "play DTMF is not something an rtpproxy can do"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(verb: Verb, request_: NgDict, name: str) -> None:
    with pytest.raises(Untranslatable, match=name):
        KIND.perform(operation(verb, request_))


def counting(counters: Mapping[bytes, bytes], deleted: bytes = b"0\n") -> Callable[[bytes], bytes]:
    """Answer a Q by its from-tag, and a D."""
    return lambda command: deleted if command.startswith(b"D") else counters.get(command.split()[2], b"E50\n")


def test_a_teardown_asks_for_counters_and_deletes_all_streams_at_once() -> None:
    replies = {b"ft;1": b"60 5 3 8 0\n"}
    exchange = KIND.perform(KIND.teardown(RelayId("abc@h-1"), Tag("ft"), Tag("tt")))
    asked, reply = run(exchange, counting(replies))

    assert asked == [[b"Q abc@h-1 ft;1 tt;1", b"Q abc@h-1 ft;2 tt;2"], [b"D abc@h-1 ft tt"]]
    assert reply == {
        b"result": b"ok",
        b"tags": {
            b"ft": {b"tag": b"ft", b"medias": [{b"index": 1, b"streams": [{b"stats": {b"packets": 5}}]}]},
            b"tt": {b"tag": b"tt", b"medias": [{b"index": 1, b"streams": [{b"stats": {b"packets": 3}}]}]},
        },
        b"totals": {b"RTP": {b"packets": 8, b"errors": 0}},
    }


def test_a_teardown_before_the_answer_has_one_tag() -> None:
    asked, reply = run(
        KIND.perform(KIND.teardown(RelayId("abc@h-1"), Tag("ft"), NO_TAG)), counting({b"ft;1": b"60 0 0 0 0\n"})
    )
    assert asked[-1] == [b"D abc@h-1 ft"]
    assert list(reply[b"tags"]) == [b"ft"]  # type: ignore[arg-type]


def test_streams_are_counted_to_the_last() -> None:
    replies = {b"ft;%d" % medium: b"60 1 0 1 2\n" for medium in (2, 3, 4, 5)}
    _, reply = run(KIND.perform(KIND.knows(RelayId("abc@h-1"), Tag("ft"), Tag("tt"))), counting(replies))
    assert reply[b"totals"] == {b"RTP": {b"packets": 4, b"errors": 8}}


def test_a_session_that_is_gone_is_deleted() -> None:
    exchange = KIND.perform(KIND.teardown(RelayId("abc@h-1"), Tag("ft"), Tag("tt")))
    asked, reply = run(exchange, counting({}, b"E50\n"))
    assert reply == NOT_FOUND
    assert reply.unknown
    assert asked[-1] == [b"D abc@h-1 ft tt"]

    fatal = KIND.perform(operation(Verb.DELETE, {b"from-tag": b"ft", b"flags": [b"fatal"]}))
    assert run(fatal, counting({}, b"E50\n"))[1][b"result"] == b"error"


def test_a_refused_delete_is_an_error() -> None:
    exchange = KIND.perform(KIND.teardown(RelayId("abc@h-1"), Tag("ft"), Tag("tt")))
    _, reply = run(exchange, lambda _: b"E99\n")
    assert reply == {b"result": b"error", b"error-reason": b"Load limit exceeded"}
    assert not reply.unknown


@pytest.mark.parametrize("narrowing", [{b"via-branch": b"br1"}, {b"flags": [b"to-tag"]}])
def test_a_clients_delete_of_a_part_leaves_the_session(narrowing: NgDict) -> None:
    commands, reply = ask(Verb.DELETE, {b"from-tag": b"ft", b"to-tag": b"tt", **narrowing})
    assert commands == []
    assert reply.ok
    assert not reply.unknown


def test_a_query_of_an_unknown_session() -> None:
    _, reply = run(KIND.perform(KIND.knows(RelayId("abc@h-1"), Tag("ft"), Tag("tt"))), lambda _: b"E50\n")
    assert reply == {b"result": b"error", b"error-reason": b"Unknown call-id"}
    assert reply.unknown


def test_ping() -> None:
    assert run(KIND.ping(), lambda _: b"20040107\n") == ([[b"V"]], {b"result": b"pong"})
    assert run(KIND.ping(), lambda _: b"E98\n")[1][b"result"] == b"error"


@pytest.mark.parametrize("reply", [b"20030101\n", b"hello\n"])
def test_a_ping_that_no_rtpproxy_answers(reply: bytes) -> None:
    with pytest.raises(MalformedReply):
        run(KIND.ping(), lambda _: reply)


def test_a_reply_that_is_none_is_malformed() -> None:
    with pytest.raises(MalformedReply):
        ask(Verb.OFFER, OFFER, b"nonsense\n")


def test_an_id_that_is_not_utf_8_comes_back_as_the_bytes_it_was() -> None:
    name = b"caf\xe9@h".decode("utf-8", "surrogateescape")
    asked, _ = run(KIND.perform(KIND.teardown(RelayId(name), Tag("ft"), NO_TAG)), lambda _: b"E50\n")
    assert asked[-1] == [b"D caf\xe9@h ft"]
