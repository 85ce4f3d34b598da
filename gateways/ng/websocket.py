"""ng over WebSockets: subprotocol `ng.rtpengine.com`, a message a frame; `ng-plain.rtpengine.com` has no cookies.

Any number of requests may be under way; replies come as they are ready, as binary frames.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from gateways.ng.cache import Send
from gateways.ng.counters import NgCounters
from gateways.ng.limits import Client

log = structlog.get_logger(bounded=True)

COOKIES, PLAIN = "ng.rtpengine.com", "ng-plain.rtpengine.com"
PROTOCOLS = (COOKIES, PLAIN)

MAX_OPEN = 1024
MAX_UNREAD = 8 * 1024 * 1024
"""Bytes of replies that a client may leave unread before its connection is broken off."""

_HEARTBEAT = 30.0
_CLOSE_TIMEOUT = 1.0


class Ask(Protocol):
    """Has a message served that came with a request; `send` takes the reply."""

    def __call__(self, message: bytes, request: web.BaseRequest, client: Client, send: Send, *, plain: bool) -> None:
        """Have it served."""


class NgWebSockets:
    """The open WebSockets. max_message: bytes of a message, at most."""

    def __init__(self, ask: Ask, counters: NgCounters, max_message: int) -> None:
        self._ask, self._counters, self._max_message = ask, counters, max_message
        self._open: set[web.WebSocketResponse] = set()

    async def close(self) -> None:
        """Close all."""
        closing = (socket.close(code=WSCloseCode.GOING_AWAY) for socket in self._open)
        await asyncio.gather(*closing, return_exceptions=True)

    async def serve(self, request: web.BaseRequest, client: Client) -> web.StreamResponse:
        """Serve a request for a WebSocket, until that is closed."""
        if len(self._open) >= MAX_OPEN:
            self._counters.not_allowed += 1
            log.warning("ng websocket refused", client=client.host, open=len(self._open))
            return web.Response(status=503)
        socket = web.WebSocketResponse(
            protocols=PROTOCOLS, max_msg_size=self._max_message, heartbeat=_HEARTBEAT, timeout=_CLOSE_TIMEOUT
        )
        await socket.prepare(request)
        self._open.add(socket)
        replies = _Replies(socket, request)
        writing = asyncio.create_task(replies.write())
        try:
            await self._read(socket, request, client, replies)
        finally:
            self._open.discard(socket)
            self._counters.streams_lost += replies.given_up
            writing.cancel()
        return socket

    async def _read(
        self, socket: web.WebSocketResponse, request: web.BaseRequest, client: Client, replies: _Replies
    ) -> None:
        plain = socket.ws_protocol == PLAIN
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self._ask(message.data.encode(), request, client, replies.put, plain=plain)
            elif message.type is WSMsgType.BINARY:
                self._ask(message.data, request, client, replies.put, plain=plain)


class _Replies:
    """The replies that wait to be written to a WebSocket. given_up: whether the client left too many unread."""

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self._socket, self._request = socket, request
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._bytes = 0
        self.given_up = False

    def put(self, reply: bytes) -> None:
        self._bytes += len(reply)
        self._waiting.put_nowait(reply)
        if self._bytes > MAX_UNREAD and not self.given_up:
            self.given_up = True
            log.warning("ng client does not read its replies", client=self._request.remote)
            if self._request.transport is not None:
                self._request.transport.abort()

    async def write(self) -> None:
        try:
            while True:
                reply = await self._waiting.get()
                await self._socket.send_bytes(reply)
                self._bytes -= len(reply)
        except ConnectionError:  # the client is gone; who serves its requests sees that, too
            self._waiting = asyncio.Queue()
