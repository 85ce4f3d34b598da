"""MI over HTTP, as OpenSIPS' mi_http answers: every reply of a method is a 200, also one that tells of an error."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress

from aiohttp import web

from gateways.mi.access import Access
from gateways.mi.methods import Caller, Methods
from gateways.mi.replies import pieces

LARGEST = 1024 * 1024
"""Bytes of a request, at most."""

_NO_SUCH_URL = "<html><body>Unable to parse URL!</body></html>"
_JSON = "application/json"


CallerOf = Callable[[web.BaseRequest], Caller | None]


def by_address_and_token(access: Access) -> CallerOf:
    """Return what says by the rules who sends a request."""
    return lambda request: access.of_http(_host_of(request), request.headers.get("Authorization", ""))


class HttpRequests:
    """Answers the HTTP requests of a server: POST to `root` and what is below it."""

    def __init__(self, methods: Methods, caller_of: CallerOf, *, root: str = "/mi", pretty: bool = False) -> None:
        """Make it. `caller_of` says who sends a request, None for one who may not."""
        self._methods, self._caller_of, self._root, self._pretty = methods, caller_of, root, pretty

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        caller = self._caller_of(request)
        if caller is None:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="rtp-relay"'})
        body = await _body_of(request)
        if body is None:
            return web.Response(status=413)
        if not body:
            return web.Response(status=400)
        outcome = await self._methods.outcome(body, caller)
        if not outcome.wants_reply:
            return web.Response(status=202)
        async with aclosing(pieces(outcome, caller, pretty=self._pretty)) as reply:
            return await self._send(request, reply)

    async def _send(self, request: web.BaseRequest, reply: AsyncGenerator[bytes, None]) -> web.StreamResponse:
        """Send a reply as it comes. A failure in its midst breaks the connection: what has gone is not taken back."""
        first = await anext(reply)
        second = await anext(reply, None)
        if second is None:
            return web.Response(body=first, content_type=_JSON)
        response = web.StreamResponse()
        response.content_type = _JSON
        with suppress(ConnectionError):  # who asked has gone
            await response.prepare(request)
            for piece in (first, second):
                await response.write(piece)
            async for piece in reply:
                await response.write(piece)
            await response.write_eof()
        return response

    def _refusal(self, request: web.BaseRequest) -> web.Response | None:
        """Return the answer to what is no request of MI; None if it is one.

        What a browser sends for another page has an Origin, and is none: anybody could ask through a user's browser.
        """
        if request.path != self._root and not request.path.startswith(f"{self._root}/"):
            return web.Response(status=400, text=_NO_SUCH_URL, content_type="text/html")
        if request.method == "GET":
            return web.Response(status=405, headers={"Allow": "POST"})
        if request.method != "POST":
            return web.Response(status=406, text=_NO_SUCH_URL, content_type="text/html")
        if "Origin" in request.headers:
            return web.Response(status=403)
        if request.content_type != _JSON or "Content-Type" not in request.headers:
            return web.Response(status=415, text=f"Content-Type has to be {_JSON}\n")
        return None


async def _body_of(request: web.BaseRequest) -> bytes | None:
    """Return the body; None if it is too long."""
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _host_of(request: web.BaseRequest) -> str:
    """Return the address a request came from; one that IPv6 has for an IPv4 address is that address."""
    address = ipaddress.ip_address((request.remote or "::").partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)
