"""The door over its real sockets."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import json
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from actors.control.control import Control
from actors.control.counters import Sample
from events.memory import MemoryJournal
from gateways.mi.access import Access
from gateways.mi.datagrams import LARGEST
from gateways.mi.door import MiDoor, MiSettings
from gateways.mi.http import LARGEST as LARGEST_BODY
from gateways.mi.jsonrpc import Json
from gateways.mi.methods import Caller, Method
from gateways.mi.parameters import Arguments
from gateways.mi.process import ProcessHooks
from rtp_relay.config import SocketAddress
from tests.peers.peer import wait_until

WHICH = b'{"jsonrpc": "2.0", "id": 1, "method": "which"}'
NOTE = b'{"jsonrpc": "2.0", "method": "which"}'
JSON = {"Content-Type": "application/json"}


class Program:
    """What the methods have of the program."""

    def __init__(self) -> None:
        self.level, self.stops, self.reloads = "info", 0, 0

    def set_level(self, level: str) -> None:
        self.level = level

    def stop(self) -> None:
        self.stops += 1

    def reload(self) -> None:
        self.reloads += 1

    def hooks(self) -> ProcessHooks:
        return ProcessHooks(
            version="1.2.3",
            started_at=1.0,
            processes=lambda: [(7, "control node"), (8, "worker 1")],
            samples=self.samples,
            log_level=lambda: self.level,
            set_log_level=self.set_level,
            stop=self.stop,
            reload=self.reload,
        )

    async def samples(self) -> list[Sample]:
        return [
            Sample("ng", "requests", 3, (("verb", "offer"), ("result", "ok"))),
            Sample("ng", "garbage", 1),
            Sample("calls", "resident", 9),
        ]


@pytest.fixture
def program() -> Program:
    return Program()


@pytest_asyncio.fixture
async def door(tmp_path: Path, program: Program) -> AsyncIterator[MiDoor]:
    settings = MiSettings(
        access=Access(allow=[ipaddress.ip_network("127.0.0.0/8")]),
        http=[SocketAddress("tcp", "127.0.0.1", 0)],
        udp=[SocketAddress("udp", "127.0.0.1", 0)],
        unix=[tmp_path / "mi.sock"],
    )
    made = MiDoor(settings, Control(MemoryJournal()), program.hooks())
    await made.open()
    yield made
    await made.close()


def url(door: MiDoor, path: str = "/mi") -> str:
    return f"{door.addresses[0].replace('http:', 'http://')}{path}"


async def post(door: MiDoor, body: bytes, headers: dict[str, str] | None = None, path: str = "/mi") -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(url(door, path), data=io.BytesIO(body), headers=JSON if headers is None else headers) as response,
    ):
        return response.status, await response.text()


async def call(door: MiDoor, method: str, *params: Any) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    _, text = await post(door, json.dumps(request).encode())
    reply = json.loads(text)
    return reply.get("result", reply.get("error"))


async def exchange(sock: socket.socket, data: bytes, to: Any) -> bytes:
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendto(sock, data, to)
    async with asyncio.timeout(5):
        return await loop.sock_recv(sock, 70_000)


async def ask_udp(door: MiDoor, data: bytes) -> bytes:
    port = int(door.addresses[1].rpartition(":")[2])
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("127.0.0.1", 0))
        return await exchange(sock, data, ("127.0.0.1", port))


async def test_http(door: MiDoor) -> None:
    status, text = await post(door, WHICH)
    assert status == 200
    assert "rtp_relay:list" in json.loads(text)["result"]
    assert await post(door, WHICH, path="/mi/anything") == (status, text)
    assert (await post(door, WHICH, {"Content-Type": "application/json; charset=utf-8"}))[0] == 200


async def test_an_error_of_a_method_is_a_200(door: MiDoor) -> None:
    status, text = await post(door, b"nonsense")
    assert (status, json.loads(text)["error"]["code"]) == (200, -32700)


async def test_a_notification_has_an_empty_reply(door: MiDoor) -> None:
    assert await post(door, NOTE) == (202, "")


@pytest.mark.parametrize(
    ("body", "headers", "path", "status"),
    [
        (b"", JSON, "/mi", 400),
        (WHICH, JSON, "/", 400),
        (WHICH, JSON, "/misc", 400),
        (WHICH, {"Content-Type": "text/plain"}, "/mi", 415),
        (WHICH, {**JSON, "Origin": "http://example.org"}, "/mi", 403),
        (WHICH, {**JSON, "Authorization": "Bearer wrong"}, "/mi", 401),
        (b"x" * (LARGEST_BODY + 1), JSON, "/mi", 413),
    ],
)
async def test_http_that_is_no_request(
    door: MiDoor, body: bytes, headers: dict[str, str], path: str, status: int
) -> None:
    assert (await post(door, body, headers, path))[0] == status


@pytest.mark.parametrize(("verb", "status"), [("GET", 405), ("PUT", 406), ("OPTIONS", 406)])
async def test_other_methods_of_http(door: MiDoor, verb: str, status: int) -> None:
    async with aiohttp.ClientSession() as session, session.request(verb, url(door)) as response:
        assert response.status == status


async def test_udp(door: MiDoor) -> None:
    assert "rtp_relay:list" in json.loads(await ask_udp(door, WHICH))["result"]
    assert await ask_udp(door, b"nonsense") == b"400 Parse_error"


async def test_a_reply_that_is_too_big_for_a_datagram(door: MiDoor) -> None:
    long = json.dumps({"jsonrpc": "2.0", "id": "x" * (LARGEST - 200), "method": "which"}).encode()
    said = json.loads(await ask_udp(door, long))
    assert said["error"]["code"] == 500


@pytest.mark.usefixtures("door")
async def test_unix(tmp_path: Path) -> None:
    path = tmp_path / "mi.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.bind(str(tmp_path / "client.sock"))
        assert "which" in json.loads(await exchange(sock, WHICH, str(path)))["result"]


async def test_one_without_an_address_is_not_answered_and_does_no_harm(door: MiDoor, tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.sendto(WHICH, str(tmp_path / "mi.sock"))
    assert "which" in json.loads(await ask_udp(door, WHICH))["result"]


async def test_what_a_dead_control_node_left_is_in_nobodys_way(door: MiDoor, tmp_path: Path, program: Program) -> None:
    await door.close()
    path = tmp_path / "mi.sock"
    assert not path.exists()
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sock:
        sock.bind(str(path))
    again = MiDoor(MiSettings(access=Access(allow=()), unix=[path]), Control(MemoryJournal()), program.hooks())
    await again.open()
    assert again.addresses == [f"unix:{path}"]
    await again.close()


async def test_an_address_that_cannot_be_had_opens_nothing(door: MiDoor, program: Program) -> None:
    taken = SocketAddress("udp", "127.0.0.1", int(door.addresses[1].rpartition(":")[2]))
    settings = MiSettings(access=Access(allow=()), http=[SocketAddress("tcp", "127.0.0.1", 0)], udp=[taken])
    other = MiDoor(settings, Control(MemoryJournal()), program.hooks())
    with pytest.raises(OSError, match=f"{taken.port}"):
        await other.open()
    assert other.addresses == []


async def test_the_methods_of_the_process(door: MiDoor, program: Program) -> None:
    assert await call(door, "version") == {"Server": "rtp-relay (1.2.3)"}
    assert set(await call(door, "uptime")) == {"Now", "Up since", "Up time"}
    assert await call(door, "get_statistics", ["ng:", "calls:resident"]) == {
        "ng:requests-offer-ok": 3,
        "ng:garbage": 1,
        "calls:resident": 9,
    }
    assert len(await call(door, "get_statistics", "all")) == 3
    assert (await call(door, "get_statistics", "none"))["code"] == 404
    rows = [{"ID": 0, "PID": 7, "Type": "control node"}, {"ID": 1, "PID": 8, "Type": "worker 1"}]
    assert (await call(door, "ps"))["Processes"] == rows
    assert isinstance(await call(door, "arg"), list)
    assert set(await call(door, "pwd")) == {"WD"}
    for engine in ("rtpengine", "rtpproxy"):
        assert await call(door, f"{engine}_reload") == "OK"
    assert program.reloads == 2
    assert await call(door, "kill") == "OK"
    assert program.stops == 1


async def test_the_log_level(door: MiDoor, program: Program) -> None:
    assert (await call(door, "log_level"))["Processes"][0]["Log level"] == 3
    assert (await call(door, "log_level", 4))["New global log level"] == 4
    assert program.level == "debug"
    assert (await call(door, "log_level", 9))["code"] == 400
    assert program.level == "debug"


async def test_nodes_of_an_engine_that_has_none(door: MiDoor) -> None:
    assert await call(door, "rtpengine_show") == []
    said = await call(door, "rtpengine_enable", "udp:127.0.0.1:1", 0)
    assert said == {"code": 404, "message": "rtpengine node not found", "data": "udp:127.0.0.1:1"}


async def test_sessions_of_an_engine_that_does_not_exist(door: MiDoor) -> None:
    assert await call(door, "rtp_relay_list") == []
    assert (await call(door, "rtp_relay_list", "rtpengin"))["message"] == "unknown RTP  Relay engine"
    assert (await call(door, "rtp_relay_list", "rtpengine", "udp:1.2.3.4:5"))["message"] == "unknown RTP Relay node"


class Items:
    """A method whose result are many items, one by one; `failing` is the number of one that there is not."""

    def __init__(self, count: int, failing: int = -1) -> None:
        self.count, self.failing, self.given, self.closed = count, failing, 0, asyncio.Event()

    async def give(self, given: Arguments, caller: Caller) -> AsyncGenerator[Json, None]:  # noqa: ARG002
        return self._items()

    async def _items(self) -> AsyncGenerator[Json, None]:
        try:
            for number in range(self.count):
                if number == self.failing:
                    raise ZeroDivisionError
                self.given = number + 1
                yield "x" * 1000
        finally:
            self.closed.set()

    def method(self) -> Method:
        return Method("many", "Gives many.", self.give)


MANY = b'{"jsonrpc": "2.0", "id": 1, "method": "many"}'


async def test_a_long_list_is_sent_as_it_is_found(door: MiDoor) -> None:
    items = Items(20_000)
    door.methods.add(items.method())
    status, text = await post(door, MANY)
    assert (status, len(json.loads(text)["result"])) == (200, 20_000)
    assert items.closed.is_set()


async def test_who_does_not_read_holds_a_little_of_a_list_in_memory_only(door: MiDoor) -> None:
    items = Items(1_000_000)
    door.methods.add(items.method())
    _, _, port = door.addresses[0].rpartition(":")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port), limit=1000)
    head = f"POST /mi HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(MANY)}\r\n\r\n"
    writer.write(head.encode() + MANY)
    assert b"200" in await reader.readline()

    async def stands_still() -> bool:
        before = items.given
        await asyncio.sleep(0.2)
        return items.given == before

    await wait_until(stands_still, "no more items are taken")
    assert 0 < items.given < 100_000
    writer.close()
    async with asyncio.timeout(10):
        await items.closed.wait()
    assert (await call(door, "which", "many")) == [[]], "others are answered"


async def test_a_list_that_breaks_off_is_never_taken_for_a_whole_one(door: MiDoor) -> None:
    door.methods.add(Items(2000, failing=1000).method())
    with pytest.raises(aiohttp.ClientError):
        await post(door, MANY)
    assert (await call(door, "which", "many")) == [[]]


async def test_a_list_that_is_too_long_for_a_datagram_is_not_read_to_its_end(door: MiDoor) -> None:
    items = Items(1_000_000)
    door.methods.add(items.method())
    said = json.loads(await ask_udp(door, MANY))
    assert (said["error"]["code"], said["error"]["message"]) == (500, "Internal error")
    assert items.given < 200
    async with asyncio.timeout(10):
        await items.closed.wait()
