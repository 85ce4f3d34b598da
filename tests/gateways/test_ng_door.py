from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest
import uvloop

from actors.control.control import Control
from events.memory import MemoryJournal
from gateways.ng import tcp
from gateways.ng.door import NgDoor, NgSettings
from tests.gateways.doors import LOOPBACK, QUERY, FakeCalls
from tests.peers.datagram import DatagramSocket
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until

OK = b"d6:result2:oke"
PONG = b"d6:result4:ponge"


@dataclass(frozen=True)
class Address:
    transport: str
    host: str
    port: int = 0


@dataclass
class Opened:
    door: NgDoor
    calls: FakeCalls = field(default_factory=FakeCalls)

    @property
    def address(self) -> tuple[str, int]:
        return self.door.addresses[0][1:]


@asynccontextmanager
async def opened(*listen: Address, **settings: Any) -> AsyncIterator[Opened]:
    calls = FakeCalls({b"result": b"ok"})
    door = NgDoor(
        NgSettings(**({"listen": listen, "allow": LOOPBACK} | settings)),
        calls=calls,
        control=Control(MemoryJournal()),
        now=lambda: 1,
        ready=lambda: True,
    )
    await door.open()
    try:
        yield Opened(door, calls)
    finally:
        await door.close(1)


async def until(condition: Callable[[], object]) -> None:
    async def holds() -> bool:
        return bool(condition())

    await wait_until(holds, "the door has done it", within=10)


UDP = Address("udp", "127.0.0.1")
TCP = Address("tcp", "127.0.0.1")


# -- UDP --


async def test_udp_in_both_encodings() -> None:
    async with opened(UDP) as there:
        for encoding in ("bencode", "json"):
            async with NgClient(there.address, encoding=encoding, tries=1) as client:
                assert await client.command("ping") == {b"result": b"pong"}
                assert await client.command("query", call_id="c") == {b"result": b"ok"}


@pytest.mark.parametrize(
    ("listen", "asked"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.5"), ("0.0.0.0", "127.0.0.6"), ("::", "::1")]
)
async def test_the_reply_comes_from_the_address_that_was_asked(listen: str, asked: str) -> None:
    async with opened(Address("udp", listen)) as there:
        with socket.socket(socket.AF_INET6 if ":" in asked else socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            target = (asked, there.address[1])
            client.sendto(b"1_1 d7:command4:pinge", target)
            reply, sender = await asyncio.to_thread(client.recvfrom, 100)
    assert reply == b"1_1 d6:result4:ponge"
    assert sender[:2] == target


async def test_a_burst_of_datagrams_is_answered_in_full() -> None:
    async with opened(UDP) as there, DatagramSocket() as client:
        for number in range(100):
            client.send(b"%d d7:command4:pinge" % number, there.address)
        replies = {(await client.received.get())[0] for _ in range(100)}
    assert replies == {b"%d d6:result4:ponge" % number for number in range(100)}


async def test_others_are_not_heard() -> None:
    async with opened(UDP, allow=[ip_network("192.0.2.0/24")]) as there, DatagramSocket() as client:
        client.send(b"1 d7:command4:pinge", there.address)
        await until(lambda: there.door.counters.not_allowed == 1)
        assert client.received.empty()


async def test_a_reply_that_the_system_does_not_take_is_counted() -> None:
    async with opened(UDP) as there:
        there.door._ports[0]._send(there.address, [], bytes(70_000))
        assert there.door.counters.unsent == 1


# -- TCP --


@asynccontextmanager
async def connection(there: Opened, place: int = 0) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*there.door.addresses[place][1:])
    async with asyncio.timeout(10):
        yield reader, writer
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_tcp_several_requests_on_a_connection() -> None:
    async with opened(TCP) as there, NgClient(there.address, tcp=True) as client:
        assert await client.command("ping") == {b"result": b"pong"}
        assert await client.command("query", call_id="c") == {b"result": b"ok"}


async def test_tcp_requests_in_pieces_and_at_once() -> None:
    async with opened(TCP) as there, connection(there) as (reader, writer):
        for byte in b"1 d7:command4:pinge":
            writer.write(bytes([byte]))
            await writer.drain()
        assert await reader.readexactly(len(b"1 " + PONG)) == b"1 " + PONG
        writer.write(b"".join(b"%04d d7:command4:pinge" % number for number in range(5000)))
        replies = await reader.readexactly(5000 * len(b"0000 " + PONG))
    assert replies == b"".join(b"%04d %b" % (number, PONG) for number in range(5000))


async def test_tcp_slow_requests_do_not_hold_up_others() -> None:
    async with opened(TCP) as there, connection(there) as (reader, writer):
        there.calls.reply = None
        writer.write(b"1 " + QUERY + b"2 d7:command4:pinge")
        assert await reader.readexactly(len(b"2 " + PONG)) == b"2 " + PONG
        there.calls.waiting[0]({b"result": b"ok"})
        assert await reader.readexactly(len(b"1 " + OK)) == b"1 " + OK


LOST = b"d12:error-reason35:Could not decode bencode dictionary6:result5:errore"


@pytest.mark.parametrize(
    ("stream", "replies"),
    [
        (b'7 {"command":"ping"}', b"7 " + LOST),
        (b"7 d7:command4:pinge8 dxx", b"7 " + PONG + b"8 " + LOST),
        (b"x" * 300, b""),
        (b" d7:command4:pinge", b""),
        (b"7 d7:command99999999:x", b"7 " + LOST),
        (b"7 d" + b"l" * 1000, b"7 " + LOST),
    ],
)
async def test_a_hopeless_stream_is_answered_where_possible_and_closed(stream: bytes, replies: bytes) -> None:
    async with opened(TCP) as there, connection(there) as (reader, writer):
        writer.write(stream)
        assert await reader.read() == replies
        assert there.door.counters.streams_lost == 1


async def test_tcp_connections_of_others_are_closed() -> None:
    async with opened(TCP, allow=[ip_network("192.0.2.0/24")]) as there, connection(there) as (reader, _):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        assert there.door.counters.not_allowed == 1


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "MAX_UNREAD", 200_000)
    async with opened(TCP) as there, connection(there) as (reader, writer):
        there.calls.reply = None
        for number in range(200):
            writer.write(b"%d %b" % (number, QUERY))
        await until(lambda: len(there.calls.waiting) == 200)
        for reply in there.calls.waiting:  # the loop does not run, so that nobody reads meanwhile
            reply({b"result": b"ok", b"sdp": bytes(60_000)})
        assert there.door.counters.streams_lost == 1
        with contextlib.suppress(ConnectionError):
            await reader.read()
        assert reader.at_eof()


