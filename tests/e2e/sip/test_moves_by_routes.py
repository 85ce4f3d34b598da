"""Calls move between real relays and functions of the user's (the route engine), by which media go from end to end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from actors.commands.migration import MoveTarget
from actors.results import Moved, Refused
from engines.refusal import RefusalCode
from tests.e2e.sip.calls import Call, check_relayed, on_scene
from tests.e2e.sip.inside import MARKING, Inside
from tests.e2e.sip.own_requests import OTHER, marked, of_call
from tests.e2e.sip.stage import SCRIPTS, Stage, database
from tests.e2e.sip.test_moves import begins, is_told, lost
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import converse, media_address
from tests.peers.service import Node

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


@pytest_asyncio.fixture(loop_scope="package")
async def node(
    own_redis: RedisServer, relays: Mapping[str, Relay], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Inside]:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    nodes = [Node(f"{engine}-1", relay) for engine, relay in relays.items()]
    settings = {"route": {"script": str(SCRIPTS / "routes.py")}}
    sip = {"script": str(MARKING)}
    async with Inside(database(own_redis, 7), nodes, name="inside", sip=sip, settings=settings) as started:
        yield started


@pytest.fixture
def told(node: Inside) -> Path:
    """The file into which the functions write what they are given."""
    return Path(node.environment()["CALLS"])


def called(told: Path) -> list[str]:
    """Return which functions were called."""
    return [json.loads(line)[0] for line in told.read_text().splitlines()]


async def called_are(told: Path, names: list[str]) -> bool:
    return called(told) == names


async def moves(node: Inside, call: Call, engine: str) -> None:
    """Have a call moved whose parties come along."""
    moving = asyncio.create_task(node.move(of_call(call), MoveTarget(engine=engine)))
    await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
    moved = await moving
    assert isinstance(moved, Moved), moved
    assert moved.engine == engine


def is_direct(call: Call) -> bool:
    """Return whether both are told where the other one is, by a function."""
    return all(
        b"\r\ns=routed\r\n" in side.hears and media_address(side.hears) == other.agent.media.address
        for side, other in map(call.sides, OTHER)
    )


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
async def test_a_call_leaves_a_relay_for_functions_and_comes_back(
    node: Inside, relays: Mapping[str, Relay], told: Path, engine: str
) -> None:
    stage = Stage(node, relays, engine)
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        await begins(call)
        await moves(node, call, "route")
        assert called(told) == ["offer", "answer"]
        assert is_direct(call)
        await converse(scene.caller.media, scene.callee.media, 25)
        await stage.holds(0)
        await moves(node, call, engine)
        for side in (call.caller, call.callee):
            check_relayed(stage, side.hears)
        await converse(scene.caller.media, scene.callee.media, 25)
        assert lost(scene.caller.media, scene.callee.media) == lost(scene.callee.media, scene.caller.media) == []
        await stage.holds(1)
        await wait_until(
            lambda: called_are(told, ["offer", "answer", "delete"]), "the functions know the session's end"
        )
        await call.hang_up("caller")
        await stage.nothing_is_left(of_call(call))
        assert called(told) == ["offer", "answer", "delete"]


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
async def test_a_party_that_refuses_stays_with_the_functions(
    node: Inside, relays: Mapping[str, Relay], told: Path, engine: str
) -> None:
    stage = Stage(node, relays, "route")
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        await begins(call)
        moving = asyncio.create_task(node.move(of_call(call), MoveTarget(engine=engine)))
        follows = asyncio.create_task(is_told(call, "caller"))
        scene.callee.reply(await marked(call, "callee", "INVITE"), 488)
        await follows
        await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
        refused = await moving
        assert isinstance(refused, Refused)
        assert refused.code is RefusalCode.TURNED_BACK
        assert is_direct(call)
        await Stage(node, relays, engine).holds(0)
        await converse(scene.caller.media, scene.callee.media, 25)
        await call.hang_up("callee")
        await stage.nothing_is_left(of_call(call))
        assert called(told) == ["offer", "answer", "offer", "answer", "delete"]
