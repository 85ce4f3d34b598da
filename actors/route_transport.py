"""The way to the route engine's node: it calls the user's callables, and hands on what they return.

One that is an `async def` runs on the loop, any other in a thread. What it raises, what it returns that means nothing,
and that it takes too long, is the end of that request alone: an error reply says so. One that is cancelled, or cannot
be because it is in a thread, may still be at work then; nothing else is called for its session before it has ended, so
that a delete does not come before the end of the offer that it undoes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import structlog

from actors.engine_actor import OpenWay
from actors.route_threads import Threads
from actors.transports import Complaint, Taker
from engines.route.parameters import RouteCall
from engines.route.returns import BadReturn, failure, reply_to
from engines.route.routes import Routes

log = structlog.get_logger()

Function: TypeAlias = Callable[[Any], Any]

MAX_THREADS = 32
"""Callables that are not `async def` run in so many threads at most; further ones wait, within their time."""


class RouteTransport:
    """Calls callables. `timeout` (s) is what one may take, waiting included."""

    repeats = False

    def __init__(self, routes: Routes, timeout: float, take: Taker) -> None:
        self._routes, self._timeout, self._take = routes, timeout, take
        self._threads = Threads(MAX_THREADS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._overdue: dict[str, asyncio.Future[bytes]] = {}

    def send(self, cookie: bytes, command: bytes) -> None:
        """Call what the command says; the reply is handed over in a later turn of the loop."""
        task = asyncio.get_running_loop().create_task(self._answer(cookie, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Cancel what is under way. Threads cannot be: what they come to is of no consequence any more."""
        for task in self._tasks:
            task.cancel()

    async def _answer(self, cookie: bytes, command: bytes) -> None:
        try:
            call = RouteCall.from_bytes(command)
        except ValueError as error:
            self._take(cookie, failure(f"route: the parameters cannot be told: {error}"))
        else:
            self._take(cookie, await self._call(call))

    async def _call(self, call: RouteCall) -> bytes:
        function = self._routes.of(call.route)
        if function is None:
            return reply_to(call.route, None)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout
        try:
            async with asyncio.timeout_at(until):
                await self._earlier(call.session)
                job = await self._begin(call, function)
        except TimeoutError:
            return _failed(call, function, f"was not called: it had to wait for others for {self._timeout:g} s")
        try:
            await asyncio.wait({job}, timeout=until - loop.time())
        finally:
            if not job.done():
                self._leave(call.session, job)
        return job.result() if job.done() else _failed(call, function, f"took longer than {self._timeout:g} s")

    async def _earlier(self, session: str) -> None:
        """Wait for the end of what took too long for this session."""
        while (job := self._overdue.get(session)) is not None:
            await asyncio.wait({job})

    async def _begin(self, call: RouteCall, function: Function) -> asyncio.Future[bytes]:
        if _is_async(function):
            return asyncio.get_running_loop().create_task(_awaited(call, function))
        return await self._threads.start(lambda: _called(call, function))

    def _leave(self, session: str, job: asyncio.Future[bytes]) -> None:
        """Wait no longer for something, but let nothing else of its session begin before it has ended."""
        if isinstance(job, asyncio.Task):
            job.cancel()
        self._overdue[session] = job
        job.add_done_callback(partial(self._ended, session))

    def _ended(self, session: str, job: asyncio.Future[bytes]) -> None:
        if self._overdue.get(session) is job:
            del self._overdue[session]


def _is_async(function: Function) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


async def _awaited(call: RouteCall, function: Function) -> bytes:
    try:
        returned = await function(call.parameters)
    except (Exception, SystemExit, asyncio.CancelledError) as error:  # its own: who cancels this wants no result
        return _raised(call, function, error)
    return _reply(call, function, returned)


def _called(call: RouteCall, function: Function) -> bytes:
    try:
        returned = function(call.parameters)
    except BaseException as error:  # whatever it is, it ends no more than this request
        return _raised(call, function, error)
    return _reply(call, function, returned)


def _reply(call: RouteCall, function: Function, returned: object) -> bytes:
    try:
        return reply_to(call.route, returned)
    except BadReturn as error:
        return _failed(call, function, str(error))


def _raised(call: RouteCall, function: Function, error: BaseException) -> bytes:
    return _failed(call, function, f"raised {type(error).__name__}: {error}", error)


def _failed(call: RouteCall, function: Function, what: str, error: BaseException | None = None) -> bytes:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    log.error(
        "route failed",
        call_id=call.parameters["callid"],
        route=str(call.route),
        function=name,
        at=_place(function),
        why=what,
        exc_info=error,
    )
    return failure(f"route {call.route}: {name} {what}")


def _place(function: Function) -> str:
    """Return the file and line where a function is written; "" for one that was not written in Python."""
    plain = inspect.unwrap(function)
    code = getattr(plain, "__code__", None) or getattr(type(plain).__call__, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else ""


def way_to(routes: Routes, timeout: float) -> OpenWay:
    """Return what opens the way to a node that is these callables."""

    async def open_way(url: str, take: Taker, complain: Complaint) -> RouteTransport:  # noqa: ARG001
        return RouteTransport(routes, timeout, take)

    return open_way
