"""The doors for what rtpengines tell unasked: XML-RPC over HTTP, and datagrams."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from events.names import CallId, RelayId
from gateways.bounded_http import MAX_CONNECTIONS, BoundedServer
from gateways.relay_notices import NotUnderstood, answer_to, silent_session

log = structlog.get_logger(bounded=True)

MAX_BODY = 65_536
"""Bytes of a notice, at most."""

Vanished = Callable[[CallId, RelayId], None]
"""Takes the call-id of a session that may be gone, and its name on the node."""


@asynccontextmanager
async def taking_timeouts(sock: socket.socket, vanished: Vanished) -> AsyncIterator[None]:
    """Take XML-RPC requests at a bound socket while the block runs."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method != "POST" or "Origin" in request.headers:
            return web.Response(status=405, headers={"Allow": "POST"})
        return _answer(await _body_of(request), request.remote, vanished)

    runner = web.ServerRunner(BoundedServer(answer, most=MAX_CONNECTIONS), shutdown_timeout=0)
    await runner.setup()
    try:
        await web.SockSite(runner, sock).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def taking_datagrams(sock: socket.socket, take: Callable[[bytes], None]) -> AsyncIterator[None]:
    """Take datagrams at a bound socket while the block runs."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(take), sock=sock)
    try:
        yield
    finally:
        transport.close()


def _answer(body: bytes, remote: str | None, vanished: Vanished) -> web.Response:
    error = None
    try:
        vanished(*silent_session(body))
    except NotUnderstood as wrong:
        error = wrong
        log.warning("notice of an rtpengine not understood", of=remote, why=str(wrong))
    return web.Response(body=answer_to(error), content_type="text/xml")


async def _body_of(request: web.BaseRequest) -> bytes:
    """Return the body, or the beginning of one that is too long, which is no XML then."""
    body = bytearray()
    while len(body) < MAX_BODY and (more := await request.content.read(MAX_BODY - len(body))):
        body += more
    return bytes(body)


class _Datagrams(asyncio.DatagramProtocol):
    """Takes what comes."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self._take(data)
