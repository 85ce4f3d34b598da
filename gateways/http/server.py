"""The HTTP server: its sockets, who may ask, and what keeps a client from taking more than its share."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from aiohttp import web

from gateways.bounded_http import MAX_CONNECTIONS, BoundedServer
from gateways.http.routes import Routes
from gateways.sockets import ListenAddress, bind

log = structlog.get_logger(bounded=True)

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

SEND = 30.0
"""Seconds in which a client has to have taken a response."""

GRACE = 1.0
"""Seconds for which requests in work may go on when the server closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """How the server is set up.

    listen: the addresses. allow: the networks of clients. shared: whether other workers listen there, too.
    """

    listen: Sequence[ListenAddress]
    allow: Sequence[Network]
    shared: bool = False


class HttpServer:
    """Answers what its routes are for. `open` it once, `close` it in any case after that."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self.routes = Routes()
        self._stack = AsyncExitStack()
        self.addresses: list[str] = []
        """HOST:PORT of what is open, in the order of the settings."""

    async def open(self) -> None:
        """Begin to listen on all addresses, or on none if it raises. Raises OSError, which names the address."""
        try:
            for address in self._settings.listen:
                await self._listen(address)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close all sockets."""
        await self._stack.aclose()
        self.addresses.clear()

    async def _listen(self, address: ListenAddress) -> None:
        where = f"[{address.host}]" if ":" in address.host else address.host
        try:
            sock = bind(address, shared=self._settings.shared)
        except OSError as error:
            raise OSError(error.errno, f"{where}:{address.port}: {error.strerror}") from error
        runner = web.ServerRunner(BoundedServer(self._answer, most=MAX_CONNECTIONS), shutdown_timeout=GRACE)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        port = sock.getsockname()[1]
        await web.SockSite(runner, sock).start()
        self.addresses.append(f"{where}:{port}")

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if not self._is_allowed(request):
            return web.Response(status=403, text="not allowed from there\n")
        response = await self._response_to(request)
        if not response.prepared:
            await _send(request, response)
        return response

    def _is_allowed(self, request: web.BaseRequest) -> bool:
        address = ipaddress.ip_address((request.remote or "::").partition("%")[0])
        return any(address in network for network in self._settings.allow)

    async def _response_to(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self.routes.answer(request)
        except web.HTTPException as response:
            return web.Response(status=response.status, text=f"{response.reason}\n")
        except Exception:
            log.exception("HTTP request failed", path=request.path)
            return web.Response(status=500, text="internal error\n")


async def _send(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Send a response; break the connection to a client that does not take it."""
    try:
        async with asyncio.timeout(SEND):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        return  # who asked has gone
