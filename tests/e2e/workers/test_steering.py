"""Over UDP the kernel gives requests to the worker of their call, and none to one that does not read."""

from __future__ import annotations

import os
import signal
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.sip.calls import on_scene
from tests.e2e.sip.stage import Stage as SipStage
from tests.e2e.stage import on_stage
from tests.e2e.workers.test_ng import TWO, call_served_by, is_back, writers
from tests.peers.peer import wait_until
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Service

pytestmark = pytest.mark.e2e


async def handed_over(service: Service, verb: str, requests: int) -> float:
    """Return how many requests workers have handed over, once they have counted so many of a verb."""
    numbers: dict[str, float] = {}

    async def counted() -> bool:
        numbers.clear()
        async with ClientSession() as http, http.get(f"{service.http}/metrics") as response:
            for family in text_string_to_metric_families(await response.text()):
                for sample in family.samples:
                    if sample.labels.get("verb", verb) == verb:
                        numbers[sample.name] = numbers.get(sample.name, 0) + sample.value
        return numbers.get("rtprelay_requests_total", 0) >= requests

    await wait_until(counted, f"{requests} {verb}s are counted")
    return numbers["rtprelay_handed_over_total"]


async def test_datagrams_come_to_the_worker_of_their_call_whichever_socket_they_come_from() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(stage.service.client()) for _ in range(5)]
        calls = [stage.call(f"call-{number}") for number in range(20)]
        for number, call in enumerate(calls):
            await call.offer(clients[number % 5])
            await call.answer(clients[(number + 1) % 5])
            await call.delete(clients[(number + 2) % 5])
        assert await handed_over(stage.service, "delete", 20) == 0
        served = {worker for call in calls for worker in await writers(stage, call.call_id)}
        assert served == {"control-1/1", "control-1/2"}
        await stage.nothing_is_left()


async def test_sip_messages_come_to_the_worker_of_their_call(sip_stage: SipStage) -> None:
    for _ in range(6):
        async with on_scene(sip_stage, transport="udp") as scene:
            _, call = await scene.establish()
            await call.reinvite("callee")
            await call.hang_up("caller")
    assert await handed_over(sip_stage.service, "BYE", 6) == 0


async def test_a_worker_that_hangs_gets_no_datagrams_and_is_replaced() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(stage.service.client()) for _ in range(10)]
        before = stage.service.workers()
        call = await call_served_by(stage, before["control-1/2"])
        await call.offer(stage.client)
        os.kill(before["control-1/2"], signal.SIGSTOP)

        async def told() -> bool:
            return "a worker hangs" in stage.service.log(lines=1000)

        await wait_until(told, "it is found out")
        for number, client in enumerate(clients):  # without steering some of these sockets would be its own
            await stage.call(f"meanwhile-{number}").offer(client)
        await call.answer(stage.client)
        await is_back(stage, "control-1/2", before["control-1/2"])
        await call.delete(stage.client)
        for number in range(10):
            await stage.call(f"meanwhile-{number}").delete(stage.client)
        await stage.nothing_is_left()
