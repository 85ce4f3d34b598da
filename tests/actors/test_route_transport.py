"""The transport of the route engine: what callables do, and what becomes of the request."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from actors.route_threads import Threads
from actors.route_transport import RouteTransport, way_to
from engines.ng.bencode import NgDict, decode
from engines.route.parameters import Parameters, Route, RouteCall
from engines.route.routes import Routes

SHORT = 0.02
LONG = 10.0
PATIENCE = 10.0
PARAMETERS: Parameters = {"callid": "call", "from_tag": "A", "branch": -1, "set": "default", "body": b"v=0"}


class Way:
    """A transport, and the replies that it hands over."""

    def __init__(self, routes: Routes, timeout: float = LONG) -> None:
        self._waiting: dict[bytes, asyncio.Future[bytes]] = {}
        self.transport = RouteTransport(routes, timeout, lambda cookie, reply: self._waiting[cookie].set_result(reply))

    def send(self, route: Route = Route.OFFER, session: str = "call") -> asyncio.Future[bytes]:
        cookie = str(len(self._waiting)).encode()
        self._waiting[cookie] = asyncio.get_running_loop().create_future()
        self.transport.send(cookie, RouteCall(route, session, PARAMETERS).to_bytes())
        return self._waiting[cookie]

    async def ask(self, route: Route = Route.OFFER, session: str = "call") -> NgDict:
        return await read(self.send(route, session))


async def read(reply: asyncio.Future[bytes]) -> NgDict:
    said = decode(await asyncio.wait_for(reply, PATIENCE))
    assert isinstance(said, dict)
    return said


def error(text: str) -> NgDict:
    return {b"result": b"error", b"error-reason": text.encode()}


class Sync:
    """An object that can be called, of either sort."""

    def __init__(self, returns: object) -> None:
        self.returns = returns

    def __call__(self, call: Any) -> object:
        assert call == PARAMETERS
        return self.returns


class Async(Sync):
    async def __call__(self, call: Any) -> object:
        return super().__call__(call)


@pytest.mark.parametrize("function", [Sync("new"), Async("new"), Sync("new").__call__])
async def test_whatever_can_be_called_is_given_the_parameters(function: Callable[[Any], object]) -> None:
    assert await Way(Routes(offer=function)).ask() == {b"result": b"ok", b"sdp": b"new"}


async def test_an_absent_one_is_ok() -> None:
    assert await Way(Routes()).ask() == {b"result": b"ok"}


async def test_a_function_runs_in_a_thread_and_a_coroutine_on_the_loop() -> None:
    here = threading.get_ident()

    def offer(_: Any) -> object:
        return str(threading.get_ident() == here)

    async def answer(_: Any) -> object:
        return str(threading.get_ident() == here)

    way = Way(Routes(offer=offer, answer=answer))
    assert (await way.ask())[b"sdp"] == b"False"
    assert (await way.ask(Route.ANSWER))[b"sdp"] == b"True"


def raises_value_error(_: Any) -> None:
    raise ValueError("no such thing")


async def raises_cancelled(_: Any) -> None:
    raise asyncio.CancelledError("its own")


def exits(_: Any) -> None:
    sys.exit(3)


async def exits_async(_: Any) -> None:
    sys.exit(3)


def returns_garbage(_: Any) -> object:
    return 7


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (raises_value_error, "raised ValueError: no such thing"),
        (raises_cancelled, "raised CancelledError: its own"),
        (exits, "raised SystemExit: 3"),
        (exits_async, "raised SystemExit: 3"),
        (returns_garbage, "returned int as the body, expected str or bytes"),
    ],
)
async def test_a_failure_names_the_route_the_function_and_what_happened(
    function: Callable[[Any], object], what: str
) -> None:
    way = Way(Routes(offer=function, answer=Sync("fine")))
    structlog.reset_defaults()
    with capture_logs() as lines:
        assert await way.ask() == error(f"route offer: {function.__name__} {what}")
    (line,) = lines
    assert line["at"] == f"{__file__}:{function.__code__.co_firstlineno}"
    assert (line["call_id"], line["route"], line["why"]) == ("call", "offer", what)
    assert isinstance(line["exc_info"], BaseException) == what.startswith("raised")
    assert (await way.ask(Route.ANSWER))[b"sdp"] == b"fine"


async def test_a_coroutine_that_takes_too_long_is_cancelled() -> None:
    cancelled = asyncio.Event()

    async def slow(_: Any) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    way = Way(Routes(offer=slow), SHORT)
    with capture_logs():
        assert (await way.ask())[b"error-reason"] == (
            b"route offer: test_a_coroutine_that_takes_too_long_is_cancelled.<locals>.slow took longer than 0.02 s"
        )
    await asyncio.wait_for(cancelled.wait(), PATIENCE)


async def test_nothing_else_is_called_for_a_session_before_a_late_thread_has_ended() -> None:
    released = threading.Event()
    order: list[str] = []

    def blocks(_: Any) -> None:
        released.wait(PATIENCE)
        order.append("offer")

    async def delete(_: Any) -> None:
        order.append("delete")

    way = Way(Routes(offer=blocks, delete=delete), SHORT)
    with capture_logs():
        assert b"took longer" in reason(await way.ask())
        assert b"was not called" in reason(await way.ask(Route.DELETE))
    assert await way.ask(Route.DELETE, session="other") == {b"result": b"ok"}
    assert order == ["delete"]
    released.set()
    while (await way.ask(Route.DELETE))[b"result"] != b"ok":
        """Until the thread has ended: each try waits for it."""
    assert order == ["delete", "offer", "delete"]


def reason(reply: NgDict) -> bytes:
    text = reply[b"error-reason"]
    assert isinstance(text, bytes)
    return text


async def test_a_closed_transport_hands_over_nothing_and_cancels() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def slow(_: Any) -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    way = Way(Routes(offer=slow))
    reply = way.send()
    await asyncio.wait_for(begun.wait(), PATIENCE)
    way.transport.close()
    await asyncio.wait_for(cancelled.wait(), PATIENCE)
    assert not reply.done()


async def test_parameters_that_cannot_be_told_fail_the_request() -> None:
    way = Way(Routes(offer=Sync("new")))
    too_large = {**PARAMETERS, "body": b"v" * 70_000}
    reply = way._waiting[b"x"] = asyncio.get_running_loop().create_future()
    way.transport.send(b"x", RouteCall(Route.OFFER, "call", too_large).to_bytes())
    assert b"more than the 65536 allowed" in reason(await read(reply))


async def test_threads_are_bounded_and_given_on() -> None:
    threads = Threads(1)
    released = threading.Event()
    first = await threads.start(lambda: released.wait(PATIENCE))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(threads.start(lambda: True), SHORT)
    released.set()
    assert await asyncio.wait_for(first, PATIENCE)
    second = await asyncio.wait_for(threads.start(lambda: "second"), PATIENCE)
    assert await asyncio.wait_for(second, PATIENCE) == "second"


async def test_a_thread_whose_result_nobody_wants_frees_its_place() -> None:
    threads = Threads(1)
    released = threading.Event()
    (await threads.start(lambda: released.wait(PATIENCE))).cancel()
    released.set()
    second = await asyncio.wait_for(threads.start(lambda: "second"), PATIENCE)
    assert await asyncio.wait_for(second, PATIENCE) == "second"


async def test_the_way_to_a_node_is_a_transport() -> None:
    replies: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    open_way = way_to(Routes(offer=Sync("new")), LONG)
    transport = await open_way("route:", lambda _, reply: replies.set_result(reply), lambda _: None)
    assert not transport.repeats
    transport.send(b"1", RouteCall(Route.OFFER, "call", PARAMETERS).to_bytes())
    assert (await read(replies))[b"sdp"] == b"new"
