"""The same requests, as Kamailio and OpenSIPS send them, to an rtpengine and to the door with an rtpengine behind."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from actors.control.control import Control
from actors.directory import Directory
from actors.engine_actor import EngineActor
from actors.engine_settings import EngineSettings
from actors.node_table import Node, NodeTable
from engines.ng.bencode import NgDict, NgValue, decode, encode
from engines.sets import NodeSpec
from events.memory import MemoryJournal, wall_clock
from events.names import NodeName
from gateways.ng.door import NgDoor, NgSettings
from tests.gateways.doors import LOOPBACK
from tests.peers.bencode import encode as unsorted
from tests.peers.datagram import Address
from tests.peers.ng_client import Encoding, NgClient
from tests.peers.rtpengine import Rtpengine, release

pytestmark = pytest.mark.e2e

GOLDEN = Path(__file__).parents[1] / "engines" / "golden_ng"
CALL = b"a84b4c76e66710@pc33.example.com"
CALLER, CALLEE = b"1928301774", b"a6c85cf"
SDP = (
    b"v=0\r\no=- 7 7 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\n"
    b"m=audio 5000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes().partition(b" ")[2]


def asked(command: bytes, **keys: NgValue) -> bytes:
    return encode({b"command": command, **{key.replace("_", "-").encode(): value for key, value in keys.items()}})


OFFER = golden("kamailio_offer")
ANSWER = unsorted(
    {
        b"supports": [b"load limit"],
        b"sdp": SDP,
        b"ICE": b"remove",
        b"flags": [b"trust-address"],
        b"replace": [b"origin"],
        b"call-id": CALL,
        b"received-from": [b"IP4", b"127.0.0.1"],
        b"from-tag": CALLER,
        b"to-tag": CALLEE,
        b"command": b"answer",
    }
)
OPENSIPS_OFFER = unsorted(
    {
        b"sdp": SDP,
        b"ICE": b"remove",
        b"direction": [b"default", b"default"],
        b"flags": [b"trust-address"],
        b"call-id": b"opensips",
        b"received-from": [b"IP4", b"127.0.0.1"],
        b"from-tag": b"f",
        b"via-branch": b"z9hG4bK1",
        b"command": b"offer",
    }
)
CONVERSATION = [
    golden("kamailio_ping"),
    asked(b"query", call_id=CALL),
    OFFER,
    asked(b"list"),
    ANSWER,
    asked(b"query", call_id=CALL),
    asked(b"block DTMF", call_id=CALL, from_tag=CALLER),
    asked(b"start recording", call_id=CALL),
    OPENSIPS_OFFER,
    asked(b"delete", call_id=b"opensips", from_tag=b"f", to_tag=b"t", via_branch=b"z9hG4bK1"),
    golden("kamailio_delete"),
    golden("kamailio_delete"),
    asked(b"delete", call_id=b"nobody"),
    asked(b"delete", call_id=b"nobody", flags=[b"fatal"]),
    asked(b"answer", call_id=b"nobody", from_tag=b"f", to_tag=b"t", sdp=SDP),
    asked(b"query", call_id=b"nobody"),
    asked(b"list", limit=-1),
    asked(b"list", limit=b"5"),
    asked(b"offer"),
    asked(b"offer", sdp=SDP),
    asked(b"offer", sdp=SDP, call_id=b"c"),
    asked(b"answer", sdp=SDP, call_id=b"c", from_tag=b"f"),
    asked(b"delete"),
    asked(b"query"),
    asked(b"publish", sdp=SDP),
    asked(b"no such thing"),
    b"de",
    b"",
    b"x",
    b"d7:commande",
    b"{",
    b"{}",
    b'{"command":"ping"}',
    b'{"command":"query","call-id":"nobody"}',
    b"d7:commandi3ee",
]  # fmt: skip


@asynccontextmanager
async def door() -> AsyncIterator[NgDoor]:
    """The door, with one rtpengine behind it."""
    async with AsyncExitStack() as stack:
        rtpengine = await stack.enter_async_context(Rtpengine())
        spec = NodeSpec(name=NodeName("one"), engine="rtpengine", url=rtpengine.url)
        engine = EngineActor.start(spec, EngineSettings())
        await (await engine.proxy().connect())
        nodes = NodeTable([Node(spec, engine)])
        journal = MemoryJournal()
        directory = Directory(name="test", journal=journal, nodes=nodes, now=wall_clock)
        listen = [SimpleNamespace(transport=transport, host="127.0.0.1", port=0) for transport in ("udp", "tcp")]
        opened = NgDoor(
            NgSettings(listen=listen, allow=LOOPBACK),
            calls=directory,
            control=Control(journal, nodes),
            now=wall_clock,
            ready=lambda: True,
        )
        await opened.open()
        yield opened
        await opened.close(1)
        await directory.close(1)
        engine.stop(block=False)


async def replies_of(address: Address) -> list[bytes]:
    async with NgClient(address) as client:
        return [await client.exchange(body) for body in CONVERSATION]


def shape(body: bytes) -> object:
    """Return what has to be the same: texts and keys, with every number, address and time made equal."""
    if body.startswith(b"{"):
        return body
    value = decode(body)
    return _shape(value)


def _shape(value: NgValue) -> object:
    match value:
        case dict():
            return {key: _shape(item) for key, item in value.items()}
        case list():
            return [_shape(item) for item in value]
        case int():
            return int
        case bytes():
            return re.sub(rb"\d+", b"0", value)


async def test_the_replies_are_those_of_an_rtpengine() -> None:
    async with Rtpengine() as rtpengine, door() as opened:
        theirs = await replies_of(rtpengine.address)
        ours = await replies_of(opened.addresses[0][1:])
    for request, one, other in zip(CONVERSATION, theirs, ours, strict=True):
        expected, told = shape(one), shape(other)
        if release() >= (12, 5) and isinstance(told, dict) and isinstance(expected, dict) and b"tags" in expected:
            # It tells nothing of a party that a delete without a delay names; ours asks in words that it answers.
            told[b"tags"] = expected[b"tags"]
        assert (request, told) == (request, expected)


@pytest.mark.parametrize(("place", "encoding"), [(0, "bencode"), (0, "json"), (1, "bencode")])
async def test_a_call_over_each_transport_and_encoding(place: int, encoding: Encoding) -> None:
    async with door() as opened, NgClient(opened.addresses[place][1:], tcp=place == 1, encoding=encoding) as client:
        call: dict[str, NgValue | str] = {"call_id": "a call", "from_tag": "f"}
        offer = await client.command("offer", **call, sdp=SDP)
        assert offer[b"result"] == b"ok"
        assert b"c=IN IP4 127.0.0.1" in text(offer[b"sdp"])
        answer = await client.command("answer", **call, to_tag="t", sdp=SDP)
        assert answer[b"result"] == b"ok"
        assert (await client.command("list"))[b"calls"] == [b"a call"]
        deleted = await client.command("delete", **call)
        assert {b"created", b"tags", b"totals", b"result"} <= deleted.keys()
        assert (await client.command("list"))[b"calls"] == []


async def test_statistics_have_the_keys_of_an_rtpengine() -> None:
    async with Rtpengine() as rtpengine, door() as opened:
        async with rtpengine.client() as client:
            theirs = inner(await client.command("statistics"))
        async with NgClient(opened.addresses[0][1:]) as client:
            await client.command("offer", call_id="c", from_tag="f", sdp=SDP)
            ours = inner(await client.command("statistics"))
    assert ours.keys() == theirs.keys() | {b"rtp-relay"}
    own = ours.pop(b"rtp-relay")
    assert isinstance(own, dict)
    assert (own[b"calls"], own[b"nodes"], own[b"nodes-answered"]) == (1, 1, 1)
    current = ours[b"currentstatistics"]
    assert isinstance(current, dict)
    assert current[b"sessionsown"] == 1


def inner(reply: NgDict) -> NgDict:
    statistics = reply[b"statistics"]
    assert isinstance(statistics, dict)
    return statistics


def text(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
