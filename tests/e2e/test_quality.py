"""What the journal says of the media of calls, by what real relays counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from events.registry import MediaMeasured
from replay.history.describe import facts
from tests.e2e.stage import CALLEE, CALLER, NgCall, Relay, Stage, on_stage
from tests.peers.peer import wait_until
from tests.peers.rtp import RtpEndpoint, media_address
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.e2e

PACKETS = 120
"""More than it takes for the other party to be missed."""


def rtpengine() -> Rtpengine:
    """Return one that has a delay, as is its default: without it, a 12.5 tells nothing of who a delete names."""
    return Rtpengine(delete_delay=1)


async def nothing_is_held(stage: Stage) -> None:
    """Wait until the relay holds no session."""

    async def free() -> bool:
        return await stage.held() == 0

    await wait_until(free, "the relay holds nothing")


async def send_all(sender: RtpEndpoint, receiver: RtpEndpoint, sdp: bytes) -> None:
    """Send packets to where an SDP says until enough have been heard on the other side; some may be lost."""
    async with asyncio.timeout(20):
        while receiver.heard(sender.ssrc) < PACKETS:
            sender.send_packet(media_address(sdp))
            await asyncio.sleep(0.001)
            while not receiver.received.empty():
                receiver.packets.append(receiver.received.get_nowait())


async def measured(stage: Stage, call: NgCall) -> MediaMeasured:
    """End a call, and return what was measured of it."""
    await call.delete(stage.client)
    events = [record.event for record in await stage.service.events(call.call_id)]
    (event,) = [event for event in events if isinstance(event, MediaMeasured)]
    return event


@pytest.mark.parametrize("relay", [rtpengine, Rtpproxy])
async def test_two_ways_one_way_and_no_media(relay: Callable[[], Relay]) -> None:
    async with on_stage(relay()) as stage:
        caller, callee = stage.media.caller, stage.media.callee
        both, one, none = (stage.call(name) for name in ("both", "one", "none"))
        for call in (both, one, none):
            await call.offer(stage.client)
            await call.answer(stage.client)
        await send_all(caller, callee, both.for_caller)
        await send_all(callee, caller, both.for_callee)
        told = await measured(stage, both)
        assert (told.node, told.final) == ("relay-1", True)
        assert all(stream.packets >= PACKETS and stream.kind == "audio" for stream in told.measured)
        assert {(told.leg(stream), stream.party) for stream in told.measured} == {
            ("caller", CALLER),
            ("callee", CALLEE),
        }
        assert not any(stream.one_way for stream in told.measured)

        callee.forget()
        await send_all(caller, callee, one.for_caller)
        told = await measured(stage, one)
        assert {stream.party: stream.one_way for stream in told.measured} == {CALLER: False, CALLEE: True}
        assert f"callee {CALLEE} audio: ONE WAY" in facts(told)

        told = await measured(stage, none)
        assert [(stream.packets, stream.one_way) for stream in told.measured] == [(0, False)] * 2
        await nothing_is_held(stage)


@pytest.mark.parametrize("relay", [rtpengine, Rtpproxy])
async def test_live_calls_are_measured_at_an_interval(relay: Callable[[], Relay]) -> None:
    async with on_stage(relay(), settings={"calls": {"quality_every": 1}}) as stage:
        call = stage.call()
        await call.offer(stage.client)
        await call.answer(stage.client)
        await send_all(stage.media.caller, stage.media.callee, call.for_caller)

        async def is_measured() -> bool:
            return any(isinstance(record.event, MediaMeasured) for record in await stage.service.events(call.call_id))

        await wait_until(is_measured, "its media were measured")
        await call.delete(stage.client)
        events = [record.event for record in await stage.service.events(call.call_id)]
        *so_far, last = [event for event in events if isinstance(event, MediaMeasured)]
        assert so_far
        assert (last.final, {event.final for event in so_far}) == (True, {False})
        assert all({stream.party for stream in event.measured} == {CALLER, CALLEE} for event in (*so_far, last))
        await nothing_is_held(stage)
