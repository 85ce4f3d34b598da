"""What becomes of a request whose hooks refuse it, or fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sipmessage import Response
from structlog.testing import capture_logs

from events.names import Tag
from gateways.sip.proxy.hooks import Answer, Forwarding, ProxyBranch, ProxyTarget, ReceivedRequest, RefusalError
from tests.gateways.sip.proxy.world import A, B, World, request, settle, target


class Bug(Exception):
    pass


async def test_an_answer_of_the_router() -> None:
    world = World(decision=Answer(302, "Gone Fishing", (("Contact", "<sip:x@example.com>"),)))
    server = await world.take()
    (told,) = server.responses
    assert (told.code, told.phrase) == (302, "Gone Fishing")
    assert told.headers.getlist("Contact") == ["<sip:x@example.com>"]
    assert world.nothing_is_left()


async def test_a_dropped_request() -> None:
    world = World(decision=None)
    server = await world.take()
    assert server.codes == []
    assert server.dropped
    assert world.nothing_is_left()


async def test_a_router_that_refuses() -> None:
    async def refuse(_: ReceivedRequest) -> None:
        raise RefusalError(403, "Not You", [("X-Why", "because")])

    world = World(decide=refuse)
    with capture_logs() as logs:
        server = await world.take()
    assert server.codes == [403]
    assert server.responses[0].headers.get("X-Why") == "because"
    assert logs == []
    assert world.nothing_is_left()


async def test_a_router_that_fails() -> None:
    async def fail(_: ReceivedRequest) -> None:
        raise Bug

    world = World(decide=fail)
    with capture_logs() as logs:
        server = await world.take()
    assert server.codes == [500]
    assert [(entry["what"], entry["call_id"]) for entry in logs] == [("route", "a-call")]
    assert world.proxy.counters.failures == 1
    assert world.nothing_is_left()


async def test_a_branch_that_is_refused_fails() -> None:
    async def refuse(branch: ProxyBranch) -> None:
        if branch.index == 0:
            raise RefusalError(404, "Nobody")

    world = World()
    world.passing.leaving = refuse
    server = await world.fork(A, B)
    (client,) = world.clients
    assert server.codes == []
    client.answer(500)
    await settle()
    assert server.codes == [404]
    refused = ("refused", 0, 404, False)
    assert world.passing.log == [("leaves", 0), refused, ("leaves", 1), ("came", 1, 500), ("failed", 404)]
    assert world.nothing_is_left()


async def test_a_branch_without_a_way_out_is_told_of_its_end() -> None:
    world = World()
    world.forward(target("sip:bob@nowhere.example.com"))
    server = await world.take()
    assert server.codes == [500]
    assert world.passing.log[:2] == [("leaves", 0), ("came", 0, 503)]
    assert world.nothing_is_left()


async def test_a_503_of_ours_stays_one() -> None:
    async def refuse(_: ProxyBranch) -> None:
        raise RefusalError(503, "No Relay", [("Retry-After", "5")])

    world = World()
    world.passing.leaving = refuse
    server = await world.fork(A)
    assert server.codes == [503]
    assert server.responses[0].headers.get("Retry-After") == "5"


async def test_a_branch_that_breaks_ends_the_request() -> None:
    async def fail(branch: ProxyBranch) -> None:
        if branch.index == 1:
            raise Bug

    world = World()
    world.passing.leaving = fail
    with capture_logs() as logs:
        server = await world.fork(A, B)
    assert server.codes == [500]
    assert [entry["what"] for entry in logs] == ["branch_leaves"]
    (client,) = world.clients
    assert client.cancels == ['SIP;cause=500;text="Server Internal Error"']
    client.answer(487)
    await settle()
    assert server.codes == [500]
    assert ("failed", 487) not in world.passing.log
    assert world.nothing_is_left()


@pytest.mark.parametrize(("error", "code"), [(RefusalError(488, "No"), 488), (Bug(), 500)])
@pytest.mark.parametrize("at", [180, 486])
async def test_a_response_that_is_refused_ends_the_request(error: Exception, code: int, at: int) -> None:
    async def refuse(_: ProxyBranch, response: Response) -> Response:
        if response.code == at:
            raise error
        return response

    world = World()
    world.passing.coming = refuse
    server = await world.fork(A, B)
    world.clients[0].answer(at)
    await settle()
    assert server.codes == [code]
    assert len(world.clients[1].cancels) == 1
    if at == 180:
        assert len(world.clients[0].cancels) == 1
        world.clients[0].answer(487)
    world.clients[1].answer(487)
    await settle()
    assert server.codes == [code]
    assert world.nothing_is_left()


@pytest.mark.parametrize(("error", "code"), [(RefusalError(500, "No Relay"), 500), (Bug(), 500)])
async def test_a_2xx_that_is_refused_is_abandoned_once(error: Exception, code: int) -> None:
    async def refuse(_: ProxyBranch, __: Response) -> Response:
        raise error

    world = World()
    world.passing.coming = refuse
    server = await world.fork(A)
    world.clients[0].answer(200)
    world.clients[0].answer(200)
    await settle()
    assert server.codes == [code]
    assert world.passing.log.count(("abandoned", 0, 200)) == 1
    assert world.nothing_is_left()


async def test_each_dialog_is_abandoned() -> None:
    async def refuse(_: ProxyBranch, __: Response) -> Response:
        raise RefusalError(500, "")

    world = World()
    world.passing.coming = refuse
    await world.fork(A)
    world.clients[0].answer(200, Tag("t1"))
    world.clients[0].answer(200, Tag("t2"))
    await settle()
    assert world.passing.log.count(("abandoned", 0, 200)) == 2


async def test_the_2xx_of_another_request_is_so_once_the_refusal_is_sent() -> None:
    async def refuse(_: ProxyBranch, __: Response) -> Response:
        raise RefusalError(500, "")

    world = World()
    world.passing.coming = refuse
    server = await world.fork(A, incoming=request("UPDATE", to_tag=Tag("tB")))
    world.clients[0].answer(200)
    await settle()
    assert server.codes == [500]
    assert world.passing.log[-3:] == [("came", 0, 200), ("refused", 0, 500, True), ("abandoned", 0, 200)]


async def test_the_repeat_of_a_2xx_that_went_cannot_end_the_call() -> None:
    refusing: list[int] = []

    async def refuse_later(_: ProxyBranch, response: Response) -> Response:
        if refusing:
            raise Bug
        return response

    world = World()
    world.passing.coming = refuse_later
    server = await world.fork(A)
    world.clients[0].answer(200)
    await settle()
    refusing.append(1)
    world.clients[0].answer(200)
    await settle()
    assert server.codes == [200]
    assert world.passing.log[-1] == ("came", 0, 200)


async def test_a_2xx_that_comes_after_the_refusal_is_abandoned() -> None:
    async def refuse(_: ProxyBranch, response: Response) -> Response:
        if response.code == 183:
            raise RefusalError(488, "No")
        return response

    world = World()
    world.passing.coming = refuse
    server = await world.fork(A, B)
    world.clients[0].answer(183)
    await settle()
    world.clients[1].answer(200)
    world.clients[0].answer(487)
    await settle()
    assert server.codes == [488]
    assert ("abandoned", 1, 200) in world.passing.log
    assert world.nothing_is_left()


@pytest.mark.parametrize(("error", "code", "logged"), [(RefusalError(480, "Later"), 480, 0), (Bug(), 500, 1)])
async def test_a_failure_hook_may_have_another_response_sent(error: Exception, code: int, logged: int) -> None:
    async def refuse(_: Response) -> Sequence[ProxyTarget]:
        raise error

    world = World()
    world.passing.failing = refuse
    server = await world.fork(A)
    with capture_logs() as logs:
        world.clients[0].answer(486)
        await settle()
    assert server.codes == [code]
    assert len(logs) == logged
    assert world.nothing_is_left()


async def test_a_cancel_hook_that_fails() -> None:
    async def fail() -> None:
        raise Bug

    world = World()
    world.passing.cancelling = fail
    server = await world.fork(A)
    with capture_logs() as logs:
        world.cancel(server)
        await settle()
        world.clients[0].answer(487)
        await settle()
    assert [entry["what"] for entry in logs] == ["cancelled"]
    assert server.codes == [500]
    assert world.nothing_is_left()


async def test_an_abandon_hook_that_fails_is_logged() -> None:
    async def fail() -> None:
        raise Bug

    async def refuse(_: ProxyBranch, __: Response) -> Response:
        raise RefusalError(500, "")

    world = World()
    world.passing.coming, world.passing.abandoning = refuse, fail
    server = await world.fork(A)
    with capture_logs() as logs:
        world.clients[0].answer(200)
        await settle()
    assert [entry["what"] for entry in logs] == ["abandoned"]
    assert server.codes == [500]
    assert world.nothing_is_left()


async def test_one_request_that_hangs_does_not_stop_others() -> None:
    async def hang(arrival: ReceivedRequest) -> Answer:
        if arrival.incoming.cseq == 1:
            await asyncio.Event().wait()
        return Answer(404)

    world = World(decide=hang)
    hanging = await world.take(request(cseq=1))
    other = await world.take(request(cseq=2))
    assert (hanging.codes, other.codes) == ([], [404])
    await world.proxy.close(0)


async def test_targets_that_make_no_request_end_it() -> None:
    world = World()
    world.decision = Forwarding([object()], world.passing)  # type: ignore[list-item]
    with capture_logs() as logs:
        server = await world.take()
    assert server.codes == [500]
    assert len(logs) == 1
    assert world.nothing_is_left()
