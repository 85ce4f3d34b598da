from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
import uvloop
from structlog.testing import capture_logs

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.transport import connection
from gateways.sip.transport.settings import Listen
from tests.gateways.sip.transport.opened import TCP, Opened, message, opened, until
from tests.peers.ports import HOST, PortBlock


@asynccontextmanager
async def client_of(there: Opened) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, there.local.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_one_connection_carries_messages_both_ways() -> None:
    async with opened(TCP) as one, opened(TCP) as two:
        one.send(message(1), two.hop())
        one.send(message(2), two.hop())
        data, hop = await two.received.get()
        assert data == message(1)
        assert (await two.received.get()) == (message(2), hop)
        assert hop.local == two.local
        assert two.transports.connected(hop)
        two.send(message(3), hop)
        assert await one.received.get() == (message(3), Hop(SipTransport.TCP, HOST, two.local.port, one.local))
        assert (one.transports.connections, two.transports.connections) == (1, 1)


async def test_a_large_message_travels_whole() -> None:
    large = message(body=b"x" * 60_000)
    async with opened(TCP) as one, opened(TCP) as two:
        for _ in range(8):
            one.send(large, two.hop())
        assert [(await two.received.get())[0] for _ in range(8)] == [large] * 8


async def test_ipv6() -> None:
    listen = Listen(SipTransport.TCP, "::1", 0)
    async with opened(listen) as one, opened(listen) as two:
        one.send(message(), two.hop())
        data, hop = await two.received.get()
        assert (data, hop.host) == (message(), "::1")


async def test_keep_alives_are_answered() -> None:
    async with opened(TCP) as there, client_of(there) as (reader, writer):
        writer.write(b"\r\n")
        writer.write(b"\r\n\r\n" + message())
        assert await reader.readexactly(2) == b"\r\n"
        assert (await there.received.get())[0] == message()
        there.send(b"SIP/2.0 200 OK", (await _next_hop(there, writer)))
        assert await reader.readexactly(14) == b"SIP/2.0 200 OK"


async def _next_hop(there: Opened, writer: asyncio.StreamWriter) -> Hop:
    writer.write(message())
    return (await there.received.get())[1]


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n", "a message without Content-Length"),
        (b"OPTIONS sip:a@b SIP/2.0\r\nl: 70000\r\n\r\n", "a message longer than the 65535 bytes allowed"),
        (b"x" * 70_000, "a message longer than the 65535 bytes allowed"),
    ],
)
async def test_a_stream_that_is_lost_is_closed_with_one_line(stream: bytes, why: str) -> None:
    with capture_logs() as lines:
        async with opened(TCP) as there, client_of(there) as (reader, writer):
            writer.write(message())
            writer.write(stream)
            assert await _end_of(reader)
            assert (await there.received.get())[0] == message()
            await until(lambda: there.transports.connections == 0)
    assert [line["why"] for line in lines] == [why]


async def _end_of(reader: asyncio.StreamReader) -> bool:
    """Wait until the connection has ended, one way or another."""
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def test_nobody_listens() -> None:
    ports = PortBlock()
    ports.reserve()
    async with opened(TCP) as there:
        there.send(message(1), Hop(SipTransport.TCP, HOST, ports.take()))
        there.send(message(2), Hop(SipTransport.TCP, HOST, ports.take()))
        assert there.failures.empty()
        assert [bool(await there.failures.get()) for _ in range(2)] == [True, True]
        await until(lambda: there.transports.connections == 0)
    ports.release()


@asynccontextmanager
async def a_full_backlog() -> AsyncIterator[int]:
    """Return a port where connections are neither taken nor refused."""
    with socket.socket() as deaf:
        deaf.bind((HOST, 0))
        deaf.listen(0)
        waiting = []
        for _ in range(2):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(deaf.getsockname())
            waiting.append(sock)
        try:
            yield deaf.getsockname()[1]
        finally:
            for sock in waiting:
                sock.close()


async def test_a_connection_that_does_not_come_is_given_up() -> None:
    async with a_full_backlog() as port, opened(TCP, connect_timeout=0.05) as there:
        for number in range(3):
            there.send(message(number), Hop(SipTransport.TCP, HOST, port))
        assert there.transports.connections == 1
        assert [await there.failures.get() for _ in range(3)] == ["no connection in time"] * 3
        assert there.transports.connections == 0


async def test_only_so_much_waits_for_a_connection() -> None:
    async with a_full_backlog() as port, opened(TCP, connect_timeout=60, max_queued=250) as there:
        hop = Hop(SipTransport.TCP, HOST, port)
        for number in range(4):
            there.send(message(number, bytes(50)), hop)
        assert await there.failures.get() == "too much waits on the connection"
        assert there.failures.empty()
        await there.transports.close()
        assert [await there.failures.get() for _ in range(there.failures.qsize())]


