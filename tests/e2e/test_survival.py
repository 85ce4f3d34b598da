"""The service dies, stops, or has a second one beside it, in the midst of calls: nothing is lost, nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from events.registry import MediaMeasured
from tests.e2e.stage import CALLEE, CALLER, NgCall, Stage, deleted_once, held, names, on_stage
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service

pytestmark = pytest.mark.e2e

CALL = ["engaged", "offered", "answered"]
ENDED = ["delete wanted", "deleted"]


async def kill_and_restart(stage: Stage) -> None:
    stage.service.kill()
    await stage.service.start()


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
async def test_a_service_killed_between_offer_and_answer_takes_the_answer(relay: type[Rtpengine | Rtpproxy]) -> None:
    async with on_stage(relay()) as stage:
        call = stage.call()
        await call.offer(stage.client)
        await kill_and_restart(stage)
        await call.answer(stage.client)
        await call.talk()
        await call.delete(stage.client)
        await stage.nothing_is_left()
        assert await stage.events() == CALL + ENDED


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
async def test_media_flows_on_while_the_service_is_dead_and_the_call_is_served_after(
    relay: type[Rtpengine | Rtpproxy],
) -> None:
    async with on_stage(relay()) as stage:
        call = stage.call()
        await call.establish(stage.client)
        stage.service.kill()
        await call.still_talks()
        await stage.service.start()
        await call.offer_again(stage.client)
        await call.answer_again(stage.client)
        await call.still_talks()
        await call.delete(stage.client)
        await stage.nothing_is_left()
        assert await stage.events() == [*CALL, "offer intended", "offered", "answered", *ENDED]


async def test_a_reply_lost_with_the_service_comes_to_the_clients_repeat() -> None:
    async with on_stage(Rtpengine()) as stage:
        call, relay = stage.call(), stage.relays[0]
        relay.pause()
        offering = asyncio.create_task(call.offer(stage.client))
        await stage.journalled("engaged")
        stage.service.kill()
        relay.resume()
        await stage.service.start()
        await offering
        await call.answer(stage.client)
        await call.talk()
        await call.delete(stage.client)
        await stage.relays_are_empty()
        assert (await stage.events())[:5] == ["engaged", "offer intended", "offered", "answered", "delete wanted"]


async def test_an_offer_in_flight_at_the_kill_that_nobody_repeats_is_removed_from_its_relay() -> None:
    async with on_stage(Rtpengine()) as stage:
        relay = stage.relays[0]
        relay.pause()
        async with stage.service.client(tries=1) as impatient:
            offering = asyncio.create_task(stage.call().offer(impatient))
            await stage.journalled("engaged")
            stage.service.kill()
            with pytest.raises(TimeoutError, match="no answer"):
                await offering
        relay.resume()
        await wait_until(lambda: holds(stage, 1), "the orphan is on the relay")
        await stage.service.start()
        await stage.journalled("deleted")
        await stage.nothing_is_left()
        assert await stage.events() == ["engaged", "offer failed", *ENDED]


async def holds(stage: Stage, count: int) -> bool:
    return await stage.held() == count


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
@pytest.mark.parametrize("fault", ["killed", "hangs"])
async def test_an_offer_in_a_dialog_whose_relay_is_gone_opens_a_session_on_another(
    relay: type[Rtpengine | Rtpproxy], fault: str
) -> None:
    async with on_stage(relay(), relay()) as stage:
        call = stage.call()
        await call.establish(stage.client)
        (before,) = [one for one in stage.relays if await held(one)]
        (after,) = [one for one in stage.relays if one is not before]
        if fault == "killed":
            before.kill()
        else:
            before.pause()
        await call.move(stage.client)
        assert await held(after) == 1
        if fault == "killed":
            await before.start()
        else:
            before.resume()
        await call.still_talks()
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_a_delete_in_flight_at_the_kill_is_confirmed_by_the_next_process() -> None:
    async with on_stage(Rtpengine()) as stage:
        call, relay = stage.call(), stage.relays[0]
        await call.establish(stage.client)
        relay.pause()
        deleting = asyncio.create_task(call.delete(stage.client))
        await stage.journalled("delete wanted")
        stage.service.kill()
        await stage.service.start()
        relay.resume()
        await deleting
        await stage.nothing_is_left()
        assert deleted_once(await stage.events()) == CALL + ENDED


async def test_a_relay_that_was_silent_at_the_delete_confirms_it_later() -> None:
    async with on_stage(Rtpengine()) as stage:
        call, relay = stage.call(), stage.relays[0]
        await call.establish(stage.client)
        relay.pause()
        reply = await call.delete(stage.client)
        assert b"stays due" in bytes_of(reply[b"warning"])
        relay.resume()
        await stage.nothing_is_left()
        assert await stage.events() == CALL + ENDED


def bytes_of(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


async def test_a_relay_that_died_with_its_call_is_forgotten_when_it_is_back() -> None:
    async with on_stage(Rtpengine()) as stage:
        call, relay = stage.call(), stage.relays[0]
        await call.establish(stage.client)
        relay.kill()
        await call.delete(stage.client)
        await relay.restart()
        await stage.nothing_is_left()
        assert await stage.events() == CALL + ENDED


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
async def test_two_control_nodes_serve_alternating_commands_of_a_call(relay: type[Rtpengine | Rtpproxy]) -> None:
    async with on_stage(relay()) as stage, beside(stage) as other, other.client() as client:
        call = stage.call()
        await call.offer(stage.client)
        await call.answer(client)
        await call.talk()
        await call.offer_again(stage.client)
        await call.answer_again(client)
        await call.still_talks()
        await call.delete(client)
        await stage.nothing_is_left()
        records = await stage.service.events("call-1")
        assert names(records) == [*CALL, "offer intended", "offered", "answered", *ENDED]
        assert [record.version for record in records] == list(range(1, len(records) + 1))
        one, two = "control-1", "control-2"
        by = [record.by for record in records if not isinstance(record.event, MediaMeasured)]
        assert by == [one, one, two, one, one, two, two, two]


def beside(stage: Stage) -> Service:
    """Return a second control node for the same calls."""
    return Service(stage.redis.url, stage.service.nodes, name="control-2")


@pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
async def test_two_control_nodes_at_once_on_one_call_keep_one_history(relay: type[Rtpengine | Rtpproxy]) -> None:
    async with on_stage(relay()) as stage, beside(stage) as other, other.client() as client:
        branches = [stage.call(branch=f"branch-{number}") for number in range(6)]
        await asyncio.gather(offer_all(branches[::2], stage.client), offer_all(branches[1::2], client))
        await branches[0].answer(stage.client)
        await branches[0].talk()
        await branches[0].delete(client)
        await stage.nothing_is_left()
        records = await stage.service.events("call-1")
        assert [record.version for record in records] == list(range(1, len(records) + 1))
        assert names(records).count("offered") == len(branches)
        assert {record.by for record in records} == {"control-1", "control-2"}


async def offer_all(calls: Iterable[NgCall], client: NgClient) -> None:
    for call in calls:
        await call.offer(client)


async def test_a_control_node_that_is_gone_for_good_leaves_its_work_to_the_other() -> None:
    async with on_stage(Rtpengine()) as stage, beside(stage) as other, other.client() as client:
        call, relay = stage.call(), stage.relays[0]
        await call.establish(stage.client)
        relay.pause()
        deleting = asyncio.create_task(call.delete(stage.client))
        await stage.journalled("delete wanted")
        stage.service.kill()
        deleting.cancel()
        relay.resume()
        await stage.journalled("deleted", within=40)
        assert await stage.held() == 0
        assert (await client.command("list"))[b"calls"] == []
        records = await other.events("call-1")
        assert names(records) == CALL + ENDED
        assert records[-1].by == "control-2"


@pytest.mark.parametrize("verb", ["offer", "delete"])
async def test_sigterm_answers_what_is_in_flight_and_exits_with_0(verb: str) -> None:
    async with on_stage(Node("relay-1", Rtpengine(), timeout=10)) as stage:
        call, relay = stage.call(), stage.relays[0]
        if verb == "delete":
            await call.establish(stage.client)
        relay.pause()
        async with stage.service.client(tries=1, timeout=20) as once:
            asked = asyncio.create_task(call.offer(once) if verb == "offer" else call.delete(once))
            await stage.journalled("engaged" if verb == "offer" else "delete wanted")
            stage.service.terminate()
            await refuses_new_calls(stage)
            relay.resume()
            assert (await asked)[b"result"] == b"ok"
        assert await stage.service.ended(10) == 0
        await stage.service.start()
        if verb == "offer":
            await call.delete(stage.client)
        await stage.nothing_is_left()


async def refuses_new_calls(stage: Stage) -> None:
    async def stopping() -> bool:
        return (await stage.client.command("ping"))[b"result"] != b"pong"

    await wait_until(stopping, "the service says that it stops")
    reply = await stage.client.command("offer", call_id="late", from_tag=CALLER, sdp=stage.media.caller.sdp())
    assert reply == {b"result": b"error", b"error-reason": b"Parallel session limit reached"}


async def test_an_orderly_stop_and_start_between_any_two_commands_is_not_noticed() -> None:
    async with on_stage(Rtpengine()) as stage:
        call = stage.call()
        steps = [call.offer, call.answer, call.offer_again, call.answer_again, call.delete]
        for step in steps:
            await step(stage.client)
            assert stage.service.terminate()
            assert await stage.service.ended(10) == 0
            await stage.service.start()
        await stage.nothing_is_left()
        assert await stage.events() == [*CALL, "offer intended", "offered", "answered", *ENDED]


async def test_a_command_repeated_with_its_cookie_is_carried_out_once() -> None:
    async with on_stage(Rtpengine()) as stage:
        call = {b"call-id": b"call-1", b"from-tag": CALLER.encode(), b"sdp": stage.media.caller.sdp().encode()}
        first = await stage.client.request({b"command": b"offer", **call}, b"cookie-1")
        assert await stage.client.request({b"command": b"offer", **call}, b"cookie-1") == first
        answer = {**call, b"to-tag": CALLEE.encode(), b"sdp": stage.media.callee.sdp().encode()}
        await stage.client.request({b"command": b"answer", **answer}, b"cookie-2")
        await stage.client.command("delete", call_id="call-1", from_tag=CALLER)
        await stage.nothing_is_left()
        assert await stage.events() == CALL + ENDED
