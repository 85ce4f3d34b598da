"""The ways to a node, against servers on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from actors.kept_connections import MAX_REPLY, KeptConnections, PoolSettings
from actors.local_trouble import is_local, is_passing
from actors.transports import DatagramTransport, NodeTransport, StreamTransport, open_transport
from tests.peers.mediaproxy_dispatcher import FakeDispatcher

COMMAND = b"remove\r\ncall_id: %d\r\nfrom_tag: t\r\n\r\n"


class Heard:
    """What a transport handed over; `next` waits for it."""

    def __init__(self) -> None:
        self.replies: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
        self.complaints: asyncio.Queue[str] = asyncio.Queue()

    def take(self, cookie: bytes, reply: bytes) -> None:
        self.replies.put_nowait((cookie, reply))

    def complain(self, error: OSError) -> None:
        self.complaints.put_nowait(str(error))

    async def next(self) -> tuple[bytes, bytes]:
        return await asyncio.wait_for(self.replies.get(), 10)

    async def complaint(self) -> str:
        return await asyncio.wait_for(self.complaints.get(), 10)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def dispatcher(tmp_path: Path) -> AsyncIterator[FakeDispatcher]:
    async with FakeDispatcher(tmp_path) as server:
        yield server


@pytest.fixture
async def way(dispatcher: FakeDispatcher, heard: Heard) -> AsyncIterator[NodeTransport]:
    transport = await open_transport(dispatcher.url, heard.take, heard.complain)
    yield transport
    transport.close()
    await asyncio.sleep(0)


def pool(path: Path, heard: Heard, **settings: float) -> KeptConnections:
    return KeptConnections(str(path), heard.take, heard.complain, PoolSettings(**settings))  # type: ignore[arg-type]


def node_of(family: int = socket.AF_INET, port: int = 0) -> socket.socket:
    """Return the socket of a node, which a test reads itself."""
    node = socket.socket(family, socket.SOCK_DGRAM)
    node.settimeout(10)
    node.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
    return node


async def until(dispatcher: FakeDispatcher, commands: int) -> None:
    """Wait until so many commands have come."""
    await dispatcher.until(lambda: len(dispatcher.relay.commands) >= commands)


@asynccontextmanager
async def serving(path: Path, serve: Callable[[StreamReader, StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve connections on a socket, and wait in the end until all of them are over."""
    served: list[asyncio.Task[None] | None] = []

    async def serve_one(reader: StreamReader, writer: StreamWriter) -> None:
        served.append(asyncio.current_task())
        await serve(reader, writer)
        writer.close()

    async with await asyncio.start_unix_server(serve_one, path):
        yield str(path)
        await asyncio.gather(*filter(None, served))


async def test_framed_commands_use_one_connection_again_and_again(
    way: NodeTransport, dispatcher: FakeDispatcher, heard: Heard
) -> None:
    for number in range(5):
        way.send(b"c%d" % number, COMMAND % number)
        assert await heard.next() == (b"c%d" % number, b"error")
    assert [headers["call_id"] for _, headers in dispatcher.relay.commands] == ["0", "1", "2", "3", "4"]
    assert dispatcher.connections == 1
    assert not way.repeats


async def test_commands_do_not_wait_for_each_other_and_connections_are_bounded(
    way: NodeTransport, dispatcher: FakeDispatcher, heard: Heard
) -> None:
    most = PoolSettings().connections
    dispatcher.answers.clear()
    for number in range(most + 3):
        way.send(b"c%d" % number, COMMAND % number)
    await until(dispatcher, most)
    assert dispatcher.connections == most
    dispatcher.answers.set()
    replies = [await heard.next() for _ in range(most + 3)]
    assert sorted(replies) == sorted((b"c%d" % number, b"error") for number in range(most + 3))
    assert dispatcher.connections == most
    assert len(dispatcher.relay.commands) == most + 3


async def test_a_connection_that_is_lost_takes_its_own_command_along_and_no_other(
    way: NodeTransport, dispatcher: FakeDispatcher, heard: Heard
) -> None:
    dispatcher.close_on = "remove"
    way.send(b"lost", COMMAND % 1)
    await until(dispatcher, 1)
    way.send(b"next", COMMAND % 2)
    assert await heard.next() == (b"next", b"error")
    assert [headers["call_id"] for _, headers in dispatcher.relay.commands] == ["1", "2"], "it is not sent again"
    assert heard.complaints.empty()


async def test_a_dispatcher_that_is_gone_is_complained_of_and_found_again(
    way: NodeTransport, dispatcher: FakeDispatcher, heard: Heard
) -> None:
    way.send(b"a", COMMAND % 1)
    await heard.next()
    await dispatcher.stop()
    way.send(b"b", COMMAND % 2)
    assert "No such file" in await heard.complaint()
    await dispatcher.start()
    way.send(b"c", COMMAND % 3)
    assert await heard.next() == (b"c", b"error")
    assert [headers["call_id"] for _, headers in dispatcher.relay.commands] == ["1", "3"]


