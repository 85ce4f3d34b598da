"""Several workers behind one SIP address: messages come to the one with their transaction, and calls outlive them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.e2e.sip.calls import Call, Scene, on_scene
from tests.e2e.sip.stage import ENDED, PLAIN, Stage
from tests.e2e.workers.conftest import Beginning, Workers, on_sip_stage
from tests.peers.peer import wait_until
from tests.peers.ua import Sent

pytestmark = pytest.mark.e2e

EACH_TRANSPORT = pytest.mark.parametrize("transport", ["udp", "tcp"])


async def writers(stage: Stage, call_id: str) -> set[str]:
    return {record.by for record in await stage.service.events(call_id)}


@EACH_TRANSPORT
async def test_each_call_is_served_by_one_worker_from_its_invite_to_its_end(sip_stage: Stage, transport: str) -> None:
    used: set[str] = set()
    for _ in range(10):  # each from sockets of its own, which the kernel gives to one worker or the other
        async with on_scene(sip_stage, transport=transport) as scene:
            call_id, call = await scene.establish()
            await call.reinvite("callee")
            await call.hang_up("caller")
            await sip_stage.nothing_is_left(call_id)
            (worker,) = await writers(sip_stage, call_id)
            used.add(worker)
    assert used == {"control-1/1", "control-1/2"}


@EACH_TRANSPORT
async def test_a_call_that_is_cancelled_and_one_that_is_refused(sip_stage: Stage, transport: str) -> None:
    for _ in range(6):
        async with on_scene(sip_stage, transport=transport) as scene:
            sent, (invite,) = await scene.invite()
            scene.callee.reply(invite, 180)
            await sent.response(180)
            await cancel(scene, sent)
            sent, (invite,) = await scene.invite()
            scene.callee.reply(invite, 486)
            await sent.response(486)
            await sip_stage.nothing_is_left(sent.request.call_id)


async def cancel(scene: Scene, sent: Sent) -> None:
    await scene.caller.cancel(sent).response(200)
    await sent.response(487)
    await scene.callee.request("CANCEL")


async def test_the_answer_to_an_invite_of_a_worker_that_was_killed_goes_through_another_one(
    sip_stage: Stage, workers: Workers
) -> None:
    async with on_scene(sip_stage) as scene:
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 180)
        await sent.response(180)
        await workers.kill(await workers.server_of(sent.request.call_id))
        scene.callee.reply(invite, 200, sdp=scene.callee.sdp())
        call = await scene.accepted(sent, invite, scene.callee)
        await call.talk()
        await call.keeps_its_ports("caller")
        await call.hang_up("callee")
        await sip_stage.nothing_is_left(sent.request.call_id)


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("ends", ["refused", "cancelled"])
async def test_a_call_whose_worker_was_killed_while_it_rang_ends(
    sip_stage: Stage, workers: Workers, ends: str, waits: bool
) -> None:
    async with on_scene(sip_stage) as scene:
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 180)
        await sent.response(180)
        server = await workers.server_of(sent.request.call_id)
        await workers.kill(server)
        if waits:
            await workers.back(server)
        if ends == "cancelled":
            cancel = scene.caller.cancel(sent)
            scene.callee.reply(await scene.callee.request("BYE"), 200)
            await cancel.response(200)
        code = 486 if ends == "refused" else 487
        scene.callee.reply(invite, code)
        await sent.response(code)
        await sip_stage.nothing_is_left(sent.request.call_id)


@pytest.mark.parametrize("by", ["caller", "callee"])
@pytest.mark.parametrize("waits", [False, True])
async def test_a_call_goes_on_at_once_when_its_worker_is_killed_and_after_it_is_back(
    sip_stage: Stage, workers: Workers, by: str, waits: bool
) -> None:
    async with on_scene(sip_stage) as scene:
        call_id, call = await scene.establish()
        server = await workers.server_of(call_id)
        await workers.kill(server)
        if waits:
            await workers.back(server)
        await call.keeps_its_ports("caller")
        await call.keeps_its_ports("callee")
        await call.talk()
        await call.hang_up(by)
        await sip_stage.nothing_is_left(call_id)
        assert (await sip_stage.told(call_id))[-2:] == ENDED


async def test_what_was_begun_at_another_worker_ends_there_after_the_calls_own_one_is_back(
    sip_stage: Stage, workers: Workers
) -> None:
    """Its INVITE was served while its worker was gone; its CANCEL comes when that is there again."""
    async with AsyncExitStack() as stack:
        scenes = [await stack.enter_async_context(on_scene(sip_stage)) for _ in range(8)]
        await workers.kill("control-1/1")
        invited = [await scene.invite() for scene in scenes]
        for scene, (sent, (invite,)) in zip(scenes, invited, strict=True):
            scene.callee.reply(invite, 180)
            await sent.response(180)
        await workers.back("control-1/1")
        for scene, (sent, _) in zip(scenes, invited, strict=True):
            await cancel(scene, sent)
        for sent, _ in invited:
            await sip_stage.nothing_is_left(sent.request.call_id)


@pytest.mark.parametrize("worker", ["control-1/1", "control-1/2"])
async def test_what_was_begun_at_another_worker_while_the_calls_own_one_hung_ends_there(
    sip_stage: Stage, workers: Workers, worker: str
) -> None:
    async with AsyncExitStack() as stack:
        scenes = [await stack.enter_async_context(on_scene(sip_stage)) for _ in range(8)]
        with workers.hanging(worker):
            await asyncio.sleep(3.5)
            invited = [await scene.invite() for scene in scenes]
            for scene, (sent, (invite,)) in zip(scenes, invited, strict=True):
                scene.callee.reply(invite, 180)
                await sent.response(180)
        await asyncio.sleep(1)
        for scene, (sent, _) in zip(scenes, invited, strict=True):
            await cancel(scene, sent)
        for sent, _ in invited:
            await sip_stage.nothing_is_left(sent.request.call_id)


async def test_what_was_begun_at_the_first_worker_before_the_others_were_there_ends_there() -> None:
    async with on_sip_stage(Beginning) as stage, AsyncExitStack() as stack:
        assert isinstance(stage.service, Beginning)
        scenes = [await stack.enter_async_context(on_scene(stage)) for _ in range(8)]
        invited = [await scene.invite() for scene in scenes]
        assert not await stage.service.is_whole()
        for scene, (sent, (invite,)) in zip(scenes, invited, strict=True):
            scene.callee.reply(invite, 180)
            await sent.response(180)
        await wait_until(stage.service.is_whole, "all workers are there")
        for scene, (sent, _) in zip(scenes, invited, strict=True):
            await cancel(scene, sent)
        for sent, _ in invited:
            await stage.nothing_is_left(sent.request.call_id)


async def test_workers_are_killed_while_calls_are_set_up(sip_stage: Stage, workers: Workers) -> None:
    """Calls that were established go on; those under way come about or end, and nothing is left on the relay."""
    async with AsyncExitStack() as stack:
        scenes = [await stack.enter_async_context(on_scene(sip_stage)) for _ in range(6)]
        calls: list[tuple[str, Call]] = [await scene.establish() for scene in scenes[:3]]
        for times, worker in enumerate(("control-1/1", "control-1/2"), 1):
            placing = [asyncio.create_task(scene.establish()) for scene in scenes[3 * times - 3 + 3 : 3 * times + 3]]
            await workers.kill(worker)
            calls += await asyncio.gather(*placing)
            await workers.back(worker)
        for call_id, call in calls:
            await call.talk()
            await call.hang_up("callee")
            assert (await sip_stage.told(call_id))[: len(PLAIN)] == PLAIN
        for call_id, _ in calls:
            await sip_stage.nothing_is_left(call_id)


async def test_a_callee_on_a_connection_of_another_worker_is_called_through_it(sip_stage: Stage) -> None:
    """Its agent has one connection to the door, and accepts none: whichever worker has it, all use it."""
    async with on_scene(sip_stage, transport="tcp") as scene:
        for _ in range(6):
            call_id, call = await scene.establish()
            await call.reinvite("caller")
            await call.hang_up("callee")
            await sip_stage.nothing_is_left(call_id)
