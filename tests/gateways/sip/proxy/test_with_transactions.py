"""The proxy over the real transaction layer, between a caller and callees that are written down message by message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sipmessage import Request, Response

from events.names import NO_TAG, Tag
from gateways.sip.addresses import Hop
from gateways.sip.messages.incoming import Message
from gateways.sip.messages.reading import read
from gateways.sip.messages.replies import reply_to
from gateways.sip.transactions.layer import TransactionLayer
from gateways.sip.transactions.timers import Timers
from tests.gateways.sip.proxy.world import CALLER, A, B, World, request, target

QUICK = Timers(t1=0.01, t2=0.02, t4=0.02, grain=0.001)


class Network:
    """A network in memory: what the layer sends is kept by the host that it goes to, until a test takes it."""

    def __init__(self, world: World) -> None:
        self.layer = TransactionLayer(self._send, world.proxy, timers=QUICK, loop=asyncio.get_running_loop())
        world.proxy.open(self.layer, world, world)
        self._arrived: dict[str, asyncio.Queue[Message]] = {}
        self.unreachable: set[str] = set()

    def _send(self, data: bytes, hop: Hop, failed: Callable[[str], None] | None) -> None:
        if hop.host in self.unreachable:
            if failed is not None:
                asyncio.get_running_loop().call_soon(failed, "unreachable")
            return
        self._queue(hop.host).put_nowait(read(data, hop).message)

    def _queue(self, host: str) -> asyncio.Queue[Message]:
        return self._arrived.setdefault(host, asyncio.Queue())

    async def request(self, host: str, method: str) -> Request:
        """Wait for the next request of a method that comes to a host."""
        while True:
            message = await asyncio.wait_for(self._queue(host).get(), 5)
            if isinstance(message, Request) and message.method == method:
                return message

    async def response(self, code: int) -> Response:
        """Wait for the next response with this code that comes to the caller; an ACK belongs to one from 300 on."""
        while True:
            message = await asyncio.wait_for(self._queue(CALLER.host).get(), 5)
            if isinstance(message, Response) and message.code == code:
                return message

    def call(self, method: str = "INVITE", to_tag: Tag = NO_TAG, branch: str = "z9hG4bK-caller") -> None:
        """Have a request of the caller come."""
        self.layer.receive(bytes(request(method, to_tag=to_tag, branch=branch).message), CALLER)

    def reply(self, host: str, to: Request, code: int) -> None:
        """Have a callee's response come."""
        self.layer.receive(
            bytes(reply_to(to, code, to_tag=Tag(f"t{host}"))), Hop(CALLER.transport, host, 5060, CALLER.local)
        )

    async def quiet(self) -> None:
        """Wait until no transaction is known any more."""
        async with asyncio.timeout(10):
            while self.layer.transactions:  # noqa: ASYNC110 - the layer tells nobody
                await asyncio.sleep(QUICK.t1)


@asynccontextmanager
async def network(world: World) -> AsyncIterator[Network]:
    net = Network(world)
    try:
        yield net
    finally:
        net.layer.close()


HOST_A, HOST_B = "203.0.113.1", "203.0.113.2"


async def test_a_call() -> None:
    world = World()
    world.forward(target(A))
    async with network(world) as net:
        net.call()
        await net.response(100)
        invite = await net.request(HOST_A, "INVITE")
        net.reply(HOST_A, invite, 180)
        await net.response(180)
        net.reply(HOST_A, invite, 200)
        await net.response(200)
        net.reply(HOST_A, invite, 200)
        await net.response(200)
        net.call("ACK", to_tag=Tag("tB"), branch="z9hG4bK-ack")
        await net.request(HOST_A, "ACK")
        net.call("BYE", to_tag=Tag("tB"), branch="z9hG4bK-bye")
        bye = await net.request(HOST_A, "BYE")
        net.reply(HOST_A, bye, 200)
        await net.response(200)
        await net.quiet()
    assert world.nothing_is_left()


async def test_a_fork_whose_loser_is_cancelled() -> None:
    world = World()
    world.forward(target(A), target(B))
    async with network(world) as net:
        net.call()
        a, b = await net.request(HOST_A, "INVITE"), await net.request(HOST_B, "INVITE")
        net.reply(HOST_A, a, 180)
        net.reply(HOST_B, b, 200)
        await net.response(200)
        cancel = await net.request(HOST_A, "CANCEL")
        assert cancel.headers.getlist("Reason") == ['SIP;cause=200;text="Call completed elsewhere"']
        net.reply(HOST_A, cancel, 200)
        net.reply(HOST_A, a, 487)
        await net.request(HOST_A, "ACK")
        await net.quiet()
    assert world.nothing_is_left()


@pytest.mark.parametrize("rings", [True, False])
async def test_a_call_that_is_given_up(rings: bool) -> None:
    world = World()
    world.forward(target(A))
    async with network(world) as net:
        net.call()
        invite = await net.request(HOST_A, "INVITE")
        if rings:
            net.reply(HOST_A, invite, 180)
            await net.response(180)
        net.call("CANCEL")
        await net.response(200)
        if rings:
            cancel = await net.request(HOST_A, "CANCEL")
            net.reply(HOST_A, cancel, 200)
            net.reply(HOST_A, invite, 487)
            await net.request(HOST_A, "ACK")
        await net.response(487)
        net.call("ACK", to_tag=Tag("any"))
        await net.quiet()
    assert world.passing.log[-1] == ("came", 0, 487 if rings else 408)
    assert world.nothing_is_left()


async def test_a_callee_that_never_answers_its_cancel() -> None:
    world = World()
    world.forward(target(A))
    async with network(world) as net:
        net.call()
        net.reply(HOST_A, await net.request(HOST_A, "INVITE"), 180)
        net.call("CANCEL")
        await net.response(487)
        await net.quiet()
    assert world.nothing_is_left()


async def test_silence_and_failed_transport() -> None:
    world = World()
    world.forward(target(A), target(B, q=0.5))
    async with network(world) as net:
        net.unreachable = {HOST_B}
        net.call()
        await net.response(408)
        await net.quiet()
    assert world.passing.log[1:] == [("came", 0, 408), ("leaves", 1), ("came", 1, 503), ("failed", 408)]
    assert world.nothing_is_left()


async def test_failover() -> None:
    hops = [Hop(CALLER.transport, host, 5060) for host in (HOST_A, HOST_B)]
    world = World(names={"example.net": hops})
    world.forward(target("sip:bob@example.net"))
    async with network(world) as net:
        net.call()
        net.reply(HOST_A, await net.request(HOST_A, "INVITE"), 503)
        await net.request(HOST_A, "ACK")
        net.reply(HOST_B, await net.request(HOST_B, "INVITE"), 200)
        await net.response(200)
        await net.quiet()
    assert world.nothing_is_left()


async def test_a_dropped_call_and_a_refused_one() -> None:
    world = World()
    async with network(world) as net:
        net.call()
        await net.quiet()
        world.forward()
        net.layer.receive(bytes(request(headers=["Max-Forwards: 0"]).message), CALLER)
        await net.response(483)
        await net.quiet()
    assert world.nothing_is_left()
