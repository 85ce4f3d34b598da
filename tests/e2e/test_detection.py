"""How soon dead relays are found out, and that a control node which stood still takes no living one for dead."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.e2e.stage import Stage, on_stage
from tests.peers.peer import wait_until
from tests.peers.rtp import Parties
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node

pytestmark = pytest.mark.e2e


def told_of(stage: Stage) -> list[str]:
    """Return what the log tells of nodes whose state has changed."""
    return [line for line in stage.service.log(lines=100_000).splitlines() if "node changed its state" in line]


async def place_calls(stage: Stage, name: str, until: asyncio.Event) -> int:
    """Place calls one after the other; return how many there were."""
    async with stage.service.client(tries=40) as client, Parties() as media:
        for number in itertools.count():
            if until.is_set():
                return number
            call = {"call_id": f"{name}-{number}", "from_tag": "A"}
            for verb, more in (
                ("offer", {"sdp": media.caller.sdp()}),
                ("answer", {"to_tag": "B", "sdp": media.callee.sdp()}),
                ("delete", {}),
            ):
                reply = await client.command(verb, **more, **call)
                assert reply[b"result"] == b"ok", (verb, call, reply)
    raise AssertionError("the numbers have ended")


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_service_that_stood_still_under_load_takes_no_node_for_dead(workers: int) -> None:
    """Commands are on their way when it stops, whose replies come while it stands still."""
    # An rtpengine frees the ports of deleted calls a little later, and these are hundreds a second.
    rtpengine = Rtpengine(media_ports=390)
    nodes = [Node("relay-1", rtpengine, ping_every=1), Node("relay-2", Rtpproxy(), ping_every=1)]
    async with on_stage(*nodes, settings={"service": {"workers": workers}}) as stage:
        enough = asyncio.Event()
        load = [asyncio.create_task(place_calls(stage, f"load{number}", enough)) for number in range(8)]
        for _ in range(3):
            await asyncio.sleep(0.5)
            for relay in stage.relays:
                relay.pause()
            await asyncio.sleep(0.2)
            stage.service.pause()
            for relay in stage.relays:
                relay.resume()
            await asyncio.sleep(2)
            stage.service.resume()
        await asyncio.sleep(0.5)
        enough.set()
        assert sum(await asyncio.gather(*load)) > 0
        assert told_of(stage) == []
        await stage.nothing_is_left()


async def test_with_pings_every_200_ms_a_hung_node_is_down_soon_and_up_again_with_its_first_answer() -> None:
    relay = Rtpengine()
    async with on_stage(Node("relay-1", relay, ping_every=0.2)) as stage:
        relay.pause()

        async def down() -> bool:
            return len(told_of(stage)) == 1

        await wait_until(down, "it is down")
        assert '"state": "down"' in told_of(stage)[0]
        relay.resume()

        async def up() -> bool:
            return len(told_of(stage)) == 2

        await wait_until(up, "it is up")
        call = stage.call()
        await call.establish(stage.client)
        await call.delete(stage.client)
        await stage.nothing_is_left()
