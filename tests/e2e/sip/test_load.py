"""Calls of SIPp at rising rates through the SIP door, a real relay and a real Redis."""

from __future__ import annotations

import pytest

from bench.sip.sipp import Callees, place_calls
from tests.e2e.sip.stage import Stage
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service, Table

pytestmark = pytest.mark.e2e

RATES = (10, 25, 50)
HOLD = 200
"""Milliseconds that each call is held."""


@pytest.mark.parametrize("engine", ["rtpengine", "rtpproxy"])
async def test_below_capacity_all_calls_succeed_and_nothing_is_left_of_them(engine: str) -> None:
    relay: Relay = Rtpengine(media_ports=800) if engine == "rtpengine" else Rtpproxy(media_ports=800)
    async with RedisServer() as redis, relay, Callees() as callees:
        # Should the machine do something else for a while, the calls of these rates are still no overload.
        sip: Table = {"engine": engine, "next_hop": f"sip:{HOST}:{callees.port}", "max_delay": 5.0}
        async with Service(redis.url, [Node("relay-1", relay)], sip=sip) as service:
            stage = Stage(service, {engine: relay}, engine)
            for rate in RATES:
                calls = await place_calls(callees, (HOST, service.sip_port), calls=rate, rate=rate, hold=HOLD)
                assert (calls.completed, calls.refused, calls.failed) == (rate, 0, 0)
            await nothing_is_left(stage)


async def nothing_is_left(stage: Stage) -> None:
    """Wait until no call is live; see that no relay holds a session then."""
    async with stage.service.client() as client:

        async def empty() -> bool:
            return (await client.command("list", limit=1000))[b"calls"] == []

        await wait_until(empty, "no call is live")
    assert await stage.held() == 0
