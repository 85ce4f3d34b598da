"""Requests of our own in the dialogs of others: probes, BYEs in calls that have died, re-INVITEs; the CSeqs since."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
import pytest_asyncio
from sipmessage import Request

from actors.flows.sip.due_dialogs import NOT_REFRESHED
from events.registry import DeleteIntended
from replay.relay_settings import CALLEE, CALLER
from tests.e2e.sip.calls import Call, Scene, on_scene
from tests.e2e.sip.inside import MARKING, Inside, inside
from tests.e2e.sip.own_requests import (
    BOTH_OK,
    OTHER,
    accept,
    both_take_bye,
    ended,
    goes_on,
    have_ended,
    intended,
    is_over,
    marked,
    of_call,
    reinvite,
    takes_bye,
)
from tests.e2e.sip.stage import ENDED, Stage, database
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.ports import PortBlock
from tests.peers.redis_server import RedisServer
from tests.peers.service import Node, Service, Value

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])
EACH_ENGINE = pytest.mark.parametrize("stage", ["rtpengine", "rtpproxy"], indirect=True)
PROBE = 1800
EXPIRES = 3600
GRACE = 33
LONGEST = 41
"""For so long, in seconds, a request of our own can be under way (Deadlines.request)."""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def own_redis() -> AsyncIterator[RedisServer]:
    async with RedisServer() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def node(own_redis: RedisServer, relays: Mapping[str, Relay]) -> AsyncIterator[Inside]:
    async with inside(own_redis, 0, relays, dialog_probe=PROBE) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="package")
async def stage(request: pytest.FixtureRequest, node: Inside, relays: Mapping[str, Relay]) -> AsyncIterator[Stage]:
    made = Stage(node, relays, getattr(request, "param", "rtpengine"))
    yield made
    await made.clear()


# -- an operator --


@EACH_ENGINE
async def test_an_operator_ends_a_call_and_each_party_hears_it(node: Inside, stage: Stage) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        assert await node.manage("rtpengine:teardown", callid=of_call(call)) == "OK"
        await both_take_bye(call, "ended by an operator")
        await is_over(call)
        (wanted,) = [
            record.event
            for record in await stage.service.events(of_call(call))
            if isinstance(record.event, DeleteIntended)
        ]
        assert wanted.reason.startswith("rtpengine:teardown, by ")


# -- probes --


@EACH_ENGINE
async def test_parties_that_answer_a_probe_keep_their_call(node: Inside, stage: Stage) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        for probes in (1, 2):
            node.clock.put_forward(PROBE)
            await marked(call, CALLER, "OPTIONS")
            await marked(call, CALLEE, "OPTIONS")
            await have_ended(stage, of_call(call), "OPTIONS", {leg: [200] * probes for leg in OTHER})
        await goes_on(call)
        assert await intended(stage, of_call(call), "BYE") == []


@pytest.mark.parametrize(("stage", "by"), [("rtpengine", "caller"), ("rtpproxy", "callee")], indirect=["stage"])
async def test_a_party_that_does_not_know_the_dialog_ends_the_call(node: Inside, stage: Stage, by: str) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        await call.reinvite("callee")
        before = await stage.told(of_call(call))
        gone, _ = call.sides(by)
        gone.agent.says_to_options = 481
        node.clock.put_forward(PROBE)
        why = f"the {by} does not know the dialog any more"
        await asyncio.gather(takes_bye(call, by, why, 481), takes_bye(call, OTHER[by], why))
        await have_ended(stage, of_call(call), "BYE", {by: [481], OTHER[by]: [200]})
        await stage.nothing_is_left(of_call(call))
        assert await stage.told(of_call(call)) == before + ENDED


@BOTH
async def test_a_party_that_does_not_answer_ends_the_call(
    own_redis: RedisServer, relays: Mapping[str, Relay], by: str
) -> None:
    async with (
        inside(own_redis, 1, relays, dialog_probe=PROBE, t1=0.02) as node,
        on_scene(Stage(node, relays, "rtpengine")) as scene,
    ):
        _, call = await scene.establish()
        gone, _ = call.sides(by)
        gone.agent.says_to_options = 0
        node.clock.put_forward(PROBE)
        await takes_bye(call, OTHER[by], f"the {by} does not answer")
        await marked(call, by, "BYE")
        await have_ended(scene.stage, of_call(call), "BYE", {by: [0], OTHER[by]: [200]})
        await is_over(call)


# -- the session timer --

TIMER = [("Require", "timer"), ("Session-Expires", f"{EXPIRES};refresher=uac")]


async def timed(scene: Scene) -> Call:
    """Place a call whose session ends unless it is refreshed."""
    sent, (invite,) = await scene.invite()
    scene.callee.reply(invite, 200, sdp=scene.callee.sdp(), headers=TIMER)
    return await scene.accepted(sent, invite, scene.callee)


async def refresh(call: Call, by: str, method: str) -> None:
    side, other = call.sides(by)
    sdp = side.agent.sdp() if method == "INVITE" else ""
    sent = side.agent.send(side.dialog, method, sdp=sdp, headers=TIMER[1:])
    arrived = await other.agent.request(method)
    other.agent.reply(arrived, 200, sdp=other.agent.sdp() if sdp else "", headers=TIMER)
    await sent.response(200)
    if method == "INVITE":
        side.agent.ack(sent)
        await other.agent.request("ACK")


@EACH_ENGINE
async def test_a_session_that_is_not_refreshed_is_ended(node: Inside, stage: Stage) -> None:
    async with on_scene(stage) as scene:
        call = await timed(scene)
        await call.talk()
        node.clock.put_forward(EXPIRES + GRACE)
        await both_take_bye(call, NOT_REFRESHED)
        await is_over(call)


@pytest.mark.parametrize(("method", "by"), [("INVITE", "caller"), ("INVITE", "callee"), ("UPDATE", "callee")])
async def test_a_refresh_keeps_the_session(node: Inside, stage: Stage, by: str, method: str) -> None:
    """Beside it is one that nobody refreshes: when that one is ended, it was looked at, too."""
    async with on_scene(stage) as scene, on_scene(stage) as beside:
        call, other = await timed(scene), await timed(beside)
        node.clock.put_forward(EXPIRES / 2)
        await refresh(call, by, method)
        node.clock.put_forward(EXPIRES / 2 + GRACE)
        await both_take_bye(other, NOT_REFRESHED)
        await have_ended(stage, of_call(other), "BYE", BOTH_OK)
        await call.talk()
        assert await intended(stage, of_call(call), "BYE") == []
        node.clock.put_forward(EXPIRES / 2)
        await both_take_bye(call, NOT_REFRESHED)
        await stage.nothing_is_left(of_call(call))


# -- requests that somebody else has sent --


@EACH_ENGINE
async def test_cseqs_are_shifted_after_requests_of_our_own(node: Inside, stage: Stage) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        for inserted in (1, 2):
            for leg in OTHER:
                outcome = await accept(call, leg, node)
                assert (outcome.status, outcome.body) == (200, call.sides(leg)[0].agent.sdp().encode())
                assert outcome.contact == call.sides(leg)[0].agent.uri
            for by in OTHER:
                side, _ = call.sides(by)
                arrived = await call.ask(by, "INFO")
                # Ours was the callee's first, with CSeq 1; its own first could have been 0, and is above it now.
                added = inserted if by == CALLER else inserted + 1
                assert arrived.request.cseq.sequence == side.dialog.local_seq + added
                await call.reinvite(by)
        await goes_on(call)


@BOTH
async def test_what_a_prack_acknowledges_is_shifted(node: Inside, stage: Stage, by: str) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        side, other = call.sides(by)
        await accept(call, OTHER[by], node)
        sent = side.agent.send(side.dialog, "INVITE", sdp=side.agent.sdp("sendonly"))
        arrived = await other.agent.request("INVITE")
        other.agent.reply(arrived, 183, sdp=other.agent.sdp("recvonly"), reliable=True)
        prack = side.agent.prack(sent, await sent.response(183))
        came = await other.agent.request("PRACK")
        assert came.request.headers["RAck"] == f"1 {arrived.request.headers['CSeq']}"
        assert sent.request.headers["CSeq"] != arrived.request.headers["CSeq"]
        other.agent.reply(came, 200)
        await prack.response(200)
        other.agent.reply(arrived, 200)
        await sent.response(200)
        side.agent.ack(sent)
        await other.agent.request("ACK")
        await goes_on(call)


async def test_one_that_is_on_its_way_beside_a_party_s_own(node: Inside, stage: Stage) -> None:
    """The party's own request came first, and its response finds its way with the CSeq that it had."""
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        sent = scene.caller.send(call.caller.dialog, "INFO")
        arrived = await scene.callee.request("INFO")
        await accept(call, CALLEE, node)
        scene.callee.reply(arrived, 200)
        await sent.response(200)
        await goes_on(call)


