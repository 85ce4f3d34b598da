"""Sets of relay nodes: of both kinds, with weights, draining, and with a configuration that changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.stage import NgCall, Relay, Stage, held, on_stage
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node

pytestmark = pytest.mark.e2e


async def place(stage: Stage, count: int) -> list[NgCall]:
    """Place calls that are answered at once, without media."""
    calls = [stage.call(f"call-{number}") for number in range(count)]
    for call in calls:
        await call.offer(stage.client)
        await call.answer(stage.client)
    return calls


async def end(stage: Stage, calls: list[NgCall]) -> None:
    for call in calls:
        await call.delete(stage.client)
    await stage.nothing_is_left()


async def on_each(stage: Stage) -> list[int]:
    return [await held(relay) for relay in stage.relays]


async def test_a_set_of_both_kinds_has_calls_on_all_its_nodes_and_each_has_media() -> None:
    async with on_stage(Rtpengine(), Rtpproxy()) as stage:
        calls = await place(stage, 8)
        assert sum(on := await on_each(stage)) == len(calls)
        assert all(on)
        for relay in stage.relays:
            await first_on(relay, stage, calls).talk()
        await end(stage, calls)


def first_on(relay: Relay, stage: Stage, calls: list[NgCall]) -> NgCall:
    return next(call for call in calls if stage.preferred(call.call_id)[0] is relay)


async def test_an_rtpproxy_is_served_over_its_unix_socket() -> None:
    async with on_stage(Node("relay-1", Rtpproxy(unix=True), unix=True)) as stage:
        call = stage.call()
        await call.establish(stage.client)
        assert await stage.held() == 1
        await stage.relays[0].restart()
        await call.delete(stage.client)
        again = stage.call("call-2")
        await again.offer(stage.client)
        await again.answer(stage.client)
        await again.delete(stage.client)
        await stage.nothing_is_left()


async def test_nodes_get_calls_by_their_weights_and_those_of_weight_0_none() -> None:
    relays = [Rtpengine(media_ports=190), Rtpengine(media_ports=190), Rtpengine()]
    nodes = [Node(f"relay-{weight}", relay, weight=weight) for weight, relay in zip((4, 1, 0), relays, strict=True)]
    async with on_stage(*nodes) as stage:
        calls = await place(stage, 40)
        heavy, light, none = await on_each(stage)
        assert heavy + light == len(calls)
        assert heavy > 2 * light > 0
        assert none == 0
        await end(stage, calls)


async def test_a_draining_node_gets_no_new_calls_and_serves_its_own() -> None:
    async with on_stage(Rtpengine(), Rtpengine()) as stage:
        calls = await place(stage, 8)
        before = await on_each(stage)
        drained = first_on(stage.relays[0], stage, calls)
        await drained.talk()
        stage.service.nodes[0] = replace(stage.service.nodes[0], draining=True)
        await stage.service.restart()
        await drained.offer_again(stage.client)
        await drained.answer_again(stage.client)
        await drained.still_talks()
        new = [stage.call(f"new-{number}") for number in range(8)]
        for call in new:
            await call.offer(stage.client)
        assert await on_each(stage) == [before[0], before[1] + len(new)]
        await end(stage, [*calls, *new])


async def test_a_change_of_order_and_weights_moves_no_live_call() -> None:
    async with on_stage(Rtpengine(), Rtpproxy(), Rtpengine()) as stage:
        calls = await place(stage, 9)
        before = await on_each(stage)
        assert all(before)
        first, second, third = stage.service.nodes
        stage.service.nodes = [replace(third, weight=0), replace(first, weight=9), second]
        await stage.service.restart()
        for call in calls:
            await call.offer_again(stage.client)
            await call.answer_again(stage.client)
        assert await on_each(stage) == before
        await end(stage, calls)


async def test_a_call_on_a_node_that_left_the_configuration_is_deleted_when_the_node_is_back() -> None:
    async with on_stage(Rtpengine(), Rtpproxy()) as stage:
        calls = await place(stage, 8)
        nodes = stage.service.nodes
        stage.service.nodes = nodes[1:]
        await stage.service.restart()
        for call in calls:
            await call.delete(stage.client)
        assert await held(stage.relays[0]) > 0
        stage.service.nodes = nodes
        await stage.service.restart()
        await stage.nothing_is_left()
