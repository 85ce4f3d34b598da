"""Redis stops or dies in the midst of calls: nothing passes the relay, and who hangs up has hung up."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.sip.calls import Scene, on_scene
from tests.e2e.sip.stage import AS_ASKED, ENDED, PLAIN, Stage
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service, Table

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

PASSIVE: dict[str, Table] = {"service": {"passivate_after": 0}}
RESIDENT: dict[str, Table] = {"service": {"passivate_after": 3600}}
ENGINE, OTHER_ENGINE = ("rtpengine", PASSIVE), ("rtpproxy", RESIDENT)
EACH_ENGINE = pytest.mark.parametrize("on_own_store", [ENGINE, OTHER_ENGINE], indirect=True, ids=str)
HOW = pytest.mark.parametrize("how", ["stopped", "killed"])
# Each sits out how long the service waits for Redis: each pair of engine, way to lose Redis and party is here.
EACH_PAIR = pytest.mark.parametrize(
    ("on_own_store", "how", "by"),
    [
        (ENGINE, "stopped", "caller"),
        (ENGINE, "killed", "callee"),
        (OTHER_ENGINE, "stopped", "callee"),
        (OTHER_ENGINE, "killed", "caller"),
    ],
    indirect=["on_own_store"],
    ids=str,
)


@pytest_asyncio.fixture(loop_scope="package")
async def own_store() -> AsyncIterator[RedisServer]:
    async with RedisServer(appendonly=True, args=["--appendfsync", "always"]) as redis:
        yield redis


@pytest_asyncio.fixture(loop_scope="package")
async def on_own_store(request: pytest.FixtureRequest, own_store: RedisServer) -> AsyncIterator[Scene]:
    """A caller and a callee at a service whose Redis is the test's own."""
    engine, settings = request.param
    async with (
        Rtpengine() if engine == "rtpengine" else Rtpproxy() as relay,
        Service(own_store.url, [Node("relay-1", relay)], settings=settings, sip={"script": str(AS_ASKED)}) as service,
        on_scene(Stage(service, {engine: relay}, engine)) as scene,
    ):
        yield scene


def take_away(redis: RedisServer, how: str) -> None:
    if how == "stopped":
        redis.pause()
    else:
        redis.kill()


async def give_back(redis: RedisServer, how: str, stage: Stage) -> None:
    if how == "stopped":
        redis.resume()
    else:
        await redis.start()
    await wait_until(stage.service.ready, "the service is ready")


@EACH_PAIR
async def test_who_hangs_up_has_hung_up(on_own_store: Scene, own_store: RedisServer, how: str, by: str) -> None:
    scene, stage = on_own_store, on_own_store.stage
    call_id, call = await scene.establish()
    await call.talk()
    take_away(own_store, how)
    await call.hang_up(by)
    assert await stage.held() == 1
    await give_back(own_store, how, stage)
    await stage.holds(0)
    await stage.nothing_is_left(call_id)
    assert await stage.told(call_id) == [*PLAIN, *ENDED]


@EACH_PAIR
async def test_what_needs_the_journal_is_to_come_again(
    on_own_store: Scene, own_store: RedisServer, how: str, by: str
) -> None:
    scene, stage = on_own_store, on_own_store.stage
    call_id, call = await scene.establish()
    side, other = call.sides(by)
    take_away(own_store, how)
    for method, sdp in (("INVITE", side.agent.sdp()), ("UPDATE", side.agent.sdp("sendonly")), ("INFO", "")):
        refused = await side.agent.send(side.dialog, method, sdp=sdp).response(503)
        assert int(refused.headers["Retry-After"]) > 0
    assert {message.method for message in other.agent.received if hasattr(message, "method")} <= {"INVITE", "ACK"}
    await give_back(own_store, how, stage)
    await call.keeps_its_ports("caller")
    await call.keeps_its_ports("callee")
    await call.talk()
    await call.hang_up(by)
    await stage.nothing_is_left(call_id)


@HOW
@EACH_ENGINE
async def test_new_calls_get_503_and_ringing_ones_end(on_own_store: Scene, own_store: RedisServer, how: str) -> None:
    scene, stage = on_own_store, on_own_store.stage
    ringing, (arrived,) = await scene.invite()
    scene.callee.reply(arrived, 180)
    await ringing.response(180)
    take_away(own_store, how)
    fresh = scene.caller.invite(
        scene.callee.uri, stage.place(), sdp=scene.caller.sdp(), headers=[("X-Engine", stage.engine)]
    )
    assert int((await fresh.response(503)).headers["Retry-After"]) > 0
    scene.caller.cancel(ringing)
    await scene.callee.request("CANCEL")
    await ringing.response(487)
    await give_back(own_store, how, stage)
    await stage.holds(0)
    await stage.nothing_is_left(ringing.request.call_id)
