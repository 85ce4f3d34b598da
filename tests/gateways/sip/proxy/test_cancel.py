"""The client gives up, at each point of a request's way (RFC 3261 16.10, 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sipmessage import Response

from gateways.sip.addresses import Hop, SipTransport
from gateways.sip.proxy.hooks import Answer, Forwarding, ProxyBranch, ProxyTarget, ReceivedRequest
from gateways.sip.transactions.users import TransactionFailure
from tests.gateways.sip.proxy.world import A, B, C, Server, World, request, settle, target


async def test_all_branches_are_cancelled_and_the_client_gets_487() -> None:
    world = World()
    server = await world.fork(A, B)
    world.clients[0].answer(180)
    world.cancel(server, 'Reason: SIP;cause=200;text="elsewhere"', "Reason: Q.850;cause=16")
    await settle()
    reason = 'SIP;cause=200;text="elsewhere", Q.850;cause=16'
    assert [client.cancels for client in world.clients] == [[reason], [reason]]
    assert server.codes == [180]
    world.clients[0].answer(487)
    await settle()
    assert server.codes == [180]
    world.clients[1].fail(TransactionFailure.TIMEOUT)
    await settle()
    assert server.codes == [180, 487]
    assert world.passing.log[3:] == [("cancelled",), ("came", 0, 487), ("came", 1, 408)]
    assert world.proxy.counters.cancelled == 1
    assert world.nothing_is_left()


async def test_a_second_cancel_changes_nothing() -> None:
    world = World()
    server = await world.fork(A)
    world.cancel(server)
    world.cancel(server)
    await settle()
    assert world.clients[0].cancels == [""]
    assert world.passing.log.count(("cancelled",)) == 1


async def test_the_487_of_a_callee_is_passed_on_as_it_came() -> None:
    world = World()
    server = await world.fork(A, B)
    world.clients[0].answer(486)
    world.cancel(server)
    world.clients[1].answer(487, headers=[("X-Callee", "B")])
    await settle()
    assert server.responses[-1].code == 487
    assert server.responses[-1].headers.get("X-Callee") == "B"


async def test_a_6xx_wins_over_the_487() -> None:
    world = World()
    server = await world.fork(A)
    world.cancel(server)
    world.clients[0].answer(603)
    await settle()
    assert server.codes == [603]


async def test_the_callee_answers_at_the_same_moment() -> None:
    world = World()
    server = await world.fork(A, B)
    world.cancel(server)
    world.clients[0].answer(200)
    world.clients[1].answer(200)
    await settle()
    assert server.codes == [200, 200]
    assert world.nothing_is_left()


async def test_a_cancel_that_comes_after_the_final_response() -> None:
    world = World()
    server = await world.fork(A, B)
    world.clients[0].answer(200)
    await settle()
    world.cancel(server)
    await settle()
    assert ("cancelled",) not in world.passing.log
    world.clients[1].answer(487)
    await settle()
    world.cancel(server)
    assert world.nothing_is_left()


async def test_a_cancel_while_the_200_is_still_in_the_hook() -> None:
    gate = asyncio.Event()

    async def wait(_: ProxyBranch, response: Response) -> Response:
        await gate.wait()
        return response

    world = World()
    world.passing.coming = wait
    server = await world.fork(A, B)
    world.clients[0].answer(200)
    await settle()
    world.cancel(server)
    await settle()
    assert [client.cancels for client in world.clients] == [[], [""]]
    gate.set()
    await settle()
    assert server.codes == [200]
    world.clients[1].answer(487)
    await settle()
    assert server.codes == [200]
    assert world.nothing_is_left()


async def test_a_cancel_while_it_is_being_routed() -> None:
    gate = asyncio.Event()

    async def decide(_: ReceivedRequest) -> Forwarding:
        await gate.wait()
        return Forwarding([target(A)], world.passing)

    world = World(decide=decide)
    server = await world.take()
    world.cancel(server)
    await settle()
    assert server.codes == []
    gate.set()
    await settle()
    assert server.codes == [487]
    assert world.clients == []
    assert world.passing.log == [("cancelled",)]
    assert world.nothing_is_left()


async def test_a_cancel_while_it_is_being_routed_to_an_answer_of_ours() -> None:
    gate = asyncio.Event()

    async def decide(_: ReceivedRequest) -> Answer:
        await gate.wait()
        return Answer(404)

    world = World(decide=decide)
    server = await world.take()
    world.cancel(server)
    gate.set()
    await settle()
    assert server.codes == [404]
    assert world.nothing_is_left()


async def test_a_cancel_while_a_branch_is_about_to_leave() -> None:
    gate = asyncio.Event()

    async def wait(_: ProxyBranch) -> None:
        await gate.wait()

    world = World()
    world.passing.leaving = wait
    server = await world.fork(A)
    world.cancel(server)
    gate.set()
    await settle()
    assert world.clients == []
    assert server.codes == [487]
    assert world.passing.log == [("leaves", 0), ("cancelled",), ("came", 0, 487)]
    assert world.nothing_is_left()


async def test_a_cancel_before_the_branches_had_their_turn() -> None:
    world = World()
    world.forward(target(A), target(B))

    server = Server(request())

    async def decide(_: ReceivedRequest) -> Forwarding | Answer | None:
        asyncio.get_running_loop().call_soon(world.cancel, server)
        return world.decision

    world.decide = decide
    world.proxy.request_came(server)
    await settle()
    assert server.codes == [487]
    assert world.clients == []
    assert world.nothing_is_left()


async def test_a_cancel_during_failover() -> None:
    hops = [Hop(SipTransport.UDP, "203.0.113.51", 5060), Hop(SipTransport.UDP, "203.0.113.52", 5060)]
    world = World(names={"example.net": hops})
    server = await world.fork("sip:bob@example.net")
    world.clients[0].fail(TransactionFailure.TRANSPORT)
    world.cancel(server)
    await settle()
    assert len(world.clients) == 1
    assert server.codes == [487]
    assert world.nothing_is_left()


async def test_no_failover_after_a_cancel() -> None:
    hops = [Hop(SipTransport.UDP, "203.0.113.51", 5060), Hop(SipTransport.UDP, "203.0.113.52", 5060)]
    world = World(names={"example.net": hops})
    server = await world.fork("sip:bob@example.net")
    world.cancel(server)
    world.clients[0].answer(503)
    await settle()
    assert len(world.clients) == 1
    assert server.codes == [487]


async def test_a_cancel_while_further_targets_are_looked_for() -> None:
    gate = asyncio.Event()

    async def look(_: Response) -> Sequence[ProxyTarget]:
        await gate.wait()
        return [target(C)]

    world = World()
    world.passing.failing = look
    server = await world.fork(A)
    world.clients[0].answer(486)
    await settle()
    world.cancel(server)
    gate.set()
    await settle()
    assert len(world.clients) == 1
    assert server.codes == [487]
    assert world.nothing_is_left()


async def test_targets_of_a_lower_q_are_not_tried_after_a_cancel() -> None:
    world = World()
    world.forward(target(A), target(B, q=0.5))
    server = await world.take()
    world.cancel(server)
    world.clients[0].answer(487)
    await settle()
    assert len(world.clients) == 1
    assert server.codes == [487]


async def test_timer_c_does_not_matter_after_a_cancel() -> None:
    world = World()
    server = await world.fork(A)
    world.cancel(server)
    world.clients[0].answer(180)
    await settle()
    assert world.clock.running == []
    world.clients[0].answer(487)
    await settle()
    assert server.codes == [180, 487]


async def test_a_cancel_of_what_is_not_in_work() -> None:
    world = World()
    server = await world.take(request())
    world.cancel(server)
    await settle()
    assert server.codes == []
