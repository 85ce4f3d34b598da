"""Clients that ask too much, and what is no request at all, while calls go on."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator

import pytest

from tests.e2e.stage import CALLER, Stage, on_stage
from tests.peers import bencode
from tests.peers.bencode import NgDict
from tests.peers.datagram import DatagramSocket
from tests.peers.rtp import make_sdp
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node

pytestmark = pytest.mark.e2e

BOUND = 20
FLOOD = 50
OTHER_HOST = "127.0.0.2"
SDP = make_sdp(("127.0.0.1", 9000)).encode()


async def test_a_client_that_floods_is_told_at_once_and_others_are_served() -> None:
    relays = [Node(f"relay-{number}", Rtpengine(media_ports=190), timeout=10) for number in (1, 2)]
    async with on_stage(*relays, settings={"ng": {"max_queued_per_client": BOUND}}) as stage:
        slow, quick = stage.relays
        slow.pause()
        async with DatagramSocket(OTHER_HOST) as flooder:
            for call_id in calls_that_prefer(slow, stage, FLOOD):
                flooder.send(b"cookie-%b " % call_id.encode() + offer(call_id), stage.service.address)
            refused = [await reply_to(flooder) for _ in range(FLOOD - BOUND)]
            assert refused == [{b"result": b"error", b"error-reason": b"Parallel session limit reached"}] * (
                FLOOD - BOUND
            )
            other = stage.call(next(calls_that_prefer(quick, stage, 1)))
            await other.establish(stage.client)
            slow.resume()
            taken = [await reply_to(flooder) for _ in range(BOUND)]
            assert [reply[b"result"] for reply in taken] == [b"ok"] * BOUND
        await other.still_talks()
        await other.delete(stage.client)
        for call_id in calls_that_prefer(slow, stage, FLOOD):
            await stage.call(call_id).delete(stage.client)
        await stage.nothing_is_left()


async def test_a_node_with_too_much_in_flight_is_passed_over_and_without_another_the_answer_is_load_limit() -> None:
    async with on_stage(Node("relay-1", Rtpengine(), max_in_flight=3, timeout=10)) as stage:
        relay = stage.relays[0]
        relay.pause()
        async with DatagramSocket() as client:
            for number in range(5):
                message = b"cookie-%d " % number + offer(f"call-{number}", supports=[b"load limit"])
                client.send(message, stage.service.address)
            refused = [await reply_to(client) for _ in range(2)]
            assert refused == [{b"result": b"load limit", b"message": b"Load limit exceeded"}] * 2
            relay.resume()
            assert [(await reply_to(client))[b"result"] for _ in range(3)] == [b"ok"] * 3
        for number in range(5):
            await stage.call(f"call-{number}").delete(stage.client)
        await stage.nothing_is_left()


def calls_that_prefer(relay: object, stage: Stage, count: int) -> Iterator[str]:
    found = (f"call-{number}" for number in range(100_000) if stage.preferred(f"call-{number}")[0] is relay)
    return (next(found) for _ in range(count))


def offer(call_id: str, **keys: bencode.NgValue) -> bytes:
    request: NgDict = {b"command": b"offer", b"call-id": call_id.encode(), b"from-tag": CALLER.encode(), b"sdp": SDP}
    return bencode.encode(request | {key.encode(): value for key, value in keys.items()})


async def reply_to(socket: DatagramSocket) -> NgDict:
    async with asyncio.timeout(15):
        data, _ = await socket.received.get()
    reply, _ = bencode.decode(data.partition(b" ")[2])
    assert isinstance(reply, dict)
    return reply


async def test_garbage_from_many_sockets_harms_no_call() -> None:
    async with on_stage(Rtpengine()) as stage, asyncio.TaskGroup() as group:
        call = stage.call()
        await call.establish(stage.client)
        storm = group.create_task(send_garbage(stage))
        for number in range(30):
            other = stage.call(f"other-{number}")
            await other.offer(stage.client)
            await other.answer(stage.client)
            await other.delete(stage.client)
        await call.still_talks()
        storm.cancel()
        await asyncio.wait([storm])
        await call.delete(stage.client)
        await stage.nothing_is_left()
        seen = dictionary(dictionary((await stage.client.command("statistics"))[b"statistics"])[b"rtp-relay"])
        garbage = seen[b"garbage"]
        assert isinstance(garbage, int)
        assert garbage > len(GARBAGE)


def dictionary(value: object) -> NgDict:
    assert isinstance(value, dict)
    return value


GARBAGE = [
    b"",
    b" ",
    b"no-space",
    b"c " + b"l" * 60_000,
    b"c d" + b"1:ad" * 10_000,
    b"c " + b"{" * 60_000,
    b"c {" + b'"a":[' * 10_000,
    b"c d" + b"".join(b"5:%05di0e" % number for number in range(4_000)) + b"e",
    b"c d7:command5:offer7:command6:deletee",
    b"c d7:command5:offer7:call-id999999999999:xe",
    b"c d7:command5:offer7:call-idi" + b"9" * 50_000 + b"ee",
    b"c d7:command5:\xff\xfe\xfd\xfc\xfb7:call-id2:\xff\xfee",
    b"c " + b"\x00" * 65_000,
    b"x" * 65_000,
]
"""What a door may be sent; the storm sends pieces and mutations of a good request, too."""


async def send_garbage(stage: Stage) -> None:
    """Send garbage from several sockets until cancelled, at a pace at which the door's socket need not drop any."""
    chance = random.Random(1)
    async with DatagramSocket() as one, DatagramSocket() as two, DatagramSocket(OTHER_HOST) as three:
        for socket in itertools.cycle((one, two, three)):
            for datagram in (*GARBAGE, *(mutation(chance) for _ in range(20))):
                socket.send(datagram, stage.service.address)
                await asyncio.sleep(0.001)


def mutation(chance: random.Random) -> bytes:
    """Return the beginning of a request, or one with some bytes changed; whatever comes of it creates nothing."""
    whole: NgDict = {b"command": b"answer", b"call-id": b"nobody's", b"from-tag": b"1", b"to-tag": b"2", b"sdp": SDP}
    request = bytearray(b"cookie " + bencode.encode(whole))
    if chance.random() < 0.5:
        return bytes(request[: chance.randrange(len(request))])
    for _ in range(chance.randrange(1, 6)):
        request[chance.randrange(len(request))] = chance.randrange(256)
    return bytes(request)
