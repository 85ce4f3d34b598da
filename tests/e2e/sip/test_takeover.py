"""Two control nodes share a Redis; one is killed in mid-call, and the other one goes on with the call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from tests.e2e.sip.calls import Scene, on_scene
from tests.e2e.sip.stage import AGAIN, AS_ASKED, ENDED, PLAIN, Stage, database
from tests.peers.ports import HOST, PortBlock
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Service, Value

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])
ONE_ENGINE = pytest.mark.parametrize("stage", ["rtpengine"], indirect=True)
_DATABASES = count(3)


@pytest.fixture
def url(redis: RedisServer) -> str:
    """A journal of the test's own."""
    return database(redis, next(_DATABASES))


def control_node(number: int, url: str, stage: Stage, port: int, *second: int) -> Service:
    """Return a control node with its SIP door on `port`, and other control nodes' ports as second Record-Routes."""
    sip: dict[str, Value] = {"script": str(AS_ASKED)}
    if second:
        sip["second_record_routes"] = [f"{HOST}:{port}" for port in second]
    return Service(url, [Node("relay-1", stage.relay)], name=f"control-{number}", sip=sip, sip_port=port)


def played(service: Service, stage: Stage) -> Stage:
    """Return the stage with another control node."""
    return Stage(service, stage.relays, stage.engine)


async def worked_by(stage: Stage, call_id: str) -> list[str]:
    """Tell which control nodes wrote to a call's journal, in their order."""
    return list(dict.fromkeys([record.by for record in await stage.service.events(call_id)]))


@BOTH
async def test_the_next_control_node_on_the_same_address_goes_on(
    stage: Stage, url: str, ports: PortBlock, by: str
) -> None:
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage)) as scene:
        call_id, call = await scene.establish()
        await call.talk()
        one.kill()
        await call.talk()
        async with control_node(2, url, stage, port) as other:
            await call.keeps_its_ports("caller")
            await call.keeps_its_ports("callee")
            await call.talk()
            await call.hang_up(by)
            await played(other, stage).nothing_is_left(call_id)
            assert await played(other, stage).told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]
            assert await worked_by(played(other, stage), call_id) == ["control-1", "control-2"]


@ONE_ENGINE
async def test_the_next_control_node_goes_on_over_tcp(stage: Stage, url: str, ports: PortBlock) -> None:
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage), transport="tcp") as scene:
        call_id, call = await scene.establish()
        one.kill()
        async with control_node(2, url, stage, port) as other:
            await call.keeps_its_ports("callee")
            await call.keeps_its_ports("caller")
            await call.talk()
            await call.hang_up("callee")
            await played(other, stage).nothing_is_left(call_id)


@BOTH
@ONE_ENGINE
async def test_what_is_sent_while_no_control_node_is_there_is_served_by_the_next(
    stage: Stage, url: str, ports: PortBlock, by: str
) -> None:
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage)) as scene:
        call_id, call = await scene.establish()
        one.kill()
        side, other_side = call.sides(by)
        bye = side.agent.send(side.dialog, "BYE")
        async with control_node(2, url, stage, port) as other:
            other_side.agent.reply(await other_side.agent.request("BYE"), 200)
            await bye.response(200)
            await played(other, stage).nothing_is_left(call_id)
            assert await played(other, stage).told(call_id) == PLAIN + ENDED


@ONE_ENGINE
async def test_the_answer_to_an_invite_of_the_killed_control_node_goes_through_the_next(
    stage: Stage, url: str, ports: PortBlock
) -> None:
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage)) as scene:
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 180)
        await sent.response(180)
        one.kill()
        scene.callee.reply(invite, 200, sdp=scene.callee.sdp())
        async with control_node(2, url, stage, port) as other:
            call = await scene.accepted(sent, invite, scene.callee)
            await call.talk()
            await call.keeps_its_ports("caller")
            await call.hang_up("callee")
            await played(other, stage).nothing_is_left(sent.request.call_id)


