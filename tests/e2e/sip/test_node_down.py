"""A relay dies, or hangs, with calls on it: they leave it as the policy says, and it keeps nothing of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.e2e.sip.calls import Call, Scene, on_scene
from tests.e2e.sip.own_requests import OTHER
from tests.e2e.sip.stage import AS_ASKED
from tests.e2e.sip.test_lost_relays import KINDS, Pair
from tests.e2e.stage import held, names
from tests.peers.fake_opensips_mi import Answer, FakeOpensipsMi, done, refused
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties, converse, media_address
from tests.peers.service import Node, Service, Table

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

ENGINES = pytest.mark.parametrize("engine", KINDS)


@asynccontextmanager
async def watched(engine: str, action: str, **settings: Table) -> AsyncIterator[tuple[Pair, Scene]]:
    """Two relays of a set whose calls leave a node that is down at once."""
    async with RedisServer() as redis, KINDS[engine]() as one, KINDS[engine]() as two:
        relays = {"one": one, "two": two}
        nodes = [Node(name, relay, ping_every=0.2) for name, relay in relays.items()]
        policy: dict[str, Table] = {"sets.on_node_down.default": {"action": action, "wait": 0}, **settings}
        async with Service(redis.url, nodes, settings=policy, sip={"script": str(AS_ASKED)}) as service:
            pair = Pair(service, relays, engine)
            async with on_scene(pair.stage("one")) as scene:
                yield pair, scene


async def is_told(call: Call, leg: str, within: float = 10.0) -> None:
    """Take the re-INVITE that tells a party of another relay, and talk to where it says."""
    side, _ = call.sides(leg)
    arrived = await side.agent.request("INVITE", within=within)
    side.hears = arrived.body
    side.agent.media.talk_to(media_address(side.hears))
    side.agent.reply(arrived, 200, sdp=side.agent.sdp())
    await side.agent.request("ACK")


async def moves(pair: Pair, call_id: str, call: Call, before: str) -> str:
    """Let both parties be told of another relay, and talk through it; return its node."""
    await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
    await converse(call.caller.agent.media, call.callee.agent.media)
    node = await pair.talks(call_id, call)
    assert node != before
    return node


async def is_empty(pair: Pair, node: str) -> None:
    """Wait until a relay holds nothing."""

    async def empty() -> bool:
        return await held(pair.relays[node]) == 0

    await wait_until(empty, f"{node} holds nothing")


@ENGINES
async def test_the_calls_of_a_relay_that_was_killed_move_to_another_one(engine: str) -> None:
    async with watched(engine, "migrate") as (pair, scene):
        call_id, call = await scene.establish()
        before = await pair.talks(call_id, call)
        pair.relays[before].kill()
        node = await moves(pair, call_id, call, before)
        await pair.relays[before].restart()
        await call.hang_up("caller")
        await pair.stage(node).nothing_is_left(call_id)
        assert "migration completed" in [record.event.name for record in await pair.service.events(call_id)]


async def test_so_do_those_of_a_service_of_two_workers() -> None:
    async with watched("rtpengine", "migrate", service={"workers": 2}) as (pair, scene):
        for _ in range(3):
            call_id, call = await scene.establish()
            before = await pair.talks(call_id, call)
            pair.relays[before].kill()
            node = await moves(pair, call_id, call, before)
            await call.hang_up("callee")
            await pair.relays[before].restart()
            await is_empty(pair, node)
            await is_up(pair, before)


async def is_up(pair: Pair, node: str) -> None:
    """Wait until the service says that a node which was down is up again."""

    async def told() -> bool:
        lines = [line for line in pair.service.log(lines=10_000).splitlines() if "node changed its state" in line]
        return '"state": "up"' in [line for line in lines if f'"node": "{node}"' in line][-1]

    await wait_until(told, f"{node} is up")


@ENGINES
async def test_one_that_was_only_out_of_reach_is_rid_of_them_when_it_is_back(engine: str) -> None:
    async with watched(engine, "migrate") as (pair, scene):
        call_id, call = await scene.establish()
        before = await pair.talks(call_id, call)
        pair.relays[before].pause()
        try:
            node = await moves(pair, call_id, call, before)
        finally:
            pair.relays[before].resume()
        await is_empty(pair, before)
        assert await held(pair.relays[node]) == 1
        await call.hang_up("callee")
        await pair.stage(node).nothing_is_left(call_id)


async def test_the_calls_of_a_relay_that_hangs_end_for_both_parties() -> None:
    async with watched("rtpengine", "end") as (pair, scene):
        call_id, call = await scene.establish()
        before = await pair.talks(call_id, call)
        pair.relays[before].pause()
        try:
            for side in (call.caller, call.callee):
                side.agent.reply(await side.agent.request("BYE"), 200)
        finally:
            pair.relays[before].resume()
        await pair.stage(before).nothing_is_left(call_id)


async def test_a_call_of_the_ng_door_is_reported_and_moves_with_its_next_offer() -> None:
    async with watched("rtpengine", "migrate") as (pair, _), pair.service.client() as client, Parties() as media:
        await place(client, media)
        before = await pair.node_of("ng-1")
        pair.relays[before].pause()
        try:

            async def reported() -> bool:
                return "migration intended" in names(await pair.service.events("ng-1"))

            await wait_until(reported, "it is reported")
            await place(client, media, to_tag="B")
            assert await pair.node_of("ng-1") != before
        finally:
            pair.relays[before].resume()
        await is_empty(pair, before)
        assert (await client.command("delete", call_id="ng-1"))[b"result"] == b"ok"
        for node in pair.relays:
            await is_empty(pair, node)


@pytest.mark.parametrize("answer", [done, refused(404, "RTP Relay session not found")])
async def test_its_sip_server_is_asked_to_offer_again_and_what_it_says_is_told(answer: Answer) -> None:
    async with FakeOpensipsMi(answer) as server:
        door: dict[str, Table] = {"ng.reinvite": {"mi": server.url, "timeout": 5}}
        async with (
            watched("rtpengine", "migrate", **door) as (pair, _),
            pair.service.client() as client,
            Parties() as media,
        ):
            await place(client, media)
            before = await pair.node_of("ng-1")
            pair.relays[before].kill()

            async def told() -> bool:
                return '"call_id": "ng-1"' in pair.service.log() and "by its SIP server" in pair.service.log()

            await wait_until(told, "it was asked, and what came of it stands in the log")
            assert [(one["method"], one["params"]) for one in server.asked] == [
                ("rtp_relay_update_callid", {"callid": "ng-1"})
            ]
            said = "Sessions: 1" if answer is done else "404 RTP Relay session not found"
            assert said in pair.service.log()
            await place(client, media, to_tag="B")
            assert await pair.node_of("ng-1") != before
            assert (await client.command("delete", call_id="ng-1"))[b"result"] == b"ok"


async def place(client: NgClient, media: Parties, **to: str) -> None:
    """Offer and answer, for the first time or again."""
    names = {"call_id": "ng-1", "from_tag": "A"}
    assert (await client.command("offer", sdp=media.caller.sdp(), **names, **to))[b"result"] == b"ok"
    assert (await client.command("answer", sdp=media.callee.sdp(), **names, to_tag="B"))[b"result"] == b"ok"