async def test_a_dispatcher_that_goes_with_a_command_is_complained_of_at_once(
    way: NodeTransport, dispatcher: FakeDispatcher, heard: Heard
) -> None:
    dispatcher.answers.clear()
    way.send(b"a", COMMAND % 1)
    await until(dispatcher, 1)
    stopping = asyncio.create_task(dispatcher.stop())
    assert "No such file" in await heard.complaint()
    dispatcher.answers.set()
    await stopping


async def test_a_complaint_may_bring_about_the_next_command(tmp_path: Path) -> None:
    complaints: asyncio.Queue[str] = asyncio.Queue()
    resent: list[str] = []

    def complain(error: OSError) -> None:
        complaints.put_nowait(str(error))
        if not resent:
            resent.append(str(error))
            connections.send(b"b", COMMAND % 2)

    connections = KeptConnections(str(tmp_path / "nobody.sock"), Heard().take, complain)
    connections.send(b"a", COMMAND % 1)
    for _ in range(2):
        assert "No such file" in await asyncio.wait_for(complaints.get(), 10)
    connections.close()


async def test_a_reply_that_takes_too_long_ends_its_connection(dispatcher: FakeDispatcher, heard: Heard) -> None:
    connections = pool(dispatcher.path, heard, connections=1, wait=30, patience=0.01)
    dispatcher.answers.clear()
    connections.send(b"slow", COMMAND % 1)
    connections.send(b"waits", COMMAND % 2)
    await until(dispatcher, 2)
    assert dispatcher.connections >= 2
    assert heard.replies.empty()
    connections.close()
    await asyncio.sleep(0)


async def test_a_command_that_waited_too_long_is_not_sent(dispatcher: FakeDispatcher, heard: Heard) -> None:
    connections = pool(dispatcher.path, heard, connections=1, wait=0)
    connections.send(b"late", COMMAND % 1)
    patient = pool(dispatcher.path, heard, connections=1)
    patient.send(b"in time", COMMAND % 2)
    assert await heard.next() == (b"in time", b"error")
    assert [headers["call_id"] for _, headers in dispatcher.relay.commands] == ["2"]
    connections.close()
    patient.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize("answer", [b"one\r\ntwo\r\n", b"x" * (MAX_REPLY + 1)])
async def test_what_nobody_asked_for_ends_the_connection(tmp_path: Path, heard: Heard, answer: bytes) -> None:
    answers = iter([answer, b"fine\r\n"])
    ended = asyncio.Event()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(next(answers))
        with contextlib.suppress(ConnectionError):
            await reader.read()
        ended.set()

    async with serving(tmp_path / "s.sock", serve) as path:
        way = StreamTransport(path, heard.take, heard.complain)
        way.send(b"a", COMMAND % 1)
        await asyncio.wait_for(ended.wait(), 10)
        way.send(b"b", COMMAND % 2)
        assert await heard.next() == (b"b", b"fine")
        way.close()


async def test_a_command_without_a_line_end_has_a_connection_of_its_own(tmp_path: Path, heard: Heard) -> None:
    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        writer.write(b"did " + await reader.readline())

    async with serving(tmp_path / "s.sock", serve) as path:
        way = await open_transport(f"unix:{path}", heard.take, heard.complain)
        way.send(b"a", b"V")
        assert await heard.next() == (b"a", b"did V\n")
        way.close()


async def test_nothing_is_sent_after_the_end(way: NodeTransport, dispatcher: FakeDispatcher, heard: Heard) -> None:
    way.send(b"a", COMMAND % 1)
    way.close()
    await asyncio.sleep(0)
    assert dispatcher.relay.commands == []
    assert heard.complaints.empty()


async def test_a_datagram_has_its_cookie_in_front(heard: Heard) -> None:
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.transport.sendto(data + b"!", addr)  # type: ignore[attr-defined]

    server, _ = await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    way = await open_transport(f"udp:127.0.0.1:{server.get_extra_info('sockname')[1]}", heard.take, heard.complain)
    way.send(b"cookie", b"V 1")
    assert await heard.next() == (b"cookie", b"V 1!")
    assert way.repeats
    way.close()
    server.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
async def test_a_burst_of_replies_comes_in_full_and_in_order(heard: Heard, host: str) -> None:
    family = socket.AF_INET6 if "::1" in host else socket.AF_INET
    with node_of(family) as node:
        way = await open_transport(f"udp:{host}:{node.getsockname()[1]}", heard.take, heard.complain)
        assert isinstance(way, DatagramTransport)
        assert way.ends[1] == node.getsockname()[:2]
        for number in range(100):
            way.send(b"c%d" % number, b"V")
        for number in range(100):
            asked, client = node.recvfrom(100)
            assert asked == b"c%d V" % number
            assert client[:2] == way.ends[0]
            node.sendto(b"c%d %d" % (number, number), client)
        node.sendto(b"nobody's", client)
        assert [await heard.next() for _ in range(100)] == [(b"c%d" % number, b"%d" % number) for number in range(100)]
        way.close()
    assert heard.replies.empty()
    assert heard.complaints.empty()


