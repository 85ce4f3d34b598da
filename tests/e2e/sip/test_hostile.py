"""What no decent peer sends, while decent ones call: nothing breaks, stalls, grows, or fills the log."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator, Sequence

import psutil
import pytest
import pytest_asyncio

from tests.e2e.sip.calls import on_scene
from tests.e2e.sip.crowd import Crowd, branch_of
from tests.e2e.sip.stage import Stage
from tests.e2e.sip.streams import Streams, closed
from tests.gateways.sip.messages.torture import load
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service, Table

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

MOST_CONNECTIONS = 200
MOST_MEMORY = 100 * 1024 * 1024
"""How much the service may grow in one test."""
MOST_LINES = 300
"""How many lines one test may bring into its log."""

TORTURE = {**load("rfc4475.txt"), **load("rfc5118.txt")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[Stage]:
    relay = Rtpengine(media_ports=400)
    # Whoever asks for the names in the messages is told at once that there is no DNS server.
    sip: Table = {
        "engine": relay.name,
        "nameservers": [HOST],
        "relay_to": ["0.0.0.0/0", "::/0", "."],
        "max_connections": MOST_CONNECTIONS,
        "max_delay": 5.0,
        "t1": 0.1,
    }
    async with (
        RedisServer() as redis,
        relay,
        Service(redis.url, [Node("relay-1", relay)], settings={"service": {"log_level": "info"}}, sip=sip) as service,
    ):
        stage = Stage(service, {"rtpengine": relay}, "rtpengine")
        yield stage
        await nothing_is_left(stage)


@pytest_asyncio.fixture(loop_scope="module")
async def stage(started: Stage) -> AsyncIterator[Stage]:
    """The one service, with a call in progress that must not suffer, and a call from beginning to end afterwards."""
    lines, memory = len(log(started)), resident_bytes(started)
    async with on_scene(started) as scene:
        _, call = await scene.establish()
        yield started
        await call.talk()
        await call.reinvite("callee")
        await call.hang_up("caller")
    for transport in ("udp", "tcp"):
        await a_call_succeeds(started, transport)
    assert started.service.faults() == []
    assert len(log(started)) - lines < MOST_LINES, log(started)[lines:]
    assert resident_bytes(started) - memory < MOST_MEMORY


async def a_call_succeeds(stage: Stage, transport: str = "udp") -> None:
    """Place a call like any other."""
    async with on_scene(stage, transport=transport) as scene:
        _, call = await scene.establish()
        await call.talk()
        await call.hang_up("callee")


async def nothing_is_left(stage: Stage) -> None:
    """Wait until the relay holds nothing and no call is live: all have failed, if only for want of an answer."""

    async def nothing() -> bool:
        async with stage.service.client() as client:
            return await stage.held() == 0 and (await client.command("list", limit=1000))[b"calls"] == []

    await wait_until(nothing, "nothing is left", 40)


def log(stage: Stage) -> list[str]:
    """Return the service's log."""
    return stage.service.log(lines=100_000).splitlines()


def resident_bytes(stage: Stage) -> int:
    """Return the memory that the service takes."""
    process = stage.service._process
    assert process is not None
    return int(psutil.Process(process.pid).memory_info().rss)


# -- messages --


@pytest_asyncio.fixture(loop_scope="module")
async def crowd(stage: Stage) -> AsyncIterator[Crowd]:
    async with Crowd((HOST, stage.service.sip_port)) as opened:
        yield opened


async def test_torture_over_udp(crowd: Crowd) -> None:
    for message in TORTURE.values():
        crowd.send(message, crowd.door)
        await crowd.served()


async def test_torture_over_tcp(stage: Stage) -> None:
    async with Streams((HOST, stage.service.sip_port)) as opened:
        for message in TORTURE.values():
            reader, writer = await opened.open()
            writer.write(message)
            writer.write_eof()
            await closed(reader)


PIECES = (
    b"\r\n",
    b"\r\n ",
    b"\n",
    b"\0",
    b'"',
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"%",
    b"=",
    b"\xff",
    b"[",
    b"]",
    b"9",
)


def mutations(real: Sequence[bytes], count: int) -> Iterator[bytes]:
    """Return messages with some pieces put in, left out or repeated, or that end early; the same ones each time."""
    chance = random.Random(4475)
    for _ in range(count):
        data = chance.choice(real)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(data) + 1)
            piece = chance.choice(PIECES) * chance.choice((0, 1, 1, 1, 50))
            data = data[:at] + piece + data[at + chance.randrange(9) :]
        yield data[: chance.randrange(len(data) + 1)] if chance.random() < 0.1 else data


async def test_mutations_over_udp(crowd: Crowd) -> None:
    real = [*(crowd.request(method) for method in ("INVITE", "BYE", "OPTIONS", "CANCEL", "ACK")), *TORTURE.values()]
    real += [message for message in real[:5] for _ in range(20)]
    for number, mutation in enumerate(mutations(real, 2000)):
        crowd.send(mutation, crowd.door)
        if number % 50 == 0:
            await crowd.served()
    await crowd.served()


async def test_mutations_over_tcp(stage: Stage, crowd: Crowd) -> None:
    real = [crowd.request(method).replace(b"/UDP ", b"/TCP ") for method in ("INVITE", "BYE", "OPTIONS", "ACK")]
    async with Streams((HOST, stage.service.sip_port)) as opened:
        for message in mutations(real, 300):
            reader, writer = await opened.open()
            writer.write(real[2] + message)
            writer.write_eof()
            await closed(reader)


