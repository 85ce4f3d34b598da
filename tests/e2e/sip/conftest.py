"""What the calls of this folder share: one Redis, one service, one relay of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests.e2e.sip.calls import Scene, on_scene
from tests.e2e.sip.stage import AS_ASKED, Stage, database
from tests.e2e.stage import Relay
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def redis() -> AsyncIterator[RedisServer]:
    async with RedisServer(args=["--databases", "32"]) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def own_redis() -> AsyncIterator[RedisServer]:
    """One for tests that each have a service, and a database, of their own."""
    async with RedisServer() as server:
        yield server


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def relays() -> AsyncIterator[Mapping[str, Relay]]:
    async with Rtpengine() as rtpengine, Rtpproxy() as rtpproxy:
        yield {"rtpengine": rtpengine, "rtpproxy": rtpproxy}


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def service(redis: RedisServer, relays: Mapping[str, Relay]) -> AsyncIterator[Service]:
    nodes = [Node(f"{engine}-1", relay) for engine, relay in relays.items()]
    async with Service(database(redis, 0), nodes, sip={"script": str(AS_ASKED)}) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="package", params=["rtpengine", "rtpproxy"])
async def stage(request: pytest.FixtureRequest, service: Service, relays: Mapping[str, Relay]) -> AsyncIterator[Stage]:
    """The one service, with a relay of each kind in turn."""
    made = Stage(service, relays, request.param)
    yield made
    await made.clear()


@pytest_asyncio.fixture(loop_scope="package")
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    """A caller and a callee, over UDP."""
    async with on_scene(stage) as set_up:
        yield set_up