@ONE_ENGINE
@pytest.mark.parametrize("fails", [True, False])
async def test_whichever_branch_answers_an_invite_of_the_killed_control_node_goes_through_the_next(
    stage: Stage, url: str, ports: PortBlock, fails: bool
) -> None:
    """A has rung and B was not heard of before, which answers: A rings no more."""
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage), "A", "B") as scene:
        a, b = scene.callees
        sent, (to_a, to_b) = await scene.invite()
        a.reply(to_a, 180)
        await sent.response(180)
        one.kill()
        b.reply(to_b, 200, sdp=b.sdp())
        async with control_node(2, url, stage, port) as other:
            call = await scene.accepted(sent, to_b, b)
            a.reply(await a.request("BYE"), 200)
            a.reply(to_a, 487) if fails else a.reply(to_a, 200, sdp=a.sdp())
            if not fails:
                await a.request("ACK")
            await call.talk()
            await call.keeps_its_ports("callee")
            await call.hang_up("caller")
            await played(other, stage).nothing_is_left(sent.request.call_id)


@ONE_ENGINE
async def test_each_branch_that_answers_an_invite_of_the_killed_control_node_goes_through_the_next(
    stage: Stage, url: str, ports: PortBlock
) -> None:
    """Neither was heard of before, so that nobody can end what rings: the caller has both of them."""
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage), "A", "B") as scene:
        a, b = scene.callees
        sent, (to_a, to_b) = await scene.invite()
        one.kill()
        b.reply(to_b, 200, sdp=b.sdp())
        async with control_node(2, url, stage, port) as other:
            call = await scene.accepted(sent, to_b, b)
            a.reply(to_a, 200, sdp=a.sdp())
            second = await scene.accepted(sent, to_a, a)
            await second.hang_up("caller")
            await call.talk()
            await call.keeps_its_ports("callee")
            await call.hang_up("caller")
            await played(other, stage).nothing_is_left(sent.request.call_id)


@ONE_ENGINE
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_failure_of_an_invite_of_the_killed_control_node_is_acknowledged_and_told(
    stage: Stage, url: str, ports: PortBlock, transport: str
) -> None:
    """Neither does the callee repeat it nor the caller wait: both agents tell at their end what got no ACK."""
    port = ports.take()
    async with (
        control_node(1, url, stage, port) as one,
        on_scene(played(one, stage), transport=transport) as scene,
    ):
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 180)
        await sent.response(180)
        one.kill()
        async with control_node(2, url, stage, port) as other:
            scene.callee.reply(invite, 486)
            await sent.response(486)
            await played(other, stage).nothing_is_left(sent.request.call_id)


@BOTH
@ONE_ENGINE
@pytest.mark.parametrize(("method", "code"), [("INVITE", 200), ("INVITE", 488), ("UPDATE", 200)])
async def test_the_response_to_an_offer_of_the_killed_control_node_goes_through_the_next(
    stage: Stage, url: str, ports: PortBlock, *, by: str, method: str, code: int
) -> None:
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage)) as scene:
        call_id, call = await scene.establish()
        side, other_side = call.sides(by)
        sent = side.agent.send(side.dialog, method, sdp=side.agent.sdp())
        arrived = await other_side.agent.request(method)
        one.kill()
        async with control_node(2, url, stage, port) as other:
            other_side.agent.reply(arrived, code, sdp=other_side.agent.sdp() if code == 200 else "")
            await sent.response(code)
            if (method, code) == ("INVITE", 200):
                side.agent.ack(sent)
                await other_side.agent.request("ACK")
            await call.talk()
            await call.keeps_its_ports(by)
            await call.hang_up("callee")
            await played(other, stage).nothing_is_left(call_id)