async def test_a_party_that_is_busy_is_asked_again(node: Inside, stage: Stage) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        sending = asyncio.create_task(node.send(of_call(call), reinvite(call, CALLER)))
        first = await marked(call, CALLER, "INVITE")
        scene.caller.reply(first, 491)
        again = await marked(call, CALLER, "INVITE")
        assert again.request.cseq.sequence == first.request.cseq.sequence + 1
        scene.caller.reply(again, 200, sdp=scene.caller.sdp())
        assert (await sending).status == 200
        await scene.caller.request("ACK")
        assert await ended(stage, of_call(call)) == {("INVITE", CALLER): [491, 200]}
        await goes_on(call)


@pytest.mark.parametrize("code", [401, 407, 488])
async def test_a_refusal_is_reported(node: Inside, stage: Stage, code: int) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        sending = asyncio.create_task(node.send(of_call(call), reinvite(call, CALLEE)))
        scene.callee.reply(await marked(call, CALLEE, "INVITE"), code)
        assert (await sending).status == code
        assert await ended(stage, of_call(call)) == {("INVITE", CALLEE): [code]}
        await goes_on(call)


@BOTH
async def test_one_for_which_there_is_no_dialog_ends_the_call(node: Inside, stage: Stage, by: str) -> None:
    async with on_scene(stage) as scene:
        _, call = await scene.establish()
        sending = asyncio.create_task(node.send(of_call(call), reinvite(call, by)))
        call.sides(by)[0].agent.reply(await marked(call, by, "INVITE"), 481)
        assert (await sending).status == 481
        await both_take_bye(call, f"the {by} does not know the dialog any more")
        await is_over(call)


