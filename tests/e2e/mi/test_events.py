"""`opensips-event` hears of relays that go and come back, of media that time out, in whichever worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.mi.parties import coming_along, ready
from tests.e2e.sip.calls import on_scene
from tests.e2e.sip.stage import Stage as SipStage
from tests.e2e.stage import Stage, on_stage
from tests.e2e.workers.test_notices import tell
from tests.peers.opensips import opensips_cli, opensips_event, opensips_mi
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Table

pytestmark = pytest.mark.e2e


def port_of(stage: Stage) -> int:
    return int(ready(stage)["mi"][0].rpartition(":")[2])


@asynccontextmanager
async def listening(stage: Stage, event: str) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
    """Have opensips-event listen for an event, from when its subscription is there."""
    port = port_of(stage)

    async def subscribed() -> bool:
        listed = await opensips_mi("-t", "http", "-i", HOST, "-p", str(port), "subscribers_list", event)
        return bool(listed["Event"])

    async with opensips_event(port, event) as events:
        await wait_until(subscribed, f"opensips-event has subscribed to {event}")
        yield events
    listed = await opensips_mi("-t", "http", "-i", HOST, "-p", str(port), "subscribers_list", event)
    assert not listed["Event"], "it has unsubscribed at its end"


async def are_listed(stage: Stage) -> bool:
    """Return whether `ps` has the service's process, and each of its workers."""
    listed = await opensips_mi("-t", "http", "-i", HOST, "-p", str(port_of(stage)), "ps")
    first, *others = listed["Processes"]
    assert first == {"ID": 0, "PID": stage.service.pid, "Type": "control node"}
    rows = [(row["ID"], row["Type"]) for row in others]
    workers = stage.service.workers().values()
    return rows == [(1, "worker 1"), (2, "worker 2")] and {row["PID"] for row in others} == set(workers)


async def next_of(events: asyncio.Queue[dict[str, Any]]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        return await events.get()


async def test_a_relay_that_goes_and_comes_back() -> None:
    settings: Mapping[str, Table] = {"mi": {"listen": [f"http:{HOST}:0"]}}
    async with on_stage(Rtpproxy(), settings=settings) as stage:
        relay = stage.relays[0]
        async with listening(stage, "E_RTPPROXY_STATUS") as events:
            relay.kill()
            params = {"socket": relay.url, "set": 0}
            told = {"jsonrpc": "2.0", "method": "E_RTPPROXY_STATUS", "params": {**params, "status": "inactive"}}
            assert await next_of(events) == told
            await relay.restart()
            assert (await next_of(events))["params"] == {**params, "status": "active"}


async def test_media_that_time_out_in_any_worker(tmp_path: Path) -> None:
    path = tmp_path / "notices"
    settings: Mapping[str, Table] = {
        "service": {"workers": 2},
        "mi": {"listen": [f"http:{HOST}:0"]},
        "calls": {"notices": f"unix:{path}"},
    }
    async with on_stage(Rtpproxy(), settings=settings) as stage:
        await wait_until(partial(are_listed, stage), "ps lists the service and its workers")
        calls = [stage.call(f"call-{number}", branch="b") for number in range(6)]
        for call in calls:
            await call.establish(stage.client)
        assert len({(await stage.service.events(call.call_id))[-1].by for call in calls}) == 2, "both serve calls"
        async with listening(stage, "E_RTP_RELAY_MEDIA_TIMEOUT") as events:
            for call in calls:
                await tell(path, call.call_id)
            told = [(await next_of(events))["params"] for _ in calls]
        place = {"relay": "rtpproxy", "node": stage.relays[0].url, "set": 0}
        expected = [{"callid": call.call_id, **place} for call in calls]
        assert sorted(told, key=str) == sorted(expected, key=str)
        await stage.nothing_is_left()


async def test_a_call_that_moves() -> None:
    settings: Mapping[str, Table] = {
        "mi": {"listen": [f"http:{HOST}:0"]},
        "sip": {"listen": [f"udp:{HOST}:0"], "set": "west"},
        "ng": {"set": "west"},
    }
    nodes = [Node("relay-1", Rtpproxy(), set="west"), Node("relay-2", Rtpproxy(), set="2")]
    async with on_stage(*nodes, settings=settings) as stage, listening(stage, "E_RTP_RELAY_CALL_MOVED") as events:
        stage.service.sip_port = int(ready(stage)["sip"][0].rpartition(":")[2])
        async with on_scene(SipStage(stage.service, {"rtpproxy": stage.relays[0]}, "rtpproxy")) as scene:
            call_id, call = await scene.establish()
            async with coming_along(scene.caller, scene.callee):
                words = ("rtp_relay_update_callid", f"callid={call_id}", "set=2")
                assert await opensips_cli(f"http://{HOST}:{port_of(stage)}/mi", *words) == "OK"
                place = {"relay": "rtpproxy", "node": stage.relays[1].url, "set": 2}
                assert (await next_of(events))["params"] == {"callid": call_id, **place}
            await call.hang_up("callee")
