from __future__ import annotations

import asyncio

import pytest
from sipmessage import Response

from gateways.sip.proxy.hooks import ProxyBranch
from gateways.sip.proxy.settings import ProxySettings
from tests.gateways.sip.proxy.world import A, B, C, World, request, settle, target

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'


async def test_one_branch_from_invite_to_200() -> None:
    world = World()
    world.forward()
    server = await world.take()
    assert world.proxy.contexts == 1
    world.clients[0].answer(180)
    world.clients[0].answer(200)
    await settle()
    assert server.codes == [180, 200]
    assert world.passing.log == [("leaves", 0), ("came", 0, 180), ("came", 0, 200)]
    assert world.nothing_is_left()


async def test_in_parallel_the_first_200_wins_and_the_others_are_cancelled() -> None:
    world = World()
    server = await world.fork(A, B, C)
    a, b, c = world.clients
    a.answer(180)
    b.answer(200)
    await settle()
    assert server.codes == [180, 200]
    assert (a.cancels, b.cancels, c.cancels) == ([ELSEWHERE], [], [ELSEWHERE])
    a.answer(487)
    await settle()
    assert world.proxy.contexts == 1
    c.answer(487)
    await settle()
    assert server.codes == [180, 200]
    assert ("failed", 487) not in world.passing.log
    assert world.nothing_is_left()


async def test_all_2xx_of_an_invite_are_passed_on() -> None:
    world = World()
    server = await world.fork(A, B)
    a, b = world.clients
    b.answer(200)
    a.answer(200)
    await settle()
    b.answer(200)
    await settle()
    assert server.codes == [200, 200, 200]
    assert world.nothing_is_left()


async def test_only_the_first_2xx_of_another_request_is() -> None:
    world = World()
    server = await world.fork(A, B, incoming=request("MESSAGE"))
    a, b = world.clients
    b.answer(200)
    a.answer(200)
    await settle()
    assert server.codes == [200]
    assert (a.cancels, b.cancels) == ([], [])
    assert world.nothing_is_left()


async def test_failures_wait_for_the_others() -> None:
    world = World()
    server = await world.fork(A, B)
    a, b = world.clients
    a.answer(486)
    await settle()
    assert server.codes == []
    b.answer(404)
    await settle()
    assert server.codes == [404]
    assert world.nothing_is_left()


async def test_6xx_cancels_the_others_and_wins() -> None:
    world = World()
    server = await world.fork(A, B)
    a, b = world.clients
    a.answer(603)
    await settle()
    assert server.codes == []
    assert b.cancels == ['SIP;cause=603;text="Decline"']
    b.answer(487)
    await settle()
    assert server.codes == [603]


async def test_a_2xx_wins_over_a_6xx() -> None:
    world = World()
    server = await world.fork(A, B)
    a, b = world.clients
    a.answer(600)
    b.answer(200)
    await settle()
    assert server.codes == [200]
    assert world.nothing_is_left()


async def test_after_a_6xx_there_are_no_further_branches() -> None:
    world = World()
    world.forward(target(A), target(B, q=0.5))
    world.passing.further = [[target(C)]]
    server = await world.take()
    world.clients[0].answer(600)
    await settle()
    assert len(world.clients) == 1
    assert server.codes == [600]


async def test_serial_forking_by_q() -> None:
    world = World()
    world.forward(target(A, q=0.1), target(B, q=0.9), target(C, q=0.9))
    server = await world.take()
    assert [str(client.request.uri) for client in world.clients] == [B, C]
    world.clients[0].answer(486)
    world.clients[1].answer(486)
    await settle()
    assert str(world.clients[2].request.uri) == A
    assert world.passing.log[-1] == ("leaves", 2)
    world.clients[2].answer(404)
    await settle()
    assert world.passing.log[-1] == ("failed", 404)
    assert server.codes == [404]


async def test_further_branches_by_the_failure_hook_go_on_counting() -> None:
    world = World()
    world.forward(target(A))
    world.passing.further = [[target(B), target(C)]]
    server = await world.take()
    world.clients[0].answer(486)
    await settle()
    assert [client.hop.host for client in world.clients[1:]] == ["203.0.113.2", "203.0.113.3"]
    assert server.codes == []
    world.clients[2].answer(200)
    await settle()
    assert server.codes == [200]
    world.clients[1].answer(487)
    await settle()
    assert world.passing.log == [
        *[("leaves", 0), ("came", 0, 486), ("failed", 486), ("leaves", 1), ("leaves", 2)],
        *[("came", 2, 200), ("came", 1, 487)],
    ]
    assert world.nothing_is_left()


