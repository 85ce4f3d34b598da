"""Flows a and b: a plain call, several streams, early media; and what else goes through in a dialog."""

from __future__ import annotations

import pytest
from sipmessage import Response

from engines.sdp.session import parse
from tests.e2e.sip.calls import Scene, Side, check_relayed, on_scene, talk
from tests.e2e.sip.stage import AGAIN, ENDED, PLAIN, Stage
from tests.peers.rtp import RtpEndpoint

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BOTH = pytest.mark.parametrize("by", ["caller", "callee"])


@BOTH
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_a_call(stage: Stage, transport: str, by: str) -> None:
    async with on_scene(stage, transport=transport) as scene:
        call_id, call = await scene.establish()
        await call.talk()
        assert await stage.held() == 1
        await call.hang_up(by)
        assert {place.transport for place in scene.caller.origins | scene.callee.origins} == {transport}
        codes = [message.code for message in scene.caller.received if isinstance(message, Response)]
        assert codes[:3] == [100, 180, 200]
    await stage.nothing_is_left(call_id)
    assert await stage.told(call_id) == PLAIN + ENDED


async def test_a_the_caller_has_udp_and_the_callee_tcp(stage: Stage) -> None:
    async with on_scene(stage) as one, on_scene(stage, transport="tcp") as other:
        mixed = Scene(stage, one.caller, other.callees)
        call_id, call = await mixed.establish()
        await call.talk()
        await call.reinvite("caller")
        await call.reinvite("callee")
        await call.hang_up("callee")
        assert {place.transport for place in one.caller.origins} == {"udp"}
        assert {place.transport for place in other.callee.origins} == {"tcp"}
    await stage.nothing_is_left(call_id)


async def test_a_the_history_that_an_operator_sees_is_whole(scene: Scene) -> None:
    call_id, call = await scene.establish()
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(call_id)
    service = scene.stage.service
    assert await service.history(call_id) == [record.event.name for record in await service.events(call_id)]


STREAMS = "m=audio {} RTP/AVP 0\r\nm=video {} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=audio 0 RTP/AVP 8\r\n"


def two_streams_and_one_that_is_off(first: RtpEndpoint, second: RtpEndpoint) -> str:
    head = first.sdp().partition("m=")[0]
    return head + STREAMS.format(first.address[1], second.address[1])


async def test_a2_two_streams_and_one_that_is_off(scene: Scene) -> None:
    stage = scene.stage
    async with RtpEndpoint() as callers_video, RtpEndpoint() as callees_video:
        offer = two_streams_and_one_that_is_off(scene.caller.media, callers_video)
        sent, (invite,) = await scene.invite(sdp=offer)
        scene.callee.reply(invite, 200, sdp=two_streams_and_one_that_is_off(scene.callee.media, callees_video))
        call = await scene.accepted(sent, invite, scene.callee)
        await call.talk()
        for side in (call.caller, call.callee):
            check_relayed(stage, side.hears)
            assert b"\r\nm=audio 0 RTP/AVP 8\r\n" in side.hears
            assert len(parse(side.hears).live_streams) == 2
        assert await stage.held() == (2 if stage.engine == "rtpproxy" else 1)
        await call.hang_up("callee")
    await stage.nothing_is_left(sent.dialog.call_id)


@pytest.mark.parametrize("again", ["the same", "another", "none"])
async def test_b_early_media(scene: Scene, again: str) -> None:
    stage, callee = scene.stage, scene.callee
    sent, (invite,) = await scene.invite()
    callee.reply(invite, 183, sdp=callee.sdp())
    early = (await sent.response(183)).body
    await talk(stage, Side(scene.caller, sent.dialog, early), Side(callee, invite.in_dialog, invite.body))
    assert await stage.held() == 1
    callee.reply(
        invite, 200, sdp="" if again == "none" else callee.sdp("sendonly" if again == "another" else "sendrecv")
    )
    call = await scene.accepted(sent, invite, callee, early=early)
    if again == "the same":
        assert call.caller.hears == early
    await (call.is_heard("callee") if again == "another" else call.talk())
    assert await stage.held() == 1
    await call.hang_up("callee")
    await stage.nothing_is_left(sent.dialog.call_id)
    answers = ["answered"] * (2 if again == "another" else 1)
    assert await stage.told(sent.dialog.call_id) == ["engaged", "offered", *answers, *ENDED]


async def test_e_a_refusal(scene: Scene) -> None:
    sent, (invite,) = await scene.invite()
    assert await scene.stage.held() == 1
    scene.callee.reply(invite, 486)
    await sent.response(486)
    await scene.stage.nothing_is_left(sent.request.call_id)
    assert await scene.stage.told(sent.request.call_id) == ["engaged", "offered", *ENDED]


@BOTH
async def test_requests_without_sdp_go_through(scene: Scene, by: str) -> None:
    call_id, call = await scene.establish()
    for method in ("INFO", "MESSAGE", "UPDATE", "OPTIONS"):
        if method != "OPTIONS":
            await call.ask(by, method)
            continue
        side, other = call.sides(by)
        await side.agent.send(side.dialog, method).response(200)
        await other.agent.request(method)
    await call.reinvite("caller")
    await call.reinvite("callee")
    await call.talk()
    await call.hang_up(by)
    await scene.stage.nothing_is_left(call_id)
    assert await scene.stage.told(call_id) == [*PLAIN, *AGAIN, *AGAIN, *ENDED]


async def test_a_body_of_another_kind_goes_through_unchanged(scene: Scene) -> None:
    call_id, call = await scene.establish()
    digits = "Signal=5\r\nDuration=160\r\n"
    headers = [("Content-Type", "application/dtmf-relay"), ("X-Unknown", "b, a"), ("X-Unknown", "c")]
    sent = scene.caller.send(call.caller.dialog, "INFO", sdp=digits, headers=headers)
    arrived = await scene.callee.request("INFO")
    assert arrived.body == digits.encode()
    assert arrived.request.headers.getlist("X-Unknown") == ["b, a", "c"]
    scene.callee.reply(arrived, 200)
    await sent.response(200)
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(call_id)


async def test_an_offer_after_the_end_does_not_resurrect_the_call(scene: Scene) -> None:
    call_id, call = await scene.establish()
    await call.hang_up("caller")
    await scene.stage.nothing_is_left(call_id)
    late = scene.caller.send(call.caller.dialog, "INVITE", sdp=scene.caller.sdp())
    refusal = await late.response(481)
    assert refusal.body == b""
    await scene.stage.nothing_is_left(call_id)
