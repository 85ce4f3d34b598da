"""More than the door can do: new calls are refused, those in progress go on, and later there is room again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest

from gateways.sip.proxy.backlog import PATIENCE
from tests.e2e.sip.calls import Call, Scene, on_scene
from tests.e2e.sip.crowd import Crowd
from tests.e2e.sip.stage import AS_ASKED, Stage
from tests.e2e.stage import Relay
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service, Value

pytestmark = pytest.mark.e2e

MEBIBYTE = 1024 * 1024


@asynccontextmanager
async def on_small_stage(**sip: Value) -> AsyncIterator[Stage]:
    """Return a service with the keys `sip` of its door, a relay of each kind, and calls on rtpproxy."""
    relays: dict[str, Relay] = {"rtpengine": Rtpengine(media_ports=1000), "rtpproxy": Rtpproxy()}
    async with RedisServer() as redis, relays["rtpengine"], relays["rtpproxy"]:
        nodes = [Node(f"{engine}-1", relay, timeout=10) for engine, relay in relays.items()]
        async with Service(redis.url, nodes, sip={"script": str(AS_ASKED), **sip}) as service:
            yield Stage(service, relays, "rtpproxy")


@asynccontextmanager
async def on_small_scene(stage: Stage) -> AsyncIterator[tuple[Scene, Crowd]]:
    """Return a caller and a callee, and a crowd whose calls go through rtpengine."""
    async with on_scene(stage) as scene, Crowd((HOST, stage.service.sip_port), "rtpengine") as crowd:
        yield scene, crowd


async def goes_on(call: Call) -> None:
    """Serve all that a call can want."""
    await call.reinvite("caller")
    await call.ask("callee", "INFO")
    await call.reinvite("callee")
    await call.talk()


async def new_calls_are_taken(scene: Scene) -> None:
    """Place a call from its beginning to its end, and see that nothing is left of this one or others."""
    call_id, call = await scene.establish()
    await call.talk()
    await call.hang_up("callee")
    await scene.stage.nothing_is_left(call_id)


async def call_until_refused(crowd: Crowd) -> None:
    """Have calls fail, each of which leaves transactions behind, until one is refused."""
    while not crowd.refused:
        crowd.call(10)
        await crowd.answered()


async def call_until_taken(crowd: Crowd, t1: float) -> None:
    """Place calls until transactions have ended and there is room for one, and wait until there is for more."""
    taken = len(crowd.finals) - len(crowd.refused)
    while len(crowd.finals) - len(crowd.refused) == taken:
        crowd.call()
        await crowd.answered()
    await asyncio.sleep(2 * 64 * t1)  # no event: the one that was taken may have taken the room


def check_refusals(crowd: Crowd) -> None:
    """Check that each refusal says when to come again."""
    for refusal in crowd.refused:
        wait = re.search(rb"^Retry-After: (\d+)\r$", refusal, re.MULTILINE)
        assert wait, refusal
        assert int(wait[1]) > 0


async def test_a_relay_that_hangs_makes_setups_wait_and_further_ones_are_refused() -> None:
    async with on_small_stage(max_setups=20) as stage, on_small_scene(stage) as (scene, crowd):
        _, call = await scene.establish()
        stage.relays["rtpengine"].pause()
        crowd.call(50)
        await crowd.until(lambda: len(crowd.finals) == 30)
        assert len(crowd.refused) == 30
        check_refusals(crowd)
        await goes_on(call)
        stage.relays["rtpengine"].resume()
        await crowd.answered()
        assert len(crowd.refused) == 30
        await call.hang_up("caller")
        await new_calls_are_taken(scene)


async def test_too_many_transactions_leave_room_for_calls_in_progress() -> None:
    t1 = 0.05
    async with on_small_stage(max_transactions=100, t1=t1) as stage, on_small_scene(stage) as (scene, crowd):
        _, call = await scene.establish()
        await call_until_refused(crowd)
        check_refusals(crowd)
        await goes_on(call)
        await call.hang_up("caller")
        await call_until_taken(crowd, t1)
        await new_calls_are_taken(scene)


async def test_a_to_tag_alone_gives_no_room_past_the_bound() -> None:
    async with on_small_stage(max_transactions=100) as stage, on_small_scene(stage) as (scene, crowd):
        _, call = await scene.establish()
        ours = f"Route: <sip:{HOST}:{stage.service.sip_port};lr;rl>"
        byes = [crowd.request("BYE", headers=headers) for headers in ([], [ours]) * 200]
        crowd.ask(*(bye.replace(b"\r\nCall-ID", b";tag=any\r\nCall-ID") for bye in byes))
        await crowd.answered()
        assert len(crowd.refused) >= len(byes) - 100
        check_refusals(crowd)
        await goes_on(call)
        await call.hang_up("caller")


# A backlog of 64 is let pass, and once more after a message that was not late: the going call may send one meanwhile.
@pytest.mark.parametrize(("waiting", "refused"), [(30, 0), (300, 300 - 2 * PATIENCE)])
async def test_what_has_waited_for_long_is_refused_if_there_is_much_of_it(waiting: int, refused: int) -> None:
    async with on_small_stage(max_delay=0.05) as stage, on_small_scene(stage) as (scene, crowd):
        _, call = await scene.establish()
        stage.service.pause()
        crowd.call(waiting)
        going_on = asyncio.create_task(goes_on(call))
        await asyncio.sleep(0.1)  # no event: this is what makes them late
        stage.service.resume()
        await crowd.answered()
        await going_on
        assert refused <= len(crowd.refused) <= waiting
        assert (refused == 0) == (not crowd.refused)
        check_refusals(crowd)
        await call.hang_up("caller")
        await new_calls_are_taken(scene)


async def test_a_flood_far_above_capacity_stops_no_call_and_takes_no_memory() -> None:
    async with on_small_stage(max_setups=100_000) as stage, on_small_scene(stage) as (scene, crowd):
        _, call = await scene.establish()
        before = resident_bytes(stage.service)
        flood = asyncio.create_task(keep_calling(crowd, refused=1000))
        while not flood.done():
            await goes_on(call)
        await flood
        await crowd.answered()
        check_refusals(crowd)
        assert resident_bytes(stage.service) - before < 100 * MEBIBYTE
        await call.hang_up("caller")
        await new_calls_are_taken(scene)


async def keep_calling(crowd: Crowd, *, refused: int) -> None:
    """Send as many INVITEs as the door's socket may have room for, again and again, until many were refused."""
    async with asyncio.timeout(30):
        while len(crowd.refused) < refused:
            crowd.call(max(0, 1000 - crowd.open))
            await asyncio.sleep(0.01)


def resident_bytes(service: Service) -> int:
    """Return the memory that the service takes."""
    assert service._process is not None
    return int(psutil.Process(service._process.pid).memory_info().rss)