async def test_there_are_not_too_many_branches() -> None:
    world = World(ProxySettings(max_branches=2))
    world.forward(target(A))
    world.passing.further = [[target(B), target(C)], [target(C)]]
    server = await world.take()
    world.clients[0].answer(486)
    await settle()
    world.clients[1].answer(486)
    await settle()
    assert len(world.clients) == 2
    assert server.codes == [486]


# -- order --


async def test_the_responses_of_a_branch_queue_and_other_branches_do_not_wait() -> None:
    gate = asyncio.Event()

    async def wait_for_a(branch: ProxyBranch, response: Response) -> Response:
        if branch.index == 0:
            await gate.wait()
        return response

    world = World()
    world.passing.coming = wait_for_a
    server = await world.fork(A, B)
    a, b = world.clients
    a.answer(180)
    a.answer(183)
    b.answer(181)
    await settle()
    assert world.passing.log[2:] == [("came", 0, 180), ("came", 1, 181)]
    assert server.codes == [181]
    gate.set()
    await settle()
    assert world.passing.log[4:] == [("came", 0, 183)]
    assert server.codes == [181, 180, 183]


async def test_a_hook_may_change_or_drop_provisional_responses() -> None:
    async def only_183(_: ProxyBranch, response: Response) -> Response | None:
        response.headers.set("X-Seen", "1")
        return None if response.code == 180 else response

    world = World()
    world.passing.coming = only_183
    world.forward()
    server = await world.take()
    for code in (180, 183, 486):
        world.clients[0].answer(code)
    await settle()
    assert server.codes == [183, 486]
    assert server.responses[0].headers.get("X-Seen") == "1"


async def test_final_responses_cannot_be_dropped() -> None:
    async def drop(_: ProxyBranch, __: Response) -> None:
        return None

    world = World()
    world.passing.coming = drop
    world.forward()
    server = await world.take()
    world.clients[0].answer(200)
    await settle()
    assert server.codes == [200]


async def test_a_flood_of_responses_does_not_pile_up() -> None:
    gate = asyncio.Event()

    async def wait(_: ProxyBranch, response: Response) -> Response:
        await gate.wait()
        return response

    world = World()
    world.passing.coming = wait
    server = await world.fork(A)
    for _ in range(1000):
        world.clients[0].answer(180)
    for _ in range(1000):
        world.clients[0].answer(200)
    gate.set()
    while world.busy:
        await settle()
    assert server.codes.count(180) < 100
    assert server.codes.count(200) == 1
    assert world.nothing_is_left()


# -- timer C --


async def test_ringing_restarts_timer_c() -> None:
    world = World()
    world.forward()
    await world.take()
    (client,) = world.clients
    world.clock.advance(100)
    client.answer(180)
    world.clock.advance(100)
    assert client.cancels == []
    client.answer(100)
    world.clock.advance(100)
    assert client.cancels == ['SIP;cause=408;text="No answer in time"']
    client.answer(487)
    await settle()
    assert world.nothing_is_left()


async def test_what_does_not_even_ring_gets_408() -> None:
    world = World()
    world.forward()
    server = await world.take()
    world.clock.advance(190)
    await settle()
    assert server.codes == [408]
    assert len(world.clients[0].cancels) == 1
    assert world.nothing_is_left()
    world.clients[0].answer(200)
    await settle()
    assert server.codes == [408]
    assert world.passing.log[-1] == ("abandoned", 0, 200)


@pytest.mark.parametrize("method", ["BYE", "OPTIONS", "FOO"])
async def test_timer_c_is_for_invites(method: str) -> None:
    world = World()
    world.forward()
    await world.take(request(method))
    assert world.clock.alarms == []


async def test_timer_c_and_the_next_serial_branch() -> None:
    world = World()
    world.forward(target(A), target(B, q=0.5))
    server = await world.take()
    world.clock.advance(190)
    await settle()
    world.clients[1].answer(200)
    await settle()
    assert server.codes == [200]