async def test_garbage_over_udp(crowd: Crowd) -> None:
    chance = random.Random(3261)
    for _ in range(500):
        crowd.send(chance.randbytes(chance.choice((0, 1, 4, 100, 1400, 65_000))), crowd.door)
        crowd.send(b"\r\n" * chance.choice((1, 2, 30_000)), crowd.door)
        await asyncio.sleep(0)
    for start in (b"INVITE ", b"SIP/2.0 ", b"INVITE sip:a SIP/2.0\r\n", b"\r\n", b"ACK sip:a SIP/2.0\r\nVia: "):
        for filling in (b" ", b"\r\n", b"\r\n ", b"a", b"a:", b"a: b\r\n", b",", b";", b'"', b"<", b"\0", b"\xff"):
            crowd.send(start + filling * (60_000 // len(filling)), crowd.door)
        await crowd.served()


# -- storms and loops --


@pytest.mark.parametrize("methods", [["ACK", "BYE"], ["ACK", "BYE", "CANCEL"]])
async def test_storms_with_equal_branches(crowd: Crowd, methods: Sequence[str]) -> None:
    def calls() -> set[bytes]:
        return {request.partition(b"\r\nCall-ID: ")[2].partition(b"\r\n")[0] for request in invites()}

    def invites() -> list[bytes]:
        return [request for request in crowd.requests if request.startswith(b"INVITE ")]

    def all_came() -> bool:
        return "CANCEL" in methods or len(calls()) == number

    chance = random.Random(6026)
    for number in range(1, 11):
        storm = [crowd.request(method, number=number) for method in ("INVITE", *methods)] * 50
        crowd.ask(storm[0])
        chance.shuffle(storm)
        for message in storm:
            crowd.send(message, crowd.door)
        await crowd.answered()
        await crowd.until(all_came)
        await crowd.served()
    assert len({branch_of(invite) for invite in invites()}) == len(calls())


@pytest.mark.parametrize("routes", [0, 1, 200])
@pytest.mark.parametrize("to_itself", [True, False])
async def test_requests_that_are_to_go_round(crowd: Crowd, routes: int, to_itself: bool) -> None:
    door = f"sip:{HOST}:{crowd.door[1]}"
    headers = [f"Route: {', '.join([f'<{door};lr>'] * routes)}"] if routes else []
    crowd.ask(*(crowd.request("INVITE", door if to_itself else "", headers=headers) for _ in range(20)))
    await crowd.answered()
    codes = {final[8:11] for final in crowd.finals.values()}
    assert codes == ({b"482"} if to_itself else {b"486"})


@pytest.mark.parametrize("vias", [1, 2, 70, 1000])
async def test_messages_that_are_to_come_back(crowd: Crowd, vias: int) -> None:
    own = b"Via: " + b", ".join([b"SIP/2.0/UDP %b:%d;branch=z9hG4bKown" % (HOST.encode(), crowd.door[1])] * vias)
    for number in range(1, 21):
        request = crowd.request("INVITE", number=number)
        crowd.send(request.replace(b"Via:", own + b"\r\nVia:", 1), crowd.door)
        for status in (b"180 Ringing", b"200 OK", b"486 Busy Here"):
            response = request.replace(request.split(b"\r\n")[0], b"SIP/2.0 " + status, 1)
            crowd.send(response.replace(b"Via:", own + b"\r\nVia:", 1), crowd.door)
    await crowd.served()


# -- connections --


async def test_streams_without_end(stage: Stage) -> None:
    bad = [
        b"INVITE sip:a SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nContent-Length: 9999999\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\n\r\n",
        b"INVITE sip:a SIP/2.0\r\n" + b"a: b\r\n" * 20_000,
        b"\0" * 100_000,
        random.Random(1).randbytes(1_000_000),
    ]
    async with Streams((HOST, stage.service.sip_port)) as opened:
        for message in bad:
            reader, writer = await opened.open()
            writer.write(message)
            await closed(reader)


async def test_messages_that_come_byte_by_byte(stage: Stage, crowd: Crowd) -> None:
    options = crowd.request("OPTIONS").replace(b"/UDP ", b"/TCP ").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
    async with Streams((HOST, stage.service.sip_port)) as opened:
        slow = [await opened.open() for _ in range(50)]
        never = [await opened.open() for _ in range(50)]
        for number, byte in enumerate(options):
            for _, writer in slow:
                writer.write(bytes([byte]))
            for _, writer in never[: number % 50]:
                writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await a_call_succeeds(stage, "tcp")
        for reader, _ in slow:
            async with asyncio.timeout(20):
                assert (await reader.readline()).startswith(b"SIP/2.0 200 ")


async def test_many_connections(stage: Stage) -> None:
    async with Streams((HOST, stage.service.sip_port)) as opened:
        readers = [(await opened.open())[0] for _ in range(2 * MOST_CONNECTIONS)]
        for reader in readers[MOST_CONNECTIONS:]:
            assert await closed(reader) == b""
        await a_call_succeeds(stage, "udp")
        assert not readers[0].at_eof()


@pytest.mark.parametrize("what", ["keep-alives", "requests"])
async def test_one_who_does_not_read(stage: Stage, crowd: Crowd, what: str) -> None:
    options = crowd.request("OPTIONS").replace(b"/UDP ", b"/TCP ").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
    flood = b"\r\n\r\n" * 10_000 if what == "keep-alives" else options * 200
    async with Streams((HOST, stage.service.sip_port)) as opened:
        _, writer = await opened.open()
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
        for _ in itertools.repeat(None, 100):
            writer.write(flood)
            try:
                async with asyncio.timeout(5):
                    await writer.drain()
            except ConnectionError:
                break
        await a_call_succeeds(stage, "tcp")
