"""HTTP servers of all doors, over real sockets: clients that ask nothing, ask too often, or what nobody can read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateways import bounded_http
from gateways.bounded_http import BoundedServer
from gateways.sockets import bind
from rtp_relay.config import SocketAddress
from tests.peers.datagram import Address
from tests.peers.peer import wait_until
from tests.peers.ports import HOST

ASKED = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def serving(*, most: int = 3) -> AsyncIterator[Address]:
    """Serve a word at `/`, and a fault elsewhere."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/":
            raise LookupError("a fault of ours")
        return web.Response(text="here")

    sock = bind(SocketAddress("tcp", HOST, 0))
    runner = web.ServerRunner(BoundedServer(answer, most=most))
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield sock.getsockname()
    finally:
        await runner.cleanup()


async def ask(address: Address, request: bytes) -> bytes:
    """Return what comes for a request; nothing where the connection is broken."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(request)
        return await reader.read(4096)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_connections_that_send_no_request_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "PATIENCE", 0.1)
    async with serving() as address:
        for begun in (b"", b"GET /short HTT"):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(begun)
            assert await reader.read() == b""
            writer.close()


async def test_so_many_connections_and_no_more() -> None:
    async with serving(most=3) as address:
        held = [await asyncio.open_connection(*address) for _ in range(3)]
        assert await ask(address, ASKED) == b""
        for _, writer in held:
            writer.close()
            await writer.wait_closed()

        async def again() -> bool:
            return b"here" in await ask(address, ASKED)

        await wait_until(again, "there is room again")


@pytest.mark.parametrize(
    ("request_", "status", "level"),
    [
        (b"POST /mi HTTP/1.1\r\n\r\n", 400, "warning"),
        (ASKED.replace(b"GET /", b"GET /else"), 500, "error"),
    ],
)
async def test_what_cannot_be_read_or_served_is_told_at_a_bounded_rate(
    request_: bytes, status: int, level: str
) -> None:
    async with serving() as address:
        with capture_logs() as lines:
            answers = [await ask(address, request_) for _ in range(5)]
    assert all(re.match(rb"HTTP/1.\d %d " % status, answer) for answer in answers)
    assert [(line["log_level"], line["bounded"]) for line in lines] == [(level, True)] * 5