# -- both --


async def test_one_request_on_two_transports_is_two_requests() -> None:
    async with opened(UDP, TCP) as there, DatagramSocket() as client, connection(there, 1) as (reader, writer):
        client.send(b"1 " + QUERY, there.address)
        assert (await client.received.get())[0] == b"1 " + OK
        writer.write(b"1 " + QUERY)
        assert await reader.readexactly(len(b"1 " + OK)) == b"1 " + OK
        assert len(there.calls.commands) == 2


async def test_an_address_that_cannot_be_had_is_named_and_nothing_stays_open() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"tcp:127.0.0.1:{port}"):
            async with opened(UDP, Address("tcp", "127.0.0.1", port)):
                pass


async def test_closing_waits_for_what_is_in_work() -> None:
    async with opened(UDP) as there, DatagramSocket() as client:
        there.calls.reply = None
        client.send(b"1 " + QUERY, there.address)
        await until(lambda: there.calls.waiting)
        closing = asyncio.ensure_future(there.door.close(10))
        await asyncio.sleep(0)
        there.calls.waiting[0]({b"result": b"ok"})
        await closing
        assert (await client.received.get())[0] == b"1 " + OK
        assert there.door.addresses == []


async def test_closing_does_not_wait_for_ever() -> None:
    async with opened(UDP) as there, DatagramSocket() as client:
        there.calls.reply = None
        client.send(b"1 " + QUERY, there.address)
        await until(lambda: there.calls.waiting)
        await there.door.close(0.01)
        there.calls.waiting[0]({b"result": b"ok"})
        assert client.received.empty()


@pytest.mark.parametrize(
    "scenario",
    [
        test_udp_in_both_encodings,
        test_a_burst_of_datagrams_is_answered_in_full,
        test_others_are_not_heard,
        test_tcp_requests_in_pieces_and_at_once,
        test_tcp_connections_of_others_are_closed,
        test_tcp_slow_requests_do_not_hold_up_others,
        test_closing_waits_for_what_is_in_work,
        test_closing_does_not_wait_for_ever,
    ],
)
def test_on_uvloop(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
