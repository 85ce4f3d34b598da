"""Flows g to i: late offers, PRACK, hold and resume, rejected re-INVITEs, UPDATE."""

from __future__ import annotations

import pytest

from tests.e2e.sip.calls import Scene, Side, talk
from tests.e2e.sip.stage import AGAIN, ENDED, PLAIN
from tests.peers.rtp import media_address

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])


@BOTH
async def test_g_a_late_offer_in_the_200_and_its_answer_in_the_ack(scene: Scene, by: str) -> None:
    sent, (invite,) = await scene.invite(sdp="")
    scene.callee.reply(invite, 180)
    await sent.response(180)
    assert await scene.stage.held() == 0
    scene.callee.reply(invite, 200, sdp=scene.callee.sdp())
    final = await sent.response(200)
    scene.caller.ack(sent, sdp=scene.caller.sdp())
    ack = await scene.callee.request("ACK")
    caller, callee = Side(scene.caller, sent.dialog, final.body), Side(scene.callee, invite.in_dialog, ack.body)
    await talk(scene.stage, caller, callee)
    assert await scene.stage.held() == 1
    await end(*((caller, callee) if by == "caller" else (callee, caller)))
    await scene.stage.nothing_is_left(sent.request.call_id)
    assert await scene.stage.told(sent.request.call_id) == PLAIN + ENDED


async def end(by: Side, other: Side) -> None:
    bye = by.agent.send(by.dialog, "BYE")
    other.agent.reply(await other.agent.request("BYE"), 200)
    await bye.response(200)


async def test_g_a_late_offer_in_a_reliable_183_and_its_answer_in_the_prack(scene: Scene) -> None:
    sent, (invite,) = await scene.invite(sdp="")
    scene.callee.reply(invite, 183, sdp=scene.callee.sdp(), reliable=True)
    early = await sent.response(183)
    prack = scene.caller.prack(sent, early, sdp=scene.caller.sdp())
    acknowledged = await scene.callee.request("PRACK")
    scene.callee.reply(acknowledged, 200)
    await prack.response(200)
    caller = Side(scene.caller, sent.dialog, early.body)
    callee = Side(scene.callee, invite.in_dialog, acknowledged.body)
    await talk(scene.stage, caller, callee)
    scene.callee.reply(invite, 200)
    await scene.accepted(sent, invite, scene.callee)
    await end(callee, caller)
    await scene.stage.nothing_is_left(sent.request.call_id)
    assert await scene.stage.told(sent.request.call_id) == PLAIN + ENDED


async def test_an_answer_in_a_reliable_183_and_a_new_offer_in_the_prack(scene: Scene) -> None:
    sent, (invite,) = await scene.invite()
    scene.callee.reply(invite, 183, sdp=scene.callee.sdp(), reliable=True)
    early = await sent.response(183)
    prack = scene.caller.prack(sent, early, sdp=scene.caller.sdp("sendonly"))
    offered = await scene.callee.request("PRACK")
    assert media_address(offered.body) == media_address(invite.body)
    scene.callee.reply(offered, 200, sdp=scene.callee.sdp("recvonly"))
    assert media_address((await prack.response(200)).body) == media_address(early.body)
    scene.callee.reply(invite, 200)
    call = await scene.accepted(sent, invite, scene.callee, early=early.body)
    await call.reinvite("callee")
    await call.talk()
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(sent.request.call_id)
    assert await scene.stage.told(sent.request.call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


@BOTH
async def test_h_hold_and_resume(scene: Scene, by: str) -> None:
    call_id, call = await scene.establish()
    await call.talk()
    before = [media_address(side.hears) for side in call.sides("caller")]
    await call.reinvite(by, directions=("sendonly", "recvonly"))
    holder, held = call.sides(by)
    assert b"a=sendonly\r\n" in held.hears
    assert b"a=recvonly\r\n" in holder.hears
    await call.reinvite(by)
    assert b"a=sendonly\r\n" not in held.hears
    assert [media_address(side.hears) for side in call.sides("caller")] == before
    await call.talk()
    assert await scene.stage.held() == 1
    await call.hang_up(by)
    await scene.stage.nothing_is_left(call_id)
    assert await scene.stage.told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


async def test_h_reinvites_from_both_sides_keep_the_relays_ports(scene: Scene) -> None:
    call_id, call = await scene.establish()
    for by in ("caller", "callee", "callee", "caller"):
        await call.keeps_its_ports(by)
    await call.talk()
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(call_id)
    assert await scene.stage.told(call_id) == [*PLAIN, *AGAIN * 4, *ENDED]


async def test_h_reinvites_without_sdp_from_both_sides(scene: Scene) -> None:
    call_id, call = await scene.establish()
    await call.reinvite_without_sdp("caller")
    await call.talk()
    await call.reinvite_without_sdp("callee")
    await call.talk()
    assert await scene.stage.held() == 1
    await call.hang_up("callee")
    await scene.stage.nothing_is_left(call_id)
    assert await scene.stage.told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


@BOTH
@pytest.mark.parametrize("code", [488, 491])
async def test_h_after_a_rejection_the_old_agreement_stands(scene: Scene, by: str, code: int) -> None:
    call_id, call = await scene.establish()
    await call.talk()
    side, other = call.sides(by)
    offered = side.agent.send(side.dialog, "INVITE", sdp=side.agent.sdp("sendonly"))
    other.agent.reply(await other.agent.request("INVITE"), code)
    await offered.response(code)
    await call.talk()
    assert await scene.stage.held() == 1
    for party in ("caller", "callee"):
        await call.keeps_its_ports(party)
    await call.talk()
    await call.hang_up(by)
    await scene.stage.nothing_is_left(call_id)


@BOTH
async def test_i_update_with_an_offer(scene: Scene, by: str) -> None:
    call_id, call = await scene.establish()
    side, other = call.sides(by)
    await call.ask(by, "UPDATE", sdp=side.agent.sdp("sendonly"), answer=other.agent.sdp("recvonly"))
    assert b"a=sendonly\r\n" in other.hears
    assert b"a=recvonly\r\n" in side.hears
    await call.ask(by, "UPDATE", sdp=side.agent.sdp(), answer=other.agent.sdp())
    await call.talk()
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(call_id)
    assert await scene.stage.told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


async def test_i_an_update_before_the_call_is_answered(scene: Scene) -> None:
    sent, (invite,) = await scene.invite()
    scene.callee.reply(invite, 183, sdp=scene.callee.sdp(), reliable=True)
    early = await sent.response(183)
    prack = scene.caller.prack(sent, early)
    scene.callee.reply(await scene.callee.request("PRACK"), 200)
    await prack.response(200)
    update = scene.callee.send(invite.in_dialog, "UPDATE", sdp=scene.callee.sdp("sendonly"))
    offered = await scene.caller.request("UPDATE")
    assert media_address(offered.body) == media_address(early.body)
    scene.caller.reply(offered, 200, sdp=scene.caller.sdp("recvonly"))
    await update.response(200)
    scene.callee.reply(invite, 200)
    call = await scene.accepted(sent, invite, scene.callee, early=offered.body)
    await call.reinvite("caller")
    await call.talk()
    await call.hang_up("callee")
    await scene.stage.nothing_is_left(sent.request.call_id)
    assert await scene.stage.told(sent.request.call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]