async def test_a_peer_that_does_not_read_is_given_up() -> None:
    async with opened(TCP, max_queued=200_000) as there, client_of(there) as (_, writer):
        hop = await _next_hop(there, writer)
        sent = 0
        while there.failures.empty():
            there.send(message(body=bytes(60_000)), hop)
            sent += 1
            await asyncio.sleep(0)
        assert await there.failures.get() == "too much waits on the connection"
        assert not there.transports.connected(hop)
        await until(there.failures.qsize)
        assert there.failures.qsize() < sent  # those that were waiting, not those that the system had taken


async def test_what_was_not_sent_when_the_peer_goes_fails() -> None:
    async with opened(TCP, max_queued=10_000_000) as there, client_of(there) as (_, writer):
        hop = await _next_hop(there, writer)
        (connected,) = there.transports._connections._all
        while not connected._unsure:
            there.send(message(body=bytes(60_000)), hop)
            await asyncio.sleep(0)
        assert there.failures.empty()
        writer.transport.abort()
        assert await there.failures.get()
        assert not there.transports.connected(hop)


async def test_there_are_only_so_many_connections() -> None:
    with capture_logs() as lines:
        async with opened(TCP, max_connections=1) as there, opened(TCP) as other, client_of(there) as (_, writer):
            hop = await _next_hop(there, writer)
            async with client_of(there) as (reader, _):
                assert await _end_of(reader)
            there.send(message(), other.hop())
            assert await there.failures.get() == "too many connections"
            assert there.transports.connected(hop)
    assert [line["event"] for line in lines] == ["sip connection refused, there are too many", "sip message not sent"]


async def test_an_idle_connection_is_closed() -> None:
    async with opened(TCP, idle_timeout=0.05) as there, client_of(there) as (reader, writer):
        writer.write(message()[:20])  # pieces that never become a message do not keep it open
        assert await _end_of(reader)
        await until(lambda: there.transports.connections == 0)


async def test_a_connection_is_opened_again() -> None:
    async with opened(TCP) as one:
        async with opened(TCP) as two:
            hop = two.hop()
            one.send(message(1), hop)
            await two.received.get()
        await until(lambda: one.transports.connections == 0)
        async with opened(Listen(SipTransport.TCP, HOST, hop.port)) as two:
            one.send(message(2), hop)
            assert (await two.received.get())[0] == message(2)


async def test_many_messages_at_once_do_not_hold_up_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SECONDS_A_TURN", 0)
    async with opened(TCP) as there, client_of(there) as (_, writer):
        writer.write(b"".join(message(number) for number in range(50)))
        assert [(await there.received.get())[0] for _ in range(50)] == [message(number) for number in range(50)]
        writer.write(message(51))
        assert (await there.received.get())[0] == message(51)


async def test_closing_sends_what_was_written_and_closes_all() -> None:
    async with opened(TCP) as there, client_of(there) as (reader, writer), client_of(there) as (other, _):
        hop = await _next_hop(there, writer)
        there.send(b"x" * 50_000, hop)
        await there.transports.close()
        assert await reader.read() == b"x" * 50_000
        assert await other.read() == b""
        assert there.transports.connections == 0
        there.send(message(), hop)
        assert await there.failures.get() == "no listening point of ours can reach it"


async def test_an_accept_that_fails_is_not_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    accept, failures = loop.sock_accept, [ConnectionAbortedError(), OSError(24, "no file descriptor left")]
    monkeypatch.setattr("gateways.sip.transport.connections._RETRY_ACCEPT", 0)

    async def fail_first(sock: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return await accept(sock)

    monkeypatch.setattr(loop, "sock_accept", fail_first)
    async with opened(TCP) as there, client_of(there) as (_, writer):
        await _next_hop(there, writer)
        assert not failures


@pytest.mark.parametrize(
    "scenario",
    [
        test_one_connection_carries_messages_both_ways,
        test_a_large_message_travels_whole,
        test_ipv6,
        test_keep_alives_are_answered,
        test_nobody_listens,
        test_a_connection_that_does_not_come_is_given_up,
        test_only_so_much_waits_for_a_connection,
        test_a_peer_that_does_not_read_is_given_up,
        test_there_are_only_so_many_connections,
        test_an_idle_connection_is_closed,
        test_closing_sends_what_was_written_and_closes_all,
    ],
)
def test_on_uvloop(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())