@ONE_ENGINE
@pytest.mark.parametrize("method", ["PRACK", "UPDATE"])
async def test_an_early_dialog_goes_on_with_the_next_control_node(
    stage: Stage, url: str, ports: PortBlock, method: str
) -> None:
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage)) as scene:
        caller, callee = scene.caller, scene.callee
        sent, (invite,) = await scene.invite()
        callee.reply(invite, 183, sdp=callee.sdp(), reliable=True)
        early = await sent.response(183)
        dialog = sent.dialog_of(early)
        if method == "UPDATE":
            prack = caller.send(dialog, "PRACK", headers=[("RAck", "1 1 INVITE")])
            callee.reply(await callee.request("PRACK"), 200)
            await prack.response(200)
        one.kill()
        rack, sdp = ([("RAck", "1 1 INVITE")], "") if method == "PRACK" else ([], caller.sdp())
        asked = caller.send(dialog, method, sdp=sdp, headers=rack)
        async with control_node(2, url, stage, port) as other:
            callee.reply(await callee.request(method), 200, sdp=callee.sdp() if sdp else "")
            await asked.response(200)
            callee.reply(invite, 200)
            call = await scene.accepted(sent, invite, callee, early=early.body)
            await call.talk()
            await call.keeps_its_ports("caller")
            await call.hang_up("callee")
            await played(other, stage).nothing_is_left(sent.request.call_id)


@ONE_ENGINE
async def test_a_call_that_rings_is_cancelled_through_the_next_control_node(
    stage: Stage, url: str, ports: PortBlock
) -> None:
    """Nobody knows the branch of the INVITE that the callee has: its early dialog is ended, and it fails the INVITE."""
    port = ports.take()
    async with control_node(1, url, stage, port) as one, on_scene(played(one, stage)) as scene:
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 180)
        await sent.response(180)
        one.kill()
        async with control_node(2, url, stage, port) as other:
            cancel = scene.caller.cancel(sent)
            scene.callee.reply(await scene.callee.request("BYE"), 200)
            await cancel.response(200)
            scene.callee.reply(invite, 487)
            await sent.response(487)
            await played(other, stage).nothing_is_left(sent.request.call_id)


@asynccontextmanager
async def beside_each_other(stage: Stage, url: str, ports: PortBlock) -> AsyncIterator[tuple[Scene, Service, Service]]:
    """Return a scene whose calls go to the first of two control nodes; callees' requests go to the second one."""
    first, second = ports.take(), ports.take()
    async with (
        control_node(1, url, stage, first, second) as one,
        control_node(2, url, stage, second, first) as other,
        on_scene(played(one, stage)) as scene,
    ):
        yield scene, one, other


@ONE_ENGINE
async def test_each_party_has_a_control_node_of_its_own(stage: Stage, url: str, ports: PortBlock) -> None:
    async with beside_each_other(stage, url, ports) as (scene, one, other):
        call_id, call = await scene.establish()
        for by in ("caller", "callee", "caller", "callee"):
            await call.keeps_its_ports(by)
        await call.talk()
        await call.hang_up("callee")
        await played(other, stage).nothing_is_left(call_id)
        assert await played(one, stage).told(call_id) == [*PLAIN, *AGAIN * 4, *ENDED]
        assert await worked_by(scene.stage, call_id) == ["control-1", "control-2"]


@BOTH
async def test_a_control_node_goes_on_alone_after_the_other_was_killed(
    stage: Stage, url: str, ports: PortBlock, by: str
) -> None:
    """The party's own control node survives; that of the other party is killed."""
    async with beside_each_other(stage, url, ports) as (scene, one, other):
        call_id, call = await scene.establish()
        await call.keeps_its_ports("caller")
        await call.keeps_its_ports("callee")
        (other if by == "caller" else one).kill()
        await call.keeps_its_ports(by)
        await call.talk()
        await call.hang_up(by)
        survivor = played(one if by == "caller" else other, stage)
        await survivor.nothing_is_left(call_id)
        assert await survivor.told(call_id) == [*PLAIN, *AGAIN * 3, *ENDED]
