"""The HTTP server, over real sockets: its routes, who may ask, and clients that behave badly."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from gateways.http import server as server_module
from gateways.http.health import Condition, Health
from gateways.http.server import HttpServer, HttpSettings
from rtp_relay.config import SocketAddress
from tests.peers.ports import HOST

LOCAL = ipaddress.ip_network("127.0.0.0/8")
LONG = b"x" * 16_000_000


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    """Return a server with some routes."""
    settings = HttpSettings(listen=[SocketAddress("tcp", HOST, 0)], allow=[LOCAL])
    made = HttpServer(settings)
    await made.open()

    async def short(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="short\n")

    async def long(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=LONG)

    async def broken(_request: web.BaseRequest) -> web.StreamResponse:
        raise RuntimeError("secret of the program")

    async def streamed(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"streamed")
        await response.write_eof()
        return response

    for path, answer in (("/short", short), ("/long", long), ("/broken", broken), ("/streamed", streamed)):
        made.routes.add("GET", path, answer)
    made.routes.add("POST", "/short", long)
    yield made
    await made.close()


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """Return an HTTP client."""
    async with ClientSession() as session:
        yield session


def url(server: HttpServer, path: str) -> str:
    return f"http://{server.addresses[0]}{path}"


async def raw(server: HttpServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = server.addresses[0].rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def ask(client: ClientSession, address: str, method: str = "GET") -> tuple[int, bytes]:
    async with client.request(method, address) as response:
        return response.status, await response.read()


async def test_each_route_has_its_answer(server: HttpServer, client: ClientSession) -> None:
    assert await ask(client, url(server, "/short")) == (200, b"short\n")
    assert await ask(client, url(server, "/short?a=b")) == (200, b"short\n")
    assert await ask(client, url(server, "/short"), "HEAD") == (200, b"")
    assert await ask(client, url(server, "/short"), "POST") == (200, LONG)
    assert await ask(client, url(server, "/streamed")) == (200, b"streamed")
    assert await ask(client, url(server, "/short/")) == (404, b"not found\n")
    async with client.delete(url(server, "/short")) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, POST")


async def test_a_route_that_fails_tells_nothing_of_the_program(server: HttpServer, client: ClientSession) -> None:
    assert await ask(client, url(server, "/broken")) == (500, b"internal error\n")
    assert await ask(client, url(server, "/short")) == (200, b"short\n")


async def test_a_path_has_one_answer_for_a_method(server: HttpServer) -> None:
    async def other(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    with pytest.raises(ValueError, match="GET /short"):
        server.routes.add("GET", "/short", other)


async def test_who_is_not_named_may_not_ask(client: ClientSession) -> None:
    settings = HttpSettings(listen=[SocketAddress("tcp", HOST, 0)], allow=[ipaddress.ip_network("192.0.2.0/24")])
    server = HttpServer(settings)
    await server.open()
    Health(list).add_to(server.routes)
    assert await ask(client, url(server, "/healthz")) == (403, b"not allowed from there\n")
    await server.close()


async def test_an_address_in_use_is_named_and_nothing_stays_open(server: HttpServer) -> None:
    port = int(server.addresses[0].rpartition(":")[2])
    listen = [SocketAddress("tcp", HOST, 0), SocketAddress("tcp", HOST, port)]
    other = HttpServer(HttpSettings(listen=listen, allow=[LOCAL]))
    with pytest.raises(OSError, match=f"{HOST}:{port}"):
        await other.open()
    assert other.addresses == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50,  # TLS
        b"d7:command4:pinge\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /short HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /short HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00" * 1000,
        b"\r\n\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_others_are_answered(
    server: HttpServer, client: ClientSession, garbage: bytes
) -> None:
    reader, writer = await raw(server)
    writer.write(garbage)
    writer.write_eof()
    answer = await reader.read()
    assert not answer or (answer.startswith(b"HTTP/1.") and b" 200 " not in answer.split(b"\r\n")[0])
    writer.close()
    assert await ask(client, url(server, "/short")) == (200, b"short\n")


async def test_a_client_that_does_not_take_its_answer_in_time_is_left(
    server: HttpServer, client: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SEND", 0)
    reader, writer = await raw(server)
    writer.write(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await reader.readexactly(len(LONG))
    writer.close()
    assert await ask(client, url(server, "/short")) == (200, b"short\n")


async def test_health_and_what_is_missing(server: HttpServer, client: ClientSession) -> None:
    conditions = [Condition("journal"), Condition("ng door", "not open")]
    Health(lambda: conditions).add_to(server.routes)
    assert await ask(client, url(server, "/healthz")) == (200, b"ok\n")
    assert await ask(client, url(server, "/readyz")) == (503, b"not ready\njournal: ok\nng door: not open\n")
    conditions.pop()
    assert await ask(client, url(server, "/readyz")) == (200, b"ready\njournal: ok\n")
