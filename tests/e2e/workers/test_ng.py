"""Several workers behind one ng address: calls are theirs by turns, and one that dies takes none with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack

import pytest

from tests.e2e.stage import NgCall, Stage, names, on_stage
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Table

pytestmark = pytest.mark.e2e

TWO: Mapping[str, Table] = {"service": {"workers": 2, "log_format": "json"}}

CALL = ["engaged", "offered", "answered"]
ENDED = ["delete wanted", "deleted"]


async def writers(stage: Stage, call_id: str) -> Counter[str]:
    """Return how many events of a call each control node wrote."""
    return Counter(record.by for record in await stage.service.events(call_id))


async def kill(stage: Stage, worker: str) -> None:
    os.kill(stage.service.workers()[worker], signal.SIGKILL)


async def is_back(stage: Stage, worker: str, before: int) -> None:
    async def there() -> bool:
        return stage.service.workers().get(worker, before) != before

    await wait_until(there, f"{worker} runs again")


async def server_of(stage: Stage, call_id: str) -> str:
    (worker,) = await writers(stage, call_id)
    return worker


async def test_each_call_is_served_by_one_worker_whichever_was_asked() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(stage.service.client(tcp=number % 3 == 0)) for number in range(12)]
        calls = [stage.call(f"call-{number}") for number in range(30)]
        for number, call in enumerate(calls):
            await call.offer(clients[number % 12])
            await call.answer(clients[(number + 5) % 12])
            await call.delete(clients[(number + 7) % 12])
        served = [await writers(stage, call.call_id) for call in calls]
        assert all(len(each) == 1 for each in served)
        assert {worker for each in served for worker in each} == {"control-1/1", "control-1/2"}
        for call in calls:
            assert await stage.events(call.call_id) == CALL + ENDED
        await stage.nothing_is_left()


async def test_the_counters_are_those_of_all_workers_and_stay_when_one_dies() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage:
        workers = stage.service.workers()
        for number in range(10):
            await stage.call(f"call-{number}").offer(stage.client)

        async def offers() -> object:
            statistics = (await stage.client.command("statistics"))[b"statistics"]
            assert isinstance(statistics, dict)
            own = statistics[b"rtp-relay"]
            assert isinstance(own, dict)
            requests = own[b"requests"]
            assert isinstance(requests, dict)
            return requests.get(b"offer")

        async def ten() -> bool:
            return await offers() == {b"ok": 10}

        await wait_until(ten, "the counters of both workers")
        await kill(stage, "control-1/1")
        await is_back(stage, "control-1/1", workers["control-1/1"])
        await wait_until(ten, "the counters of both workers, and of the dead one")


async def test_the_worker_of_a_call_dies_between_offer_and_answer() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage:
        calls = [stage.call(f"call-{number}") for number in range(4)]
        for call in calls:
            await call.offer(stage.client)
        await kill(stage, await server_of(stage, "call-0"))
        for call in calls:
            await call.answer(stage.client)
        for call in calls:
            await call.delete(stage.client)
            assert await stage.events(call.call_id) == CALL + ENDED
        await stage.nothing_is_left()


async def test_a_request_under_way_at_a_worker_that_dies_is_answered_by_another_one() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage:
        call, relay = stage.call(), stage.relays[0]
        relay.pause()
        offering = asyncio.create_task(call.offer(stage.client))
        await stage.journalled("engaged")
        server = await server_of(stage, call.call_id)
        await kill(stage, server)
        relay.resume()
        await offering
        await call.answer(stage.client)
        await call.talk()
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_a_request_on_a_connection_is_served_by_who_has_it_when_its_worker_dies() -> None:
    """A client on a stream does not repeat itself: who has the connection sees to its answer."""
    async with on_stage(Rtpengine(), settings=TWO) as stage, stage.service.client(tcp=True) as client:
        workers = stage.service.workers()
        await client.command("ping")
        (other,) = set(workers.values()) - {client.holder(workers.values())}
        call, relay = await call_served_by(stage, other), stage.relays[0]
        await call.offer(client)
        relay.pause()
        answering = asyncio.create_task(call.answer(client))
        await asyncio.sleep(0.3)  # it is on its way to the relay, which is nothing that can be seen
        os.kill(other, signal.SIGKILL)
        relay.resume()
        await answering
        await call.delete(client)
        await stage.nothing_is_left()


async def test_a_worker_that_hangs_serves_no_calls_meanwhile() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage, stage.service.client(tcp=True, tries=8) as client:
        workers = stage.service.workers()
        await client.command("ping")
        (other,) = set(workers.values()) - {client.holder(workers.values())}
        os.kill(other, signal.SIGSTOP)
        try:

            async def told() -> bool:
                return "a worker hangs" in stage.service.log(lines=1000)

            await wait_until(told, "it is found out")
            for number in range(8):
                await stage.call(f"call-{number}").offer(client)
        finally:
            os.kill(other, signal.SIGCONT)
        for number in range(8):
            await stage.call(f"call-{number}").delete(client)
        await stage.nothing_is_left()


async def test_a_worker_that_hangs_for_good_is_ended_and_replaced() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage:
        call, before = stage.call(), stage.service.workers()
        await call.offer(stage.client)
        server = await server_of(stage, call.call_id)
        os.kill(before[server], signal.SIGSTOP)
        await is_back(stage, server, before[server])
        async with stage.service.client(tries=20) as client:
            await call.answer(client)
            await call.delete(client)
        await stage.nothing_is_left()


async def test_replies_for_connections_are_waited_for_when_the_service_stops() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage, stage.service.client(tcp=True) as client:
        await client.command("ping")
        (other,) = set(stage.service.workers().values()) - {client.holder(stage.service.workers().values())}
        call, relay = await call_served_by(stage, other), stage.relays[0]
        relay.pause()
        offering = asyncio.create_task(call.offer(client))

        async def engaged_again() -> bool:
            return (await stage.events(call.call_id)).count("engaged") == 2

        await wait_until(engaged_again, "the offer is on its way to the relay")
        stage.service.terminate()
        await asyncio.sleep(0.5)  # it does not end before the reply, however long that takes
        assert stage.service.running
        relay.resume()
        await offering
        assert await stage.service.ended(10) == 0


async def test_a_worker_that_is_asked_to_end_finishes_what_it_has_and_is_replaced() -> None:
    async with on_stage(Rtpengine(), settings=TWO) as stage:
        call, relay, before = stage.call(), stage.relays[0], stage.service.workers()
        relay.pause()
        offering = asyncio.create_task(call.offer(stage.client))
        await stage.journalled("engaged")
        server = await server_of(stage, call.call_id)
        os.kill(before[server], signal.SIGTERM)
        relay.resume()
        await offering
        assert await writers(stage, call.call_id) == Counter({server: 2})
        await call.answer(stage.client)
        await is_back(stage, server, before[server])
        await call.delete(stage.client)
        assert await stage.events() == CALL + ENDED
        await stage.nothing_is_left()


async def call_served_by(stage: Stage, pid: int) -> NgCall:
    """Return a call that a worker serves, found by trying."""
    workers = stage.service.workers()
    for number in range(100):
        call = stage.call(f"call-{number}")
        await call.offer(stage.client)
        if workers[await server_of(stage, call.call_id)] == pid:
            await call.delete(stage.client)
            return stage.call(f"call-{number}")
        await call.delete(stage.client)
    raise AssertionError("no call of its own")


async def test_workers_die_again_and_again_while_calls_are_set_up() -> None:
    """Nothing leaks, and each call comes about: its client repeats what it has no answer to."""
    async with on_stage(Rtpengine(), Rtpengine(), settings=TWO) as stage, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(stage.service.client(tries=20)) for _ in range(8)]
        done: list[str] = []

        async def place(number: int, client: NgClient, other: NgClient) -> None:
            turn = 0
            while not harassing.done():
                turn += 1
                call = stage.call(f"call-{number}-{turn}")
                await call.offer(client)
                await call.answer(other)
                await call.delete(client)
                done.append(call.call_id)

        async def harass() -> None:
            for worker in ("control-1/1", "control-1/2", "control-1/2", "control-1/1"):
                before = stage.service.workers()[worker]
                os.kill(before, signal.SIGKILL)
                await is_back(stage, worker, before)
                await asyncio.sleep(1)

        harassing = asyncio.create_task(harass())
        # A client has one request at a time, so each has two of them for itself.
        await asyncio.gather(harassing, *(place(number, *clients[number : number + 2]) for number in (0, 2, 4, 6)))
        await stage.nothing_is_left()
        assert len(done) > 4
        for call_id in done:
            history = await stage.service.events(call_id)
            assert [record.version for record in history] == list(range(1, len(history) + 1))
            assert "deleted" in names(history)
