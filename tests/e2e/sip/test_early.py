"""Session descriptions while it rings that RFC 3261 to 3311 do not foresee, as devices send them."""

from __future__ import annotations

import pytest

from tests.e2e.sip.calls import Call, Scene, Side, check_relayed, talk
from tests.e2e.sip.stage import ENDED, PLAIN
from tests.peers.rtp import media_address
from tests.peers.ua import Arrived, Sent

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

BY = pytest.mark.parametrize("by", ["caller", "callee"])
EARLY = pytest.mark.parametrize("early", [180, 183])


async def ring(scene: Scene, early: int) -> tuple[Sent, Arrived, Call]:
    """Let it ring, with a preview of the answer in the 183; give the call with its early dialog, too."""
    sent, (invite,) = await scene.invite()
    scene.callee.reply(invite, early, sdp=scene.callee.sdp() if early == 183 else "")
    response = await sent.response(early)
    caller = Side(scene.caller, sent.dialog_of(response), response.body)
    return sent, invite, Call(scene.stage, caller, Side(scene.callee, invite.in_dialog, invite.body))


async def over(scene: Scene, call: Call, sent: Sent) -> None:
    assert await scene.stage.held() == 1
    await call.hang_up("callee")
    await scene.stage.nothing_is_left(sent.request.call_id)


@BY
@EARLY
async def test_an_update_while_it_rings_is_relayed_and_so_is_its_answer(scene: Scene, by: str, early: int) -> None:
    sent, invite, call = await ring(scene, early)
    side, other = call.sides(by)
    before = media_address(invite.body)
    await call.ask(by, "UPDATE", sdp=side.agent.sdp("sendonly"), answer=other.agent.sdp("recvonly"))
    for hears in (side.hears, other.hears):
        check_relayed(scene.stage, hears)
    assert media_address(call.callee.hears) == before
    held = media_address(call.caller.hears)
    scene.callee.reply(invite, 200, sdp=scene.callee.sdp("sendonly" if by == "callee" else "recvonly"))
    final = await sent.response(200)
    scene.caller.ack(sent, final)
    await scene.callee.request("ACK")
    assert media_address(final.body) == held
    await call.reinvite("caller")
    await call.talk()
    await over(scene, call, sent)


@BY
@EARLY
@pytest.mark.parametrize("code", [491, 500])
async def test_an_update_that_is_refused_while_it_rings_changes_nothing(
    scene: Scene, by: str, early: int, code: int
) -> None:
    sent, invite, call = await ring(scene, early)
    side, other = call.sides(by)
    update = side.agent.send(side.dialog, "UPDATE", sdp=side.agent.sdp("sendonly"))
    other.agent.reply(await other.agent.request("UPDATE"), code)
    await update.response(code)
    scene.callee.reply(invite, 200, sdp=scene.callee.sdp())
    established = await scene.accepted(sent, invite, scene.callee)
    await established.talk()
    await over(scene, established, sent)


async def test_a_200_that_says_something_else_after_an_update_goes_on_without_it(scene: Scene) -> None:
    sent, invite, call = await ring(scene, 183)
    await call.ask("caller", "UPDATE", sdp=scene.caller.sdp("sendonly"), answer=scene.callee.sdp("recvonly"))
    scene.callee.reply(invite, 200, sdp=scene.callee.sdp("inactive"))
    final = await sent.response(200)
    assert not final.body
    assert final.headers.get("Content-Type") is None
    scene.caller.ack(sent, final)
    await scene.callee.request("ACK")
    await call.reinvite("callee")
    await call.talk()
    await over(scene, call, sent)


@pytest.mark.parametrize("in_200", [True, False], ids=["and again in the 200", "only"])
async def test_a_late_offer_shown_in_an_unreliable_183(scene: Scene, *, in_200: bool) -> None:
    sent, (invite,) = await scene.invite(sdp="")
    scene.callee.reply(invite, 183, sdp=scene.callee.sdp())
    early = await sent.response(183)
    check_relayed(scene.stage, early.body)
    scene.callee.reply(invite, 200, sdp=scene.callee.sdp() if in_200 else "")
    final = await sent.response(200)
    assert final.body == (early.body if in_200 else b"")
    scene.caller.ack(sent, sdp=scene.caller.sdp())
    ack = await scene.callee.request("ACK")
    caller, callee = Side(scene.caller, sent.dialog, early.body), Side(scene.callee, invite.in_dialog, ack.body)
    await talk(scene.stage, caller, callee)
    call = Call(scene.stage, caller, callee)
    await over(scene, call, sent)
    assert await scene.stage.told(sent.request.call_id) == PLAIN + ENDED
