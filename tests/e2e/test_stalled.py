"""A control node that stands still while its clients go on at another, and requests that no server would send."""

from __future__ import annotations

import asyncio
import random

import pytest

from engines.ng.bencode import NgDict, NgValue, encode
from tests.e2e.stage import on_stage
from tests.e2e.test_survival import beside
from tests.engines.sdp_bodies import AUDIO, ICE, WITH_TCP
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
async def test_an_offer_that_waited_in_the_socket_is_refused_after_the_delete(
    relay: type[Rtpengine | Rtpproxy],
) -> None:
    async with on_stage(relay()) as stage, beside(stage) as other, other.client() as client:
        call = stage.call()
        stage.service.pause()
        async with stage.service.client(tries=1, timeout=60) as impatient:
            late = asyncio.create_task(call.offer(impatient))
            await asyncio.sleep(0.1)
            await call.offer(client)
            await call.delete(client)
            stage.service.resume()
            with pytest.raises(AssertionError, match="Too late"):
                await late
        await stage.nothing_is_left()


async def test_a_repeat_at_another_control_node_gets_the_same_session() -> None:
    async with on_stage(Rtpengine(), Rtpengine()) as stage, beside(stage) as other, other.client() as client:
        call = stage.call()
        first = await call.offer(stage.client)
        stage.preferred(call.call_id)[0].pause()
        again = await call.offer(client)
        stage.preferred(call.call_id)[0].resume()
        assert again[b"sdp"] == first[b"sdp"]
        assert await stage.held() == 1
        await call.answer(client)
        await call.talk()
        await call.delete(client)
        await stage.nothing_is_left()


KEYS: NgDict = {
    b"flags": [b"trust-address"],
    b"replace": [b"origin"],
    b"ICE": b"remove",
    b"direction": [b"default", b"default"],
    b"received-from": [b"IP4", b"127.0.0.1"],
    b"transport-protocol": b"RTP/AVP",
    b"codec": {b"strip": [b"PCMA"], b"transcode": [b"PCMU"]},
    b"rtcp-mux": [b"offer"],
    b"SDES": [b"off"],
    b"TOS": 184,
    b"via-branch": b"z9hG4bK1",
    b"sdp-attr": {b"audio": {b"add": [b"x"]}},
}
ODD: list[NgValue] = [
    0,
    -1,
    2**63,
    b"",
    b"\0",
    b"\xff\xfe",
    b"a" * 5000,
    [],
    {},
    [[]],
    [{}],
    {b"": b""},
    b"%n%s",
    b"d1:ae",
]


def mutated(chance: random.Random, request: NgDict) -> NgDict:
    changed = dict(request)
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        key = chance.choice(sorted(changed))
        value = changed[key]
        match chance.randrange(4):
            case 0:
                changed[key] = chance.choice(ODD)
            case 1:
                changed[bytes(chance.randrange(32, 127) for _ in range(chance.randrange(8)))] = chance.choice(ODD)
            case 2 if isinstance(value, bytes) and value:
                at = chance.randrange(len(value))
                changed[key] = value[:at] + bytes([chance.randrange(256)]) + value[at + 1 :]
            case _ if key != b"command":
                del changed[key]
        if not changed:
            break
    return changed


def conversation(chance: random.Random, number: int) -> list[NgDict]:
    """Return the requests of a call; parties sometimes take each other's parts."""
    tags = [b"A", b"B", b"C"]
    requests: list[NgDict] = []
    for verb in (b"offer", b"answer", b"offer", b"answer", b"query", b"delete"):
        caller, callee = chance.sample(tags, 2) if chance.random() < 0.3 else tags[:2]
        request: NgDict = {b"command": verb, b"call-id": b"call-%d" % number, b"from-tag": caller}
        if verb == b"answer" or chance.random() < 0.3:
            request[b"to-tag"] = callee
        if verb in (b"offer", b"answer"):
            request[b"sdp"] = chance.choice([AUDIO, ICE, WITH_TCP])
        requests.append(request | {key: KEYS[key] for key in chance.sample(sorted(KEYS), chance.randrange(4))})
    return [
        *(mutated(chance, request) for request in requests),
        {b"command": b"delete", b"call-id": b"call-%d" % number},
    ]


async def test_mutated_requests_end_neither_the_door_nor_the_relay_behind_it() -> None:
    chance = random.Random(4711)
    async with on_stage(Rtpengine(media_ports=300)) as stage:
        async with stage.service.client(tries=2, timeout=8) as client:
            for number in range(150):
                for request in conversation(chance, number):
                    await client.exchange(encode(request))
        assert await stage.relays[0].ready()
        await stage.relays_are_empty()
