"""The relay of a live call dies, hangs, or forgets its calls: what becomes of the next offer, and of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from events.names import CallId
from replay.fold import fold
from tests.e2e.sip.calls import Call, Scene, on_scene, talk
from tests.e2e.sip.stage import AS_ASKED, Stage
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import converse, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

KINDS: Mapping[str, type[Relay]] = {"rtpengine": Rtpengine, "rtpproxy": Rtpproxy}
ENGINES = pytest.mark.parametrize("engine", KINDS)
BOTH = pytest.mark.parametrize("by", ["caller", "callee"])


@dataclass(frozen=True, slots=True)
class Pair:
    """A control node with two relays of one kind."""

    service: Service
    relays: Mapping[str, Relay]
    engine: str

    def stage(self, node: str) -> Stage:
        """The stage of calls that go through this relay."""
        return Stage(self.service, {self.engine: self.relays[node]}, self.engine)

    async def node_of(self, call_id: str) -> str:
        """The node of a call's newest session that is not to go."""
        return list(fold(CallId(call_id), await self.service.events(call_id)).usable_sessions())[-1].node

    async def talks(self, call_id: str, call: Call) -> str:
        """Let both talk through the newest session's relay alone, and return its node."""
        node = await self.node_of(call_id)
        for side in (call.caller, call.callee):
            side.agent.media.forget()
        await talk(self.stage(node), call.caller, call.callee)
        return node


@asynccontextmanager
async def on_pair(engine: str) -> AsyncIterator[tuple[Pair, Scene]]:
    async with RedisServer() as redis, KINDS[engine]() as one, KINDS[engine]() as two:
        relays = {"one": one, "two": two}
        nodes = [Node(name, relay) for name, relay in relays.items()]
        async with Service(redis.url, nodes, sip={"script": str(AS_ASKED)}) as service:
            pair = Pair(service, relays, engine)
            async with on_scene(pair.stage("one")) as scene:
                yield pair, scene


async def hears_one_relay(call: Call) -> bool:
    """Return whether what the parties hear of each other next comes from where they were told alone."""
    sides = (call.caller, call.callee)
    for side in sides:
        side.agent.media.forget()
    await converse(call.caller.agent.media, call.callee.agent.media)
    return all(side.agent.media.senders == {media_address(side.hears)} for side in sides)


async def on_hold(pair: Pair, scene: Scene, by: str = "caller") -> tuple[str, Call, str]:
    """Place a call, let it talk, and put it on hold: its Call-ID, the call, and its node.

    Both fall silent: a relay that begins anew may give a port that one of them had to the other, and would take for its
    media what comes there first.
    """
    call_id, call = await scene.establish()
    node = await pair.talks(call_id, call)
    await call.reinvite(by, directions=("sendonly", "recvonly"))
    for side in (call.caller, call.callee):
        side.agent.media.fall_silent()
    return call_id, call, node


@ENGINES
@BOTH
async def test_the_next_offer_of_a_call_whose_relay_was_killed_goes_to_another_one(engine: str, by: str) -> None:
    async with on_pair(engine) as (pair, scene):
        call_id, call, before = await on_hold(pair, scene, by)
        pair.relays[before].kill()
        await call.reinvite(by)
        node = await pair.talks(call_id, call)
        assert node != before
        await call.keeps_its_ports("callee" if by == "caller" else "caller")
        await call.hang_up(by)
        await pair.stage(node).holds(0)


@ENGINES
async def test_so_does_one_of_a_call_whose_relay_hangs_and_the_old_session_is_removed_later(engine: str) -> None:
    async with on_pair(engine) as (pair, scene):
        call_id, call, before = await on_hold(pair, scene)
        pair.relays[before].pause()
        try:
            await call.reinvite("caller")
            node = await pair.talks(call_id, call)
            assert node != before
        finally:
            pair.relays[before].resume()
        await pair.stage(before).holds(0)
        await wait_until(partial(hears_one_relay, call), "what the hung one had still to pass on has come")
        await pair.talks(call_id, call)
        await call.hang_up("callee")
        await pair.stage(node).nothing_is_left(call_id)


@ENGINES
@BOTH
async def test_a_relay_that_was_restarted_and_knows_no_call_serves_the_next_offer(engine: str, by: str) -> None:
    async with on_pair(engine) as (pair, scene):
        call_id, call, before = await on_hold(pair, scene, by)
        await pair.relays[before].restart()
        await call.reinvite(by)
        await pair.talks(call_id, call)
        await call.hang_up(by)
        await pair.stage(before).nothing_is_left(call_id)


async def test_a_side_that_was_refused_is_heard_when_a_relay_is_back() -> None:
    async with on_pair("rtpengine") as (pair, scene):
        call_id, call = await scene.establish()
        before = await pair.talks(call_id, call)
        for relay in pair.relays.values():
            relay.pause()
        for _ in range(2):
            for side in (call.caller, call.callee):
                sent = side.agent.send(side.dialog, "INVITE", sdp=side.agent.sdp())
                refused = await sent.response(503)
                assert refused.headers.get("Retry-After")
                assert refused.phrase == "Service Unavailable"
        for relay in pair.relays.values():
            relay.resume()
        await asyncio.sleep(2)
        await call.reinvite("callee")
        await call.reinvite("caller")
        await pair.talks(call_id, call)
        await call.hang_up("caller")
        await pair.stage(before).nothing_is_left(call_id)


@ENGINES
async def test_a_new_call_whose_answer_meets_a_dead_relay_is_ended_on_both_sides(engine: str) -> None:
    async with on_pair(engine) as (pair, scene):
        sent, (arrived,) = await scene.invite()
        call_id = arrived.request.headers["Call-ID"]
        dead = await pair.node_of(call_id)
        pair.relays[dead].kill()
        scene.callee.reply(arrived, 200, sdp=scene.callee.sdp())
        assert (await sent.response(503)).phrase == "Service Unavailable"
        await scene.callee.request("ACK")
        scene.callee.reply(await scene.callee.request("BYE"), 200)
        await pair.relays[dead].start()
        await pair.stage(dead).nothing_is_left(call_id)


@ENGINES
@BOTH
async def test_so_is_a_call_whose_next_answer_meets_one(engine: str, by: str) -> None:
    async with on_pair(engine) as (pair, scene):
        call_id, call, dead = await on_hold(pair, scene)
        side, other = call.sides(by)
        sent = side.agent.send(side.dialog, "INVITE", sdp=side.agent.sdp())
        arrived = await other.agent.request("INVITE")
        pair.relays[dead].kill()
        other.agent.reply(arrived, 200, sdp=other.agent.sdp())
        assert (await sent.response(503)).phrase == "Service Unavailable"
        for party in (call.caller.agent, call.callee.agent):
            party.reply(await party.request("BYE"), 200)
        await pair.relays[dead].start()
        await pair.stage(dead).nothing_is_left(call_id)
