"""The page's server over real sockets: no client has too many connections, or keeps one without asking anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from gateways import bounded_http
from gateways.sockets import bind
from rtp_relay.config import SocketAddress
from rtp_relay.web import server
from tests.gateways.test_bounded_http import ASKED, ask
from tests.peers.datagram import Address
from tests.peers.peer import wait_until
from tests.peers.ports import HOST

WORD = web.AppKey("WORD", str)


async def say(request: web.Request) -> web.StreamResponse:
    return web.Response(text=request.app[WORD])


@asynccontextmanager
async def page() -> AsyncIterator[Address]:
    app = web.Application()
    app[WORD] = "here"
    app.router.add_get("/", say)
    ended: list[web.Application] = []

    async def end(of: web.Application) -> None:
        ended.append(of)

    app.on_cleanup.append(end)
    sock = bind(SocketAddress("tcp", HOST, 0))
    async with server.serving(app) as runner:
        await web.SockSite(runner, sock).start()
        yield sock.getsockname()
        assert ended == []
    assert ended == [app]


async def test_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    async with page() as address:
        assert b"here" in await ask(address, ASKED.replace(b"x", b"x\r\nConnection: close"))
        held = [await asyncio.open_connection(*address) for _ in range(3)]
        assert await ask(address, ASKED) == b""
        for _, writer in held:
            writer.close()
            await writer.wait_closed()

        async def again() -> bool:
            return b"here" in await ask(address, ASKED)

        await wait_until(again, "there is room again")


async def test_connections_that_send_no_request_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_http, "PATIENCE", 0.1)
    async with page() as address:
        for begun in (b"", b"GET /short HTT"):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(begun)
            assert await reader.read() == b""
            writer.close()