async def test_of_a_hosts_addresses_those_of_ipv4_are_tried_first(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both(_host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        kind = (socket.SOCK_DGRAM, socket.IPPROTO_UDP, "")
        return [(socket.AF_INET6, *kind, ("::1", port, 0, 0)), (socket.AF_INET, *kind, ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    with node_of() as node:
        way = await open_transport(f"udp:relay.example:{node.getsockname()[1]}", heard.take, heard.complain)
        way.send(b"a", b"V")
        assert node.recv(100) == b"a V"
        way.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_datagrams_go_both_ways_on_each_loop(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def talk() -> list[tuple[bytes, bytes]]:
        heard = Heard()
        with node_of() as node:
            way = await open_transport("udp:{}:{}".format(*node.getsockname()), heard.take, heard.complain)
            for number in range(20):
                way.send(b"c%d" % number, b"V")
                node.sendto(*node.recvfrom(100))
            replies = [await heard.next() for _ in range(20)]
            way.send(b"last", bytes(70_000))
            assert "too long" in await heard.complaint()
            way.close()
        return replies

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(talk()) == [(b"c%d" % number, b"V") for number in range(20)]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_node_that_is_gone_is_complained_of_and_heard_again(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def talk() -> tuple[bytes, bytes]:
        heard = Heard()
        with node_of() as node:
            address = node.getsockname()
        way = await open_transport("udp:{}:{}".format(*address), heard.take, heard.complain)
        way.send(b"a", b"V")
        assert "refused" in await heard.complaint()
        with node_of(port=address[1]) as node:
            way.send(b"b", b"V")
            node.sendto(*node.recvfrom(100))
            reply = await heard.next()
        way.close()
        return reply

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(talk()) == (b"b", b"V")


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_nobody_is_asked_at_a_port_without_a_node_and_each_is_complained_of_once(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def ask() -> int:
        heard = Heard()
        with node_of() as node:
            address = node.getsockname()
        way = await open_transport("udp:{}:{}".format(*address), heard.take, heard.complain)
        for number in range(5):
            way.send(b"c%d" % number, b"V")
            assert "refused" in await heard.complaint()
        await asyncio.sleep(0.2)
        way.close()
        return heard.complaints.qsize()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(ask()) == 0


async def test_one_that_is_closed_by_a_reply_hands_over_none_of_those_that_came_with_it(heard: Heard) -> None:
    def take(cookie: bytes, reply: bytes) -> None:
        heard.take(cookie, reply)
        transport.close()

    with node_of() as node:
        transport = await open_transport("udp:{}:{}".format(*node.getsockname()), take, heard.complain)
        transport.send(b"a", b"V")
        _, client = node.recvfrom(100)
        for number in range(20):
            node.sendto(b"c%d 1" % number, client)
        assert await heard.next() == (b"c0", b"1")
        await asyncio.sleep(0.1)
        transport.send(b"b", b"V")
        transport.close()
        node.settimeout(0.1)
        with pytest.raises(TimeoutError):
            node.recvfrom(100)
    assert heard.replies.empty()
    assert heard.complaints.empty()


async def test_what_the_system_has_no_room_to_send_is_no_trouble_of_the_node() -> None:
    class Full(socket.socket):
        """A fake: UDP over loopback always has room."""

        def send(self, *_: object) -> int:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    told: list[OSError] = []
    with node_of() as node, Full(socket.AF_INET, socket.SOCK_DGRAM) as full:
        full.connect(node.getsockname())
        way = DatagramTransport(full, lambda *_: None, told.append)
        way.send(b"a", b"V")
        way.close()
    assert [(is_local(error), is_passing(error)) for error in told] == [(True, True)]


async def test_what_is_too_long_is_complained_of_at_once_and_the_next_goes(heard: Heard) -> None:
    with node_of() as node:
        way = await open_transport("udp:{}:{}".format(*node.getsockname()), heard.take, heard.complain)
        way.send(b"a", bytes(70_000))
        assert "too long" in heard.complaints.get_nowait()
        way.send(b"b", b"V")
        assert node.recv(100) == b"b V"
        way.close()


async def test_a_host_without_a_way_to_it_is_an_error(heard: Heard) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - the words are the system's
        await open_transport("udp:no-such-host.invalid:9", heard.take, heard.complain)


@pytest.mark.parametrize("url", ["tcp:127.0.0.1:1", "nonsense"])
async def test_other_urls_are_refused(heard: Heard, url: str) -> None:
    with pytest.raises(ValueError, match="udp:HOST:PORT or unix:PATH"):
        await open_transport(url, heard.take, heard.complain)
