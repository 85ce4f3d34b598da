"""rtpengine's side of the relay interface: exact bytes, and a call on a real one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engines.kind import Exchange, MalformedReply, Operation
from engines.media_request import MediaRequest
from engines.ng.bencode import NgDict, encode
from engines.registry import KINDS
from engines.request import NodeRequest
from engines.rtpengine.kind import RtpengineKind
from events.names import NO_TAG, BranchId, RelayId, Tag
from events.verb import Verb
from tests.engines.exchanges import Told
from tests.peers.ng_client import NgClient
from tests.peers.rtpengine import Rtpengine

KIND = RtpengineKind()
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"


def finish(exchange: Exchange, reply: bytes) -> tuple[bytes, Told]:
    """Return the exchange its one reply; return its one command and its result."""
    (command,) = next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send([reply])
    return command, Told(end.value.value)


def test_is_registered() -> None:
    assert KINDS["rtpengine"].name == "rtpengine"
    assert KINDS["rtpengine"].schemes == {"udp"}


def test_a_request_goes_through_untouched_but_for_the_call_id() -> None:
    request: NgDict = {b"command": b"offer", b"call-id": b"client", b"sdp": b"\xff\r\n", b"x": {b"y": [b"z", 0]}}
    command, reply = finish(
        KIND.perform(Operation(verb=Verb.OFFER, relay_id=RelayId("ours"), request=NodeRequest(request))),
        b"d3:sdp1:s6:result2:oke",
    )
    assert command == b"d7:call-id4:ours7:command5:offer3:sdp3:\xff\r\n1:xd1:yl1:zi0eeee"
    assert reply == {b"sdp": b"s", b"result": b"ok"}
    assert request[b"call-id"] == b"client"


def test_a_call_id_that_is_no_utf8_keeps_its_bytes() -> None:
    relay_id = b"\xff\xe9".decode("utf-8", "surrogateescape")
    command, _ = finish(KIND.perform(KIND.knows(RelayId(relay_id), NO_TAG, NO_TAG)), b"d6:result2:oke")
    assert b"7:call-id2:\xff\xe9" in command


def test_ping() -> None:
    assert finish(KIND.ping(), b"d6:result4:ponge") == (b"d7:command4:pinge", {b"result": b"pong"})


def test_teardown_names_no_tag_which_would_narrow_it() -> None:
    operation = KIND.teardown(RelayId("ours"), Tag("f"), Tag("t"))
    assert operation.verb == Verb.DELETE
    command, _ = finish(KIND.perform(operation), b"d6:result2:oke")
    assert command == b"d7:call-id4:ours7:command6:delete12:delete delayi0ee"


@pytest.mark.parametrize("verb", [Verb.PUBLISH, Verb.CREATE, Verb.TRANSFORM])
def test_a_reply_that_repeats_the_call_id_has_the_client_s(verb: Verb) -> None:
    request: NgDict = {b"command": verb.encode(), b"call-id": b"client"}
    exchange = KIND.perform(Operation(verb=verb, relay_id=RelayId("ours"), request=NodeRequest(request)))
    assert finish(exchange, b"d7:call-id4:ours6:result2:oke")[1] == {b"call-id": b"client", b"result": b"ok"}


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"", "not bencode: the data ends too early"),
        (b"d6:result2:ok", "not bencode"),
        (b"E1", "not bencode"),
        (b"l6:result2:oke", "not a dictionary with a result"),
        (b"de", "not a dictionary with a result"),
        (b"d6:resulti1ee", "not a dictionary with a result"),
    ],
)
def test_refuses_a_malformed_reply(reply: bytes, message: str) -> None:
    exchange = KIND.ping()
    next(exchange)
    with pytest.raises(MalformedReply, match=message):
        exchange.send([reply])


@pytest.mark.parametrize(
    ("reply", "ok", "limit", "unknown", "why"),
    [
        ({b"result": b"ok"}, True, False, False, ""),
        ({b"result": b"ok", b"warning": b"careful"}, True, False, False, "careful"),
        ({b"result": b"pong"}, True, False, False, ""),
        ({b"result": b"load limit", b"message": b"too much"}, False, True, False, "too much"),
        ({b"result": b"error", b"error-reason": b"Ran out of ports"}, False, True, False, "Ran out of ports"),
        ({b"result": b"error", b"error-reason": b"Unknown call-id"}, False, False, True, "Unknown call-id"),
        ({b"result": b"error", b"error-reason": b"\xff"}, False, False, False, "\ufffd"),
        ({b"result": b"error", b"error-reason": [b"Ran out of ports"]}, False, False, False, ""),
    ],
)
def test_what_replies_mean(reply: NgDict, ok: bool, limit: bool, unknown: bool, why: str) -> None:
    _, told = finish(KIND.perform(KIND.knows(RelayId("ours"), Tag("f"), NO_TAG)), encode(reply))
    assert (told.ok, told.limit, told.unknown, told.reason) == (ok, limit, unknown, why)
    assert told == reply


async def perform(client: NgClient, exchange: Exchange) -> Told:
    """Run the exchange over a real socket."""
    commands = next(exchange)
    while True:
        try:
            commands = exchange.send([await client.exchange(command) for command in commands])
        except StopIteration as end:
            return Told(end.value)


def request(verb: Verb, **options: bytes) -> Operation:
    """Build what a client asks for its call."""
    keys: NgDict = {name.replace("_", "-").encode(): value for name, value in options.items()}
    message: NgDict = {b"command": verb.encode(), b"call-id": b"client", b"from-tag": b"f", **keys}
    return Operation(verb=verb, relay_id=RelayId("ours"), request=NodeRequest(message))


@pytest.mark.e2e
async def test_a_call_on_a_real_rtpengine() -> None:
    async with Rtpengine() as relay, relay.client() as client:
        assert await perform(client, KIND.ping()) == {b"result": b"pong"}
        assert (await perform(client, KIND.perform(KIND.knows(RelayId("ours"), Tag("f"), NO_TAG)))).unknown

        for verb, options in [(Verb.OFFER, {"sdp": SDP}), (Verb.ANSWER, {"sdp": SDP, "to_tag": b"t"})]:
            reply = await perform(client, KIND.perform(request(verb, **options)))
            assert reply.ok
            assert isinstance(reply[b"sdp"], bytes)
            assert b"m=audio 40000" not in reply[b"sdp"]
        assert await relay.sessions() == ["ours"]

        known = await perform(client, KIND.perform(KIND.knows(RelayId("ours"), Tag("f"), Tag("t"))))
        assert known.ok
        assert not known.unknown

        assert (await perform(client, KIND.perform(KIND.teardown(RelayId("ours"), Tag("f"), Tag("t"))))).ok
        assert await relay.sessions() == []
        assert (await perform(client, KIND.perform(KIND.knows(RelayId("ours"), Tag("f"), Tag("t"))))).unknown
        again = await perform(client, KIND.perform(KIND.teardown(RelayId("ours"), Tag("f"), Tag("t"))))
        assert again.ok


@pytest.mark.e2e
async def test_a_teardown_leaves_nothing_behind_where_the_relay_delays_deletes() -> None:
    async with Rtpengine(delete_delay=30) as relay, relay.client() as client:
        assert (await perform(client, KIND.perform(request(Verb.OFFER, sdp=SDP)))).ok
        assert (await perform(client, KIND.perform(KIND.teardown(RelayId("ours"), Tag("f"), NO_TAG)))).ok
        assert await relay.sessions() == []


@pytest.mark.e2e
async def test_a_full_relay_says_so() -> None:
    async with Rtpengine(max_sessions=0) as relay, relay.client() as client:
        reply = await perform(client, KIND.perform(request(Verb.OFFER, sdp=SDP)))
        assert reply.limit
        assert reply.reason == "Parallel session limit reached"


@pytest.mark.e2e
async def test_the_delete_of_a_branch_leaves_the_other_branch_alone() -> None:
    async with Rtpengine() as relay, relay.client() as client:

        async def ask(media: MediaRequest) -> Told:
            asked = Operation(verb=media.verb, relay_id=RelayId("ours"), request=KIND.request(media))
            reply = await perform(client, KIND.perform(asked))
            assert reply.ok, reply
            return reply

        first = MediaRequest(
            verb=Verb.OFFER, from_tag=Tag("f"), sdp=SDP, branch=BranchId("br0"), flags="trust-address", type="RTP/AVP"
        )
        second = replace(first, branch=BranchId("br1"))
        for offer in (first, second):
            await ask(offer)
        await ask(replace(first, verb=Verb.DELETE))
        assert await relay.sessions() == ["ours"]

        answered = await ask(replace(second, verb=Verb.ANSWER, to_tag=Tag("t")))
        assert isinstance(answered[b"sdp"], bytes)
        assert b"m=audio 40000" not in answered[b"sdp"]
        tags = (await perform(client, KIND.perform(KIND.knows(RelayId("ours"), Tag("f"), Tag("t")))))[b"tags"]
        assert isinstance(tags, dict)
        assert tags.keys() >= {b"f", b"t"}
        await ask(MediaRequest(verb=Verb.DELETE, from_tag=Tag("f"), to_tag=Tag("t")))
        assert await relay.sessions() == []
