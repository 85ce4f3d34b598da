"""Two callers with one call-id at the ng door, where it is the SIP server's word: neither takes what is the other's."""

from __future__ import annotations

import pytest

from tests.e2e.stage import NgCall, Stage, on_stage, sdp_of
from tests.peers.ng_client import NgClient
from tests.peers.rtp import Parties, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

BOTH = pytest.mark.parametrize("relay", [Rtpengine, Rtpproxy])
OTHER, OTHERS_CALLEE = "other-caller", "other-callee"


async def offer_of_another(client: NgClient, call: NgCall, media: Parties, sdp: bytes = b"") -> bytes:
    """Let somebody else offer with the call's id, and give what the callee is to be told."""
    reply = await client.command("offer", call_id=call.call_id, from_tag=OTHER, sdp=sdp or media.caller.sdp())
    return sdp_of(reply)


async def goes_on(call: NgCall, stage: Stage) -> None:
    """See that a call has its media and its ports, and that it ends when it is to."""
    await call.still_talks()
    await call.offer_again(stage.client)
    await call.answer_again(stage.client)
    await call.still_talks()
    await call.delete(stage.client)


@BOTH
async def test_an_offer_of_another_caller_has_ports_of_its_own_and_its_delete_takes_these_only(
    relay: type[Rtpengine | Rtpproxy],
) -> None:
    async with on_stage(relay()) as stage, Parties() as others:
        call = stage.call()
        await call.establish(stage.client)
        before = [record.event for record in await stage.service.events(call.call_id)]
        offered = await offer_of_another(stage.client, call, others)
        assert media_address(offered) not in (media_address(call.for_caller), media_address(call.for_callee))
        await call.still_talks()
        await stage.client.command("delete", call_id=call.call_id, from_tag=OTHER)
        assert await stage.held() == 1
        assert [record.event for record in await stage.service.events(call.call_id)][: len(before)] == before
        await goes_on(call, stage)
        await stage.nothing_is_left()


@BOTH
async def test_one_that_is_refused_takes_nothing(relay: type[Rtpengine | Rtpproxy]) -> None:
    async with on_stage(relay()) as stage:
        call = stage.call()
        await call.establish(stage.client)
        bad = b"v=0\r\nno description\r\n"
        reply = await stage.client.command("offer", call_id=call.call_id, from_tag=OTHER, sdp=bad)
        assert reply[b"result"] == b"error"
        await stage.client.command("delete", call_id=call.call_id, from_tag=OTHER)
        await goes_on(call, stage)
        await stage.nothing_is_left()


@BOTH
async def test_each_is_answered_and_ended_by_itself(relay: type[Rtpengine | Rtpproxy]) -> None:
    async with on_stage(relay()) as stage, Parties() as others:
        call = stage.call()
        await call.offer(stage.client)
        for_callee = await offer_of_another(stage.client, call, others)
        await call.answer(stage.client)
        reply = await stage.client.command(
            "answer", call_id=call.call_id, from_tag=OTHER, to_tag=OTHERS_CALLEE, sdp=others.callee.sdp()
        )
        await others.talk(sdp_of(reply), for_callee)
        await call.talk()
        await stage.client.command("delete", call_id=call.call_id, from_tag=OTHERS_CALLEE)
        await goes_on(call, stage)
        await stage.nothing_is_left()


@BOTH
async def test_a_delete_without_tags_takes_all(relay: type[Rtpengine | Rtpproxy]) -> None:
    async with on_stage(relay()) as stage, Parties() as others:
        call = stage.call()
        await call.establish(stage.client)
        await offer_of_another(stage.client, call, others)
        await stage.client.command("delete", call_id=call.call_id)
        await stage.nothing_is_left()
