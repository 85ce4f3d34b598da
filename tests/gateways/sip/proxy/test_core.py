from __future__ import annotations

import asyncio

import pytest
from sipmessage import Response
from structlog.testing import capture_logs

from events.names import Tag
from gateways.sip.proxy.hooks import Forwarding, ProxyBranch, ReceivedRequest
from gateways.sip.proxy.settings import ProxySettings
from tests.gateways.sip.proxy.world import A, B, Server, World, request, settle, target


def gated(world: World) -> asyncio.Event:
    """Have routing wait for the event that is returned."""
    gate = asyncio.Event()

    async def decide(_: ReceivedRequest) -> Forwarding:
        await gate.wait()
        return Forwarding([target(A)], world.passing)

    world.decide = decide
    return gate


async def test_too_many_setups_get_503() -> None:
    world = World(ProxySettings(max_setups=1, retry_after=4))
    gate = gated(world)
    await world.take(request(cseq=1))
    refused = await world.take(request(cseq=2))
    assert refused.codes == [503]
    assert 4 <= int(refused.responses[0].headers.get("Retry-After") or 0) <= 8
    assert world.proxy.counters.overloaded == 1
    within = await world.take(request(to_tag=Tag("tB"), cseq=3))
    other = await world.take(request("OPTIONS", cseq=4))
    assert (within.codes, other.codes) == ([], [])
    assert (world.proxy.setups, world.proxy.contexts) == (1, 3)
    gate.set()
    await settle()
    assert world.proxy.setups == 0
    assert (await world.take(request(cseq=5))).codes == []


async def test_a_setup_is_over_when_it_failed() -> None:
    world = World(ProxySettings(max_setups=1))
    assert (await world.take(request(cseq=1))).codes == []
    assert (await world.take(request(cseq=2))).codes == []
    assert world.proxy.setups == 0


async def test_too_many_requests_get_503() -> None:
    world = World(ProxySettings(max_contexts=1))
    world.forward()
    await world.take(request(cseq=1))
    assert (await world.take(request("OPTIONS", cseq=2))).codes == [503]
    assert (await world.take(request("BYE", to_tag=Tag("tB"), cseq=3))).codes == []


async def test_closing_lets_what_is_in_work_end() -> None:
    world = World()
    server = await world.fork(A)
    closing = asyncio.create_task(world.proxy.close(60))
    await settle()
    assert (await world.take(request(cseq=2))).codes == [503]
    bye = await world.take(request("BYE", to_tag=Tag("tB"), cseq=3))
    world.clients[1].answer(200)
    await settle()
    assert bye.codes == [200]
    assert not closing.done()
    world.clients[0].answer(200)
    await closing
    assert server.codes == [200]


async def test_closing_waits_for_hooks_too() -> None:
    gate = asyncio.Event()

    async def wait(_: ProxyBranch, response: Response) -> Response:
        if response.code == 200:
            await gate.wait()
        return response

    world = World()
    world.passing.coming = wait
    server = await world.fork(A)
    world.clients[0].answer(486)
    await settle()
    world.clients[0].answer(200)
    closing = asyncio.create_task(world.proxy.close(60))
    await settle()
    assert not closing.done()
    gate.set()
    await closing
    assert server.codes == [486]


async def test_closing_ends_after_the_grace() -> None:
    world = World()
    gated(world)
    await world.take(request(cseq=1))
    world.decide = None
    world.forward()
    await world.take(request(cseq=2))
    await world.proxy.close(0)
    assert world.clients[0].forgotten
    assert world.nothing_is_left()
    world.clients[0].answer(486)
    await settle()
    assert world.nothing_is_left()


async def test_counters() -> None:
    world = World()
    await world.fork(A, B)
    await world.take(request(headers=["Max-Forwards: 0"]))
    counters = world.proxy.counters
    assert (counters.requests, counters.branches, counters.refused) == (2, 2, 1)


async def test_nothing_escapes_into_the_transactions() -> None:
    class Broken(Server):
        def respond(self, response: Response) -> None:
            raise RuntimeError(f"no {response.code}")

    world = World()
    with capture_logs() as logs:
        world.proxy.request_came(Broken(request(headers=["Max-Forwards: 0"])))
        world.forward()
        broken = Broken(request())
        world.proxy.request_came(broken)
        await settle()
        world.clients[0].answer(180)
        await settle()
        world.clients[0].answer(486)
        await settle()
    assert len(logs) == 3
    assert world.nothing_is_left()


@pytest.mark.parametrize("method", ["INVITE", "BYE", "PRACK", "UPDATE", "INFO", "REFER", "FOO"])
async def test_every_method_passes(method: str) -> None:
    world = World()
    world.forward()
    server = await world.take(request(method, to_tag=Tag("tB")))
    world.clients[0].answer(200)
    await settle()
    assert world.clients[0].request.method == method
    assert server.codes == [200]
    assert world.nothing_is_left()
