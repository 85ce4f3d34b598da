"""ng over HTTP, as rtpengine's `listen-http` has it: POST /ng and /ng-plain, GET /ping, WebSockets (websocket.py).

Statuses, types and bodies are an rtpengine's. What a browser sends for another page has an Origin, and is refused,
unlike there: anybody could ask through a user's browser.
"""

from __future__ import annotations

import asyncio
import ipaddress
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from gateways.ng import message as messages
from gateways.ng.cache import Send
from gateways.ng.counters import NgCounters
from gateways.ng.handler import PATIENCE, Peer, TakesMessages
from gateways.ng.limits import Client, Clients
from gateways.ng.standstill import Standstill
from gateways.ng.tap import Tap
from gateways.ng.tcp import ROOM
from gateways.ng.websocket import PROTOCOLS, NgWebSockets

log = structlog.get_logger(bounded=True)

MAX_BODY = 256 * 1024
"""Bytes of a request, at most."""

NG, JSON = "application/x-rtpengine-ng", "application/json"


class NgHttp:
    """Answers the HTTP requests of a server."""

    def __init__(
        self,
        handler: TakesMessages,
        clients: Clients,
        counters: NgCounters,
        standstill: Standstill,
        tap: Tap | None = None,
    ) -> None:
        self._handler, self._clients, self._counters, self._standstill = handler, clients, counters, standstill
        self._tap = tap
        self._last = 0
        self._sockets = NgWebSockets(self.ask, counters, MAX_BODY)

    async def close(self) -> None:
        """Close the WebSockets, after what was written to them."""
        await self._sockets.close()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        client = self._clients.find(_host_of(request))
        if client is None or _is_of_another_page(request):
            self._counters.not_allowed += 1
            log.warning("ng request over http refused", client=request.remote, origin=request.headers.get("Origin"))
            return _text(403, "forbidden\n")
        if request.method == "GET":
            return await self._got(request, client)
        given = request.headers.get("Content-Type", "").lower()
        if request.method != "POST" or (request.path, given) not in _POSTED:
            return _text(404, "not found\n")
        try:
            body = await request.content.read(MAX_BODY + 1)
            while len(body) <= MAX_BODY and (more := await request.content.read(MAX_BODY + 1 - len(body))):
                body += more
        except web.HTTPException:
            return _text(400, "error\n")
        return await self._posted(request, client, body, given)

    async def _got(self, request: web.BaseRequest, client: Client) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            offered = {word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")}
            if offered.isdisjoint(PROTOCOLS):
                return _text(400, "error\n")
            return await self._sockets.serve(request, client)
        return _text(200, "pong\n") if request.path == "/ping" else _text(404, "not found\n")

    async def _posted(self, request: web.BaseRequest, client: Client, body: bytes, given: str) -> web.StreamResponse:
        if len(body) > MAX_BODY:
            return _text(413, "error\n")
        plain = request.path == "/ng-plain"
        if not plain and messages.split(body) is None:
            self._counters.garbage += 1
            return _text(_NO_COOKIE, "error\n")
        replied: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def send(reply: bytes) -> None:
            if not replied.done():
                replied.set_result(reply)

        self.ask(body, request, client, send, plain=plain)
        try:
            async with asyncio.timeout(PATIENCE + 1):
                return web.Response(body=await replied, content_type=given)
        except TimeoutError:
            return _text(_NO_COOKIE, "error\n")

    def ask(self, message: bytes, request: web.BaseRequest, client: Client, send: Send, *, plain: bool) -> None:
        """Have a message served that came with a request. A plain one has no cookie, and its reply gets none."""
        if plain:
            self._last += 1
            cookie = b"plain-%d" % self._last
            message, send = messages.join(cookie, message), _without_cookie(len(cookie) + 1, send)
        host, port = _peer_of(request)
        if self._tap is not None:
            send = self._tap(message, "tcp", (host, port), _door_of(request), send)
        peer = Peer(client, b"http %b %d\0" % (host.encode(), port), ROOM)
        self._handler.take(message, peer, send, self._standstill.waited())


_NO_COOKIE = 600
"""The status with which an rtpengine answers what has no cookie."""

_POSTED = frozenset({("/ng", NG), ("/ng-plain", NG), ("/ng-plain", JSON)})


def _without_cookie(length: int, send: Send) -> Send:
    """Return what sends replies without the cookie and its space, which are so many bytes."""
    return lambda reply: send(reply[length:])


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, body=text.encode(), content_type="text/plain")


def _host_of(request: web.BaseRequest) -> str:
    """Return the address a request came from; one that IPv6 has for an IPv4 address is that address."""
    address = ipaddress.ip_address(_peer_of(request)[0].partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)


def _peer_of(request: web.BaseRequest) -> tuple[str, int]:
    """Return the other end of a request's connection; that of nobody if it is gone already."""
    name = None if request.transport is None else request.transport.get_extra_info("peername")
    return (name[0], name[1]) if name else ("::", 0)


def _door_of(request: web.BaseRequest) -> tuple[str, int]:
    name = None if request.transport is None else request.transport.get_extra_info("sockname")
    return (name[0], name[1]) if name else ("::", 0)


def _is_of_another_page(request: web.BaseRequest) -> bool:
    """Whether a browser sends a request for a page that may not be from here.

    Libraries for WebSockets name the host that they connect to as Origin. A page that was loaded by a name may have
    that name resolved to any address afterwards, so the host has to be an address.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    host = _host_in(origin)
    return host != _host_in(f"//{request.headers.get('Host', '')}") or not _is_address(host)


def _host_in(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
