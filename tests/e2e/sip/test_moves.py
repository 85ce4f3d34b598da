"""Calls with real RTP move between real relays: nobody loses a packet, and nobody is left behind."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from actors.commands.migration import MoveTarget
from actors.results import Moved, Refused
from engines.refusal import RefusalCode
from events.names import NodeName
from replay.fold import fold
from replay.relay_settings import CALLER
from tests.e2e.sip.calls import Call, Side, on_scene
from tests.e2e.sip.inside import MARKING, Inside
from tests.e2e.sip.own_requests import OTHER, marked, of_call
from tests.e2e.sip.stage import Stage, database
from tests.e2e.stage import Relay, held
from tests.peers.peer import wait_until
from tests.peers.ports import HOST, PortBlock
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import RtpEndpoint, converse, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service, Value
from tests.peers.ua_transactions import WITHIN

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

ENGINES = {"engine-1": "rtpengine", "engine-2": "rtpengine", "proxy-1": "rtpproxy", "proxy-2": "rtpproxy"}


class MovingStage(Stage):
    """Two relays of each kind, all of one set."""

    @property
    def node(self) -> Inside:
        assert isinstance(self.service, Inside)
        return self.service

    async def at(self, call_id: str) -> str:
        """Return the node that a call is on."""
        state = fold(call_id, await self.service.events(call_id))  # type: ignore[arg-type]
        return max(state.usable_sessions(), key=lambda one: one.number).node

    def other(self, name: str, engine: str) -> str:
        """Return another node than the one of that name, of this kind."""
        return next(one for one, kind in ENGINES.items() if kind == engine and one != name)

    async def all_is_at(self, name: str) -> None:
        """Wait until no relay but that one holds anything."""

        async def there() -> bool:
            return {one: await held(relay) > 0 for one, relay in self.relays.items()} == {
                one: one == name for one in self.relays
            }

        await wait_until(there, f"the call is on {name} alone")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def relays_of_all() -> AsyncIterator[Mapping[str, Relay]]:
    async with AsyncExitStack() as stack:
        made = {name: Rtpengine() if kind == "rtpengine" else Rtpproxy() for name, kind in ENGINES.items()}
        yield {name: await stack.enter_async_context(relay) for name, relay in made.items()}


@pytest_asyncio.fixture(loop_scope="package")
async def node(own_redis: RedisServer, relays_of_all: Mapping[str, Relay]) -> AsyncIterator[Inside]:
    nodes = [Node(name, relay) for name, relay in relays_of_all.items()]
    async with Inside(database(own_redis, 7), nodes, name="inside", sip={"script": str(MARKING)}) as started:
        yield started


def stage_of(node: Inside, relays: Mapping[str, Relay], engine: str) -> MovingStage:
    return MovingStage(node, relays, engine)


async def is_told(call: Call, leg: str, *, talks: bool = True, within: float = WITHIN) -> None:
    """Take the re-INVITE that tells a party of another relay, and talk to where it says."""
    side, _ = call.sides(leg)
    arrived = await marked(call, leg, "INVITE", within)
    side.hears = arrived.body
    if talks:
        side.agent.media.talk_to(media_address(side.hears))
    side.agent.reply(arrived, 200, sdp=side.agent.sdp())
    await side.agent.request("ACK")


async def is_moved(stage: MovingStage, call: Call, target: MoveTarget) -> Moved:
    """Have a call moved whose parties come along."""
    moving = asyncio.create_task(stage.node.move(of_call(call), target))
    await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
    moved = await moving
    assert isinstance(moved, Moved), moved
    return moved


async def begins(call: Call) -> None:
    """Let both talk through whatever relay the call is on."""
    for side in (call.caller, call.callee):
        side.agent.media.talk_to(media_address(side.hears))
    await converse(call.caller.agent.media, call.callee.agent.media)


def lost(hearer: RtpEndpoint, speaker: RtpEndpoint) -> list[int]:
    """Return the sequence numbers that did not arrive, between the first and the last that did."""
    while not hearer.received.empty():
        hearer.packets.append(hearer.received.get_nowait())
    numbers = [
        number
        for packet, _ in hearer.packets
        for _, _, number, _, ssrc in [struct.unpack_from("!BBHII", packet)]
        if ssrc == speaker.ssrc
    ]
    return sorted(set(range(min(numbers), max(numbers) + 1)) - set(numbers))


async def hear(recorder: RtpEndpoint, party: RtpEndpoint) -> None:
    """Await more packets of a party at a recorder."""
    await recorder.wait_for(party.ssrc, recorder.heard(party.ssrc) + recorder.received.qsize() + 5)


def relay_at(stage: MovingStage, side: Side) -> str:
    """Return the relay that a party sends to."""
    return relay_of(stage, media_address(side.hears)[1])


def relay_of(stage: MovingStage, port: int) -> str:
    """Return the relay that has a port for media."""
    return next(name for name, one in stage.relays.items() if one.media_ports[0] <= port <= one.media_ports[1])


@pytest.mark.parametrize("to", ["rtpengine", "rtpproxy"])
@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
async def test_a_planned_move_loses_no_packet(
    node: Inside, relays_of_all: Mapping[str, Relay], engine: str, to: str
) -> None:
    stage = stage_of(node, relays_of_all, engine)
    async with on_scene(stage) as scene, RtpEndpoint() as of_caller, RtpEndpoint() as of_callee:
        _, call = await scene.establish()
        await begins(call)
        await node.copy(of_call(call), "recorder", of_caller, of_callee)
        await hear(of_caller, scene.caller.media)
        await hear(of_callee, scene.callee.media)
        target = stage.other(await stage.at(of_call(call)), to)
        moved = await is_moved(stage, call, MoveTarget(node=NodeName(target)))
        assert (moved.node, moved.engine, moved.is_wanted_node, moved.left_out) == (target, to, True, ())
        assert relay_at(stage, call.caller) == relay_at(stage, call.callee) == target
        await converse(scene.caller.media, scene.callee.media, 25)
        await stage.all_is_at(target)
        await converse(scene.caller.media, scene.callee.media, 25)
        assert lost(scene.caller.media, scene.callee.media) == lost(scene.callee.media, scene.caller.media) == []
        await hear(of_caller, scene.caller.media)
        await hear(of_callee, scene.callee.media)
        assert lost(of_caller, scene.caller.media) == lost(of_callee, scene.callee.media) == []
        assert {relay_of(stage, one.packets[-1][1][1]) for one in (of_caller, of_callee)} == {target}
        await call.reinvite("callee")
        await call.reinvite("caller")
        assert relay_at(stage, call.caller) == relay_at(stage, call.callee) == target
        await begins(call)
        await call.hang_up("caller")
        await stage.nothing_is_left(of_call(call))


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
async def test_a_call_that_rings_moves_when_it_is_answered(
    node: Inside, relays_of_all: Mapping[str, Relay], engine: str
) -> None:
    stage = stage_of(node, relays_of_all, engine)
    async with on_scene(stage) as scene:
        sent, (invite,) = await scene.invite()
        scene.callee.reply(invite, 183, sdp=scene.callee.sdp())
        early = await sent.response(183)
        call_id = sent.request.call_id
        before = await stage.at(call_id)
        target = stage.other(before, engine)
        told = await node.manage("rtp_relay:move", callid=call_id, node=target)
        assert (told["status"], told["node"]) == ("moves when it is answered", target)
        assert await stage.at(call_id) == before
        scene.callee.reply(invite, 200, sdp=scene.callee.sdp())
        call = await scene.accepted(sent, invite, scene.callee, early=early.body)
        await begins(call)
        await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
        assert relay_at(stage, call.caller) == relay_at(stage, call.callee) == target
        await stage.all_is_at(target)
        await converse(scene.caller.media, scene.callee.media, 25)
        assert lost(scene.caller.media, scene.callee.media) == lost(scene.callee.media, scene.caller.media) == []
        await call.hang_up("caller")
        await stage.nothing_is_left(call_id)


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
async def test_a_party_that_refuses_keeps_both_where_they_are(
    node: Inside, relays_of_all: Mapping[str, Relay], engine: str
) -> None:
    stage = stage_of(node, relays_of_all, engine)
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        await begins(call)
        before = await stage.at(of_call(call))
        moving = asyncio.create_task(node.move(of_call(call), MoveTarget(node=NodeName(stage.other(before, engine)))))
        told = asyncio.create_task(is_told(call, "caller"))
        scene.callee.reply(await marked(call, "callee", "INVITE"), 488)
        await told
        await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
        refused = await moving
        assert isinstance(refused, Refused)
        assert refused.code is RefusalCode.TURNED_BACK
        assert relay_at(stage, call.caller) == relay_at(stage, call.callee) == before
        await stage.all_is_at(before)
        await converse(scene.caller.media, scene.callee.media, 25)
        assert lost(scene.caller.media, scene.callee.media) == lost(scene.callee.media, scene.caller.media) == []
        await call.hang_up("callee")
        await stage.nothing_is_left(of_call(call))


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
async def test_a_call_leaves_a_dead_relay(node: Inside, relays_of_all: Mapping[str, Relay], engine: str) -> None:
    stage = stage_of(node, relays_of_all, engine)
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        await begins(call)
        before = await stage.at(of_call(call))
        stage.relays[before].kill()
        target = stage.other(before, engine)
        moved = await is_moved(stage, call, MoveTarget(node=NodeName(target)))
        assert moved.node == target
        await converse(scene.caller.media, scene.callee.media, 25)
        await stage.relays[before].restart()
        await call.hang_up("caller")
        await stage.nothing_is_left(of_call(call))


def behind_a_nat(media: RtpEndpoint) -> None:
    """Have a party say an address at which nobody is: its media come from another one, which relays learn."""
    own_sdp, (_, port) = media.sdp, media.address

    def said(version: int = 1) -> str:
        return own_sdp(version).replace(f"c=IN IP4 {HOST}", "c=IN IP4 127.0.0.99").replace(f" {port} ", " 9 ")

    media.sdp = said  # type: ignore[method-assign]


@pytest.mark.parametrize("to", ["rtpengine", "rtpproxy"])
async def test_a_party_behind_a_nat_is_reached_though_it_is_silent(
    node: Inside, relays_of_all: Mapping[str, Relay], to: str
) -> None:
    """The node that it leaves has learned where the party is, and the new one is told that."""
    stage = stage_of(node, relays_of_all, "rtpengine")
    async with on_scene(stage) as scene:
        behind_a_nat(scene.callee.media)
        _, call = await scene.establish()
        await begins(call)
        scene.callee.media.fall_silent()  # it only hears from here on
        target = stage.other(await stage.at(of_call(call)), to)
        moving = asyncio.create_task(node.move(of_call(call), MoveTarget(node=NodeName(target))))
        told = [asyncio.create_task(is_told(call, leg, talks=leg == CALLER)) for leg in OTHER]
        await asyncio.gather(*told)
        assert isinstance(await moving, Moved)
        await stage.all_is_at(target)
        heard = scene.callee.media.heard(scene.caller.media.ssrc)
        await scene.callee.media.wait_for(scene.caller.media.ssrc, heard + 25)
        await call.hang_up("caller")
        await stage.nothing_is_left(of_call(call))


async def run(service: Service, *words: str) -> str:
    """Run a command of `rtp-relay` that goes well, and return what it writes."""
    code, output, complaint = await service.run(*words)
    assert code == 0, (output, complaint)
    return output


async def test_an_operator_moves_a_call(own_redis: RedisServer, relays_of_all: Mapping[str, Relay]) -> None:
    nodes = [Node(name, relay) for name, relay in relays_of_all.items()]
    async with Service(database(own_redis, 8), nodes, sip={"script": str(MARKING)}) as service:
        stage = MovingStage(service, relays_of_all, "rtpengine")
        async with on_scene(stage) as scene:
            _, call = await scene.establish()
            await begins(call)
            target = stage.other(await stage.at(of_call(call)), "rtpengine")
            running = asyncio.create_task(run(service, "move", of_call(call), "--to", target, "--reason", "repairs"))
            await asyncio.gather(*(is_told(call, leg) for leg in OTHER))
            assert f"moved, to rtpengine node {target} of set default" in await running
            await stage.all_is_at(target)
            # Where a line is folded depends on how long all took.
            history = " ".join((await run(service, "history", of_call(call))).split())
            for words in ("migration intended", "repairs", "the caller is in session 2", "the callee is in session 2"):
                assert words in history
            await call.hang_up("callee")
            await stage.nothing_is_left(of_call(call))


async def test_a_control_node_that_is_killed_in_the_midst_costs_nobody_the_call(
    own_redis: RedisServer, relays_of_all: Mapping[str, Relay]
) -> None:
    """What its parties have answered to it is acknowledged by the next one at its address, which goes on."""
    nodes, url = [Node(name, relay) for name, relay in relays_of_all.items()], database(own_redis, 9)
    block = PortBlock()
    block.reserve()
    port = block.take()
    sip: dict[str, Value] = {"script": str(MARKING)}
    async with AsyncExitStack() as stack:
        stack.callback(block.release)
        one = await stack.enter_async_context(Service(url, nodes, name="control-1", sip=sip, sip_port=port))
        stage = MovingStage(one, relays_of_all, "rtpengine")
        scene = await stack.enter_async_context(on_scene(stage))
        _, call = await scene.establish()
        await begins(call)
        target = stage.other(await stage.at(of_call(call)), "rtpengine")
        asking = asyncio.create_task(run(one, "move", of_call(call), "--to", target))
        arrived = await asyncio.gather(*(marked(call, leg, "INVITE") for leg in OTHER))
        one.kill()
        await asyncio.gather(asking, return_exceptions=True)
        two = await stack.enter_async_context(Service(url, nodes, name="control-2", sip=sip, sip_port=port))
        stage = call.stage = MovingStage(two, relays_of_all, "rtpengine")
        for leg, invite in zip(OTHER, arrived, strict=True):
            call.sides(leg)[0].agent.reply(invite, 200, sdp=call.sides(leg)[0].agent.sdp())
        await asyncio.gather(*(call.sides(leg)[0].agent.request("ACK") for leg in OTHER))
        # It leaves the move alone for as long as one may take: whoever began it may be at work.
        await asyncio.gather(*(is_told(call, leg, within=30) for leg in OTHER))
        await stage.all_is_at(target)
        await converse(scene.caller.media, scene.callee.media, 25)
        await call.hang_up("caller")
        await stage.nothing_is_left(of_call(call))
