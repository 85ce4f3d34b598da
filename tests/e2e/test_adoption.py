"""Put in front of rtpengines that have calls already: their SIP servers change the address, and no call notices."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.stage import CALLEE, CALLER, NgCall, Stage, on_stage
from tests.peers.ng_client import NgClient
from tests.peers.rtpengine import Rtpengine

pytestmark = pytest.mark.e2e

UNKNOWN = {b"result": b"error", b"error-reason": b"Unknown call-id"}


async def established(stage: Stage, relay: Rtpengine, branch: str = "z9hG4bK1") -> NgCall:
    """Place a call on a relay directly, as before the service was there."""
    call = stage.call(branch=branch)
    async with relay.client() as direct:
        await call.establish(direct)
    call.branch = ""
    return call


async def test_a_call_made_before_goes_on_through_the_door_to_its_end() -> None:
    relays = [Rtpengine(), Rtpengine()]
    async with on_stage(*relays) as stage:
        call = await established(stage, relays[1])
        assert (await stage.client.command("list"))[b"calls"] == []
        await call.offer_again(stage.client)
        await call.answer_again(stage.client)
        await call.still_talks()
        assert (await stage.client.command("list"))[b"calls"] == [b"call-1"]
        await call.delete(stage.client)
        await stage.nothing_is_left()
        assert await stage.events() == ["adopted", "offer intended", "offered", "answered", "delete wanted", "deleted"]
        recorded = [record.event.name for record in await stage.service.events("call-1")]
        assert await stage.service.history("call-1") == recorded


async def test_the_callee_may_speak_first() -> None:
    relay = Rtpengine()
    async with on_stage(relay) as stage:
        call = await established(stage, relay)
        names = {"call_id": call.call_id, "from_tag": CALLEE, "to_tag": CALLER}
        for verb, party in (("offer", stage.media.callee), ("answer", stage.media.caller)):
            assert (await stage.client.command(verb, sdp=party.sdp(version=2), **names))[b"result"] == b"ok"
        await call.still_talks()
        assert (await stage.client.command("delete", call_id=call.call_id, from_tag=CALLEE))[b"result"] == b"ok"
        await stage.nothing_is_left()


async def test_a_delete_may_be_the_first_that_is_heard_of_it() -> None:
    relays = [Rtpengine(), Rtpengine()]
    async with on_stage(*relays) as stage:
        call = await established(stage, relays[0])
        reply = await call.delete(stage.client)
        assert b"totals" in reply, "it has the node's statistics"
        await stage.nothing_is_left()


async def test_a_call_that_rings_is_answered_through_the_door() -> None:
    relay = Rtpengine()
    async with on_stage(relay) as stage:
        call = stage.call(branch="z9hG4bK1")
        async with relay.client() as direct:
            await call.offer(direct)
        await call.answer(stage.client)
        await call.talk()
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_an_offer_moves_it_on_when_its_node_is_gone() -> None:
    relays = [Rtpengine(), Rtpengine()]
    async with on_stage(*relays) as stage:
        call = await established(stage, relays[0])
        assert (await stage.client.command("query", call_id=call.call_id))[b"result"] == b"ok"
        relays[0].kill()
        await call.move(stage.client)
        await relays[0].restart()
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_two_control_nodes_hear_of_it_at_once() -> None:
    relays = [Rtpengine(), Rtpengine()]
    async with on_stage(*relays) as stage:
        call = await established(stage, relays[0])
        clients = [stage.service.client() for _ in range(4)]

        async def query(client: NgClient) -> bool:
            async with client:
                return (await client.command("query", call_id=call.call_id))[b"result"] == b"ok"

        assert all(await asyncio.gather(*map(query, clients)))
        assert await stage.events() == ["adopted"]
        counted = (await stage.client.command("statistics"))[b"statistics"]
        assert isinstance(counted, dict)
        ours = counted[b"rtp-relay"]
        assert isinstance(ours, dict)
        assert ours[b"adopted"] == 1
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_it_can_be_switched_off() -> None:
    relay = Rtpengine()
    async with on_stage(relay, settings={"ng": {"adopt": False}}) as stage:
        call = await established(stage, relay)
        assert await stage.client.command("query", call_id=call.call_id) == UNKNOWN
        async with relay.client() as direct:
            await call.delete(direct)
