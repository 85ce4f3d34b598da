"""Calls of parties with ICE and DTLS-SRTP move: both begin anew at the new relay, with what the party answers there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from actors.commands.migration import MoveTarget
from actors.results import Moved, Refused
from events.names import NodeName
from tests.e2e.sip.calls import Call, Scene, Side, on_scene
from tests.e2e.sip.inside import Inside
from tests.e2e.sip.own_requests import of_call
from tests.e2e.sip.stage import SCRIPTS, Stage, database
from tests.e2e.stage import Relay, held
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import converse, media_address
from tests.peers.rtpengine import Rtpengine, release
from tests.peers.service import Node
from tests.peers.web_party import DTLS, PLAIN, PlainParty, WebParty

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

LEGS = ("caller", "callee")

RESETS_NO_ICE = (12, 5)
"""An rtpengine of this release resets no ICE for an answer, so that its calls with DTLS stay where they are."""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def relays_of_all() -> AsyncIterator[Mapping[str, Relay]]:
    async with Rtpengine() as one, Rtpengine() as two:
        yield {"engine-1": one, "engine-2": two}


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def edges() -> AsyncIterator[Mapping[str, NgClient]]:
    """The ends of ICE and DTLS of both parties."""
    async with AsyncExitStack() as stack:
        made = {leg: await stack.enter_async_context(Rtpengine()) for leg in LEGS}
        yield {leg: await stack.enter_async_context(edge.client()) for leg, edge in made.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def node(own_redis: RedisServer, relays_of_all: Mapping[str, Relay]) -> AsyncIterator[Inside]:
    nodes = [Node(name, relay) for name, relay in relays_of_all.items()]
    sip = {"script": str(SCRIPTS / "web_parties.py")}
    async with Inside(database(own_redis, 7), nodes, name="inside", sip=sip) as started:
        yield started


async def establish(scene: Scene, parties: Mapping[str, PlainParty], web: str, profile: str) -> Call:
    """Place a call, and let both talk."""
    wanted = [("X-Web", web), ("X-Profile", profile)]
    sent, (arrived,) = await scene.invite(sdp=await parties["caller"].offer(), headers=wanted)
    scene.callee.reply(arrived, 200, sdp=await parties["callee"].answer(arrived.body))
    call = await scene.accepted(sent, arrived, scene.callee)
    await parties["caller"].take(call.caller.hears)
    await converse(scene.caller.media, scene.callee.media)
    return call


async def comes_along(side: Side, party: PlainParty) -> None:
    """Take whatever re-INVITE comes."""
    while True:
        arrived = await side.agent.request("INVITE")
        side.hears = arrived.body
        side.agent.reply(arrived, 200, sdp=await party.answer(arrived.body))
        await side.agent.request("ACK")


async def offers_again(call: Call, by: str, parties: Mapping[str, PlainParty]) -> None:
    """Have a party re-INVITE the other one."""
    side, other = call.sides(by)
    sent = side.agent.send(side.dialog, "INVITE", sdp=await parties[by].offer())
    arrived = await other.agent.request("INVITE")
    other.hears = arrived.body
    other.agent.reply(arrived, 200, sdp=await parties[other.agent.name].answer(arrived.body))
    side.hears = (await sent.response(200)).body
    side.agent.ack(sent)
    await other.agent.request("ACK")
    await parties[by].take(side.hears)


async def talk_through(relay: Relay, call: Call) -> None:
    """See that both hear each other, each by way of that relay."""
    low, high = relay.media_ports
    assert all(low <= media_address(call.sides(leg)[0].hears)[1] <= high for leg in LEGS)
    caller, callee = call.caller.agent.media, call.callee.agent.media
    caller.forget()
    callee.forget()
    await converse(caller, callee)


@pytest.mark.parametrize(
    ("web", "profile"),
    [("caller", DTLS), ("callee", DTLS), ("caller callee", DTLS), ("caller callee", PLAIN)],
    ids=["caller-DTLS", "callee-DTLS", "both-DTLS", "both-ICE"],
)
async def test_ice_and_dtls_begin_anew_at_the_new_relay(
    node: Inside, relays_of_all: Mapping[str, Relay], edges: Mapping[str, NgClient], web: str, profile: str
) -> None:
    async with on_scene(Stage(node, relays_of_all, "rtpengine")) as scene:
        parties = {
            agent.name: WebParty(agent, edges[agent.name], profile) if agent.name in web.split() else PlainParty(agent)
            for agent in (scene.caller, scene.callee)
        }
        call = await establish(scene, parties, web, profile)
        for leg in web.split():
            assert (b"\r\na=fingerprint:" in call.sides(leg)[0].hears) is (profile == DTLS)
            assert b"\r\na=candidate:" in call.sides(leg)[0].hears
        (before,) = [name for name, relay in relays_of_all.items() if await held(relay)]
        (target,) = relays_of_all.keys() - {before}
        coming = [asyncio.create_task(comes_along(call.sides(leg)[0], parties[leg])) for leg in LEGS]
        moved = await node.move(of_call(call), MoveTarget(node=NodeName(target)))
        for task in coming:
            task.cancel()
        if profile == DTLS and release() >= RESETS_NO_ICE:
            assert isinstance(moved, Refused)
            assert "would not take the new keys" in moved.reason
            await talk_through(relays_of_all[before], call)
            await call.hang_up("caller")
            await scene.stage.nothing_is_left(of_call(call))
            return
        assert isinstance(moved, Moved), moved
        await talk_through(relays_of_all[target], call)

        async def left() -> bool:
            return await held(relays_of_all[before]) == 0

        await wait_until(left, f"{before} holds nothing")
        await talk_through(relays_of_all[target], call)
        for leg in LEGS:
            await offers_again(call, leg, parties)
            await talk_through(relays_of_all[target], call)
        await call.hang_up("caller")
        await scene.stage.nothing_is_left(of_call(call))
