"""Flows c and e: parallel forks, engaged as a whole and branch by branch; CANCEL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.sip.calls import Call, Scene, Side, check_relayed, on_scene, talk
from tests.e2e.sip.stage import ENDED, Stage
from tests.peers.rtp import media_address
from tests.peers.ua import Arrived, Sent

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

ENGAGED = pytest.mark.parametrize("headers", [[], [("X-Engage", "branch")]], ids=["in-main", "in-branch"])


@pytest_asyncio.fixture(loop_scope="package")
async def fork(stage: Stage) -> AsyncIterator[Scene]:
    """A caller and two callees, A and B."""
    async with on_scene(stage, "A", "B") as scene:
        yield scene


@ENGAGED
@pytest.mark.parametrize("by", ["caller", "callee"])
async def test_c_one_has_early_media_and_the_other_answers(
    fork: Scene, headers: list[tuple[str, str]], by: str
) -> None:
    stage, (a, b) = fork.stage, fork.callees
    sent, (to_a, to_b) = await fork.invite(headers=headers)
    assert media_address(to_a.body) != media_address(to_b.body), "each branch has ports of its own"
    a.reply(to_a, 183, sdp=a.sdp())
    early = (await sent.response(183)).body
    await talk(stage, Side(fork.caller, sent.dialog, early), Side(a, to_a.in_dialog, to_a.body))
    b.reply(to_b, 200, sdp=b.sdp())
    call = await fork.accepted(sent, to_b, b)
    await a.request("CANCEL")
    await call.talk()
    await stage.holds(1)
    await call.keeps_its_ports("callee")
    await call.keeps_its_ports("caller")
    await call.talk()
    await call.hang_up(by)
    await stage.nothing_is_left(sent.request.call_id)


async def test_c_the_first_branch_wins(fork: Scene) -> None:
    stage, (a, b) = fork.stage, fork.callees
    sent, (to_a, to_b) = await fork.invite()
    b.reply(to_b, 183, sdp=b.sdp())
    await sent.response(183)
    a.reply(to_a, 200, sdp=a.sdp())
    call = await fork.accepted(sent, to_a, a)
    await call.keeps_its_ports("callee")
    await b.request("CANCEL")
    await call.talk()
    await stage.holds(1)
    await call.hang_up("callee")
    await stage.nothing_is_left(sent.request.call_id)


async def test_c_one_refuses_and_the_other_answers(fork: Scene) -> None:
    stage, (a, b) = fork.stage, fork.callees
    sent, (to_a, to_b) = await fork.invite()
    a.reply(to_a, 486)
    b.reply(to_b, 200, sdp=b.sdp())
    call = await fork.accepted(sent, to_b, b)
    assert [response.code for response in sent.responses if response.code > 100] == [200]
    await call.talk()
    await stage.holds(1)
    await call.hang_up("caller")
    await stage.nothing_is_left(sent.request.call_id)


@pytest.mark.parametrize("kept", ["A", "B"])
async def test_c_both_answer_and_the_caller_keeps_the_one_it_likes(fork: Scene, kept: str) -> None:
    """Each 200 is relayed, and the first comes first; its party is heard until it is the one that gets a BYE."""
    stage, (a, b) = fork.stage, fork.callees
    sent, (to_a, to_b) = await fork.invite()
    # B's answer is on its way when A's makes the relay cancel it: RFC 3261 9.2 lets it stand.
    a.reply(to_a, 200, sdp=a.sdp())
    b.reply(to_b, 200, sdp=b.sdp())
    first, second = await sent.response(200), await sent.response(200)
    assert [sent.dialog_of(final).target for final in (first, second)] == [a.uri, b.uri]
    calls = {}
    for final, agent, arrived in ((first, a, to_a), (second, b, to_b)):
        check_relayed(stage, final.body)
        fork.caller.ack(sent, final)
        await agent.request("ACK")
        caller = Side(fork.caller, sent.dialog_of(final), final.body)
        calls[agent.name] = Call(stage, caller, Side(agent, arrived.in_dialog, arrived.body))
    await calls["A"].talk()
    left = "B" if kept == "A" else "A"
    await calls[left].hang_up("caller")
    await calls[kept].talk()
    await stage.holds(1)
    await calls[kept].keeps_its_ports("caller")
    await calls[kept].talk()
    await calls[kept].hang_up("callee")
    await stage.nothing_is_left(sent.request.call_id)


@pytest.mark.parametrize("engaged", [0, 1])
async def test_c_a_branch_without_a_relay_wins_over_one_with(fork: Scene, engaged: int) -> None:
    """The relay of the other is freed; the call goes on without one, and ends with its BYE."""
    stage, loser, winner = fork.stage, fork.callees[engaged], fork.callees[1 - engaged]
    sent, arrived = await fork.invite(headers=[("X-Engage", str(engaged))])
    loser.reply(arrived[engaged], 183, sdp=loser.sdp())
    check_relayed(stage, (await sent.response(183)).body)
    winner.reply(arrived[1 - engaged], 200, sdp=winner.sdp())
    call = await fork.accepted(sent, arrived[1 - engaged], winner)
    await stage.holds(0)
    assert call.caller.hears == winner.sdp().encode()
    for by in ("caller", "callee"):
        await call.reinvite(by)
    await call.hang_up("caller")
    await stage.nothing_is_left(sent.request.call_id)


@ENGAGED
async def test_c_all_refuse(fork: Scene, headers: list[tuple[str, str]]) -> None:
    sent, invites = await fork.invite(headers=headers)
    for callee, invite, code in zip(fork.callees, invites, (486, 404), strict=True):
        callee.reply(invite, code)
    await sent.response(sent.final.code if sent.final else 404)
    await fork.stage.nothing_is_left(sent.request.call_id)


@ENGAGED
@pytest.mark.parametrize("early", [False, True], ids=["180", "183"])
async def test_e_the_caller_cancels_a_fork(fork: Scene, headers: list[tuple[str, str]], early: bool) -> None:
    sent, invites = await fork.invite(headers=headers)
    for callee, invite in zip(fork.callees, invites, strict=True):
        callee.reply(invite, 183 if early else 180, sdp=callee.sdp() if early else "")
        await sent.response(183 if early else 180)
    await cancel(fork, sent)
    await fork.stage.nothing_is_left(sent.request.call_id)


@pytest.mark.parametrize("early", [False, True], ids=["180", "183"])
async def test_e_the_caller_cancels(scene: Scene, early: bool) -> None:
    sent, (invite,) = await scene.invite()
    await ring(scene, sent, invite, early=early)
    await cancel(scene, sent)
    stage, call_id = scene.stage, sent.request.call_id
    await stage.nothing_is_left(call_id)
    assert await stage.told(call_id) == ["engaged", "offered", *(["answered"] if early else []), *ENDED]


async def ring(scene: Scene, sent: Sent, invite: Arrived, *, early: bool) -> None:
    code = 183 if early else 180
    scene.callee.reply(invite, code, sdp=scene.callee.sdp() if early else "")
    body = (await sent.response(code)).body
    if early:
        check_relayed(scene.stage, body)
    assert await scene.stage.held() == 1


async def cancel(scene: Scene, sent: Sent) -> None:
    await scene.caller.cancel(sent).response(200)
    await sent.response(487)
    for callee in scene.callees:
        await callee.request("CANCEL")


async def test_e_the_answer_is_faster_than_the_cancel(scene: Scene) -> None:
    sent, (invite,) = await scene.invite()
    scene.callee.reply(invite, 180)
    await sent.response(180)
    scene.callee.reply(invite, 200, sdp=scene.callee.sdp())
    cancelled = scene.caller.cancel(sent)
    call = await scene.accepted(sent, invite, scene.callee)
    assert (await cancelled.response(200)).code == 200
    await call.talk()
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(sent.request.call_id)
