"""The way to the route engine's node: it calls the user's callables, and hands on what they return.

One that is an `async def` runs on the loop, any other in a thread. What it raises, what it returns that means nothing,
and that it takes too long, is the end of that request alone: an error reply says so. One that is cancelled, or cannot
be because it is in a thread, may still be at work then; nothing else is called for its session before it has ended, so
that a delete does not come before the end of the offer that it undoes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from actors.engine import OpenWay
from actors.route_threads import Threads
from actors.transports import Complaint, Taker
from engines.route.parameters import RouteCall
from engines.route.returns import reply_to
from engines.route.routes import Routes
from engines.rtpengine.bencode import NgDict, encode

log = structlog.get_logger()

MAX_THREADS = 32
"""Callables that are not `async def` run in so many threads at most; further ones wait, within their time."""


class RouteTransport:
    """Calls callables. `timeout` (s) is what one may take, waiting included."""

    repeats = False

    def __init__(self, routes: Routes, timeout: float, take: Taker) -> None:
        self._routes, self._timeout, self._take = routes, timeout, take
        self._threads = Threads(MAX_THREADS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._overdue: dict[str, asyncio.Future[NgDict]] = {}

    def send(self, cookie: bytes, command: bytes) -> None:
        """Call what the command says; the reply is handed over in a later turn of the loop."""
        task = asyncio.get_running_loop().create_task(self._answer(cookie, RouteCall.from_bytes(command)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Cancel what is under way. Threads cannot be: what they do is of no consequence any more."""
        for task in self._tasks:
            task.cancel()

    async def _answer(self, cookie: bytes, call: RouteCall) -> None:
        function = self._routes.of(call.route)
        reply = failure_free = reply_to(call.route, None)
        if function is not None:
            reply = await self._within_time(call, function)
        self._take(cookie, encode(reply or failure_free))

    async def _within_time(self, call: RouteCall, function: Callable[[Any], object]) -> NgDict:
        raise NotImplementedError


def way_to(routes: Routes, timeout: float) -> OpenWay:
    """Give what opens the way to a node that is these callables."""

    async def open_way(url: str, take: Taker, complain: Complaint) -> RouteTransport:  # noqa: ARG001
        return RouteTransport(routes, timeout, take)

    return open_way