# -- several control nodes --


class Holding(Service):
    """A control node whose script never lets a BYE of ours go."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "HOLD": "BYE"}


async def test_the_next_control_node_shifts_cseqs_as_the_killed_one_did(
    own_redis: RedisServer, relays: Mapping[str, Relay], ports: PortBlock
) -> None:
    """Requests of our own are sent by another control node than the one that the call goes through."""
    url, nodes, port = database(own_redis, 2), [Node("rtpengine-1", relays["rtpengine"])], ports.take()
    sip: dict[str, Value] = {"script": str(MARKING)}
    async with (
        inside(own_redis, 2, relays) as beside,
        Service(url, nodes, name="control-1", sip=sip, sip_port=port) as one,
        on_scene(Stage(one, relays, "rtpengine")) as scene,
    ):
        _, call = await scene.establish()
        for leg in OTHER:
            await accept(call, leg, beside)
        await call.keeps_its_ports("caller")
        await call.keeps_its_ports("callee")
        await accept(call, CALLEE, beside)
        one.kill()
        async with Service(url, nodes, name="control-2", sip=sip, sip_port=port):
            await call.ask("caller", "INFO")
            await accept(call, CALLER, beside)
            await goes_on(replace(call, stage=Stage(beside, relays, "rtpengine")))


async def test_a_bye_is_sent_though_the_control_node_that_meant_to_is_killed(
    own_redis: RedisServer, relays: Mapping[str, Relay]
) -> None:
    nodes = [Node("rtpengine-1", relays["rtpengine"])]
    sip: dict[str, Value] = {"script": str(MARKING), "dialog_probe": 0.5}
    async with (
        Holding(database(own_redis, 3), nodes, sip=sip) as killed,
        on_scene(Stage(killed, relays, "rtpengine")) as scene,
    ):
        _, call = await scene.establish()
        scene.callee.says_to_options = 481

        async def meant() -> bool:
            return len(await intended(scene.stage, of_call(call), "BYE")) == len(OTHER)

        await wait_until(meant, "both BYEs are intended")
        killed.kill()
        assert not [one for one in scene.caller.received if isinstance(one, Request) and one.method == "BYE"]
        async with inside(own_redis, 3, relays) as other:
            other.clock.put_forward(LONGEST)
            await both_take_bye(call, "the callee does not know the dialog any more")
            call.stage = Stage(other, relays, "rtpengine")
            await have_ended(call.stage, of_call(call), "BYE", BOTH_OK)
            await is_over(call)
