"""OpenSIPS' own tools ask a control node with real relays."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.stage import Stage, on_stage
from tests.peers.opensips import ToolError, opensips_cli, opensips_mi
from tests.peers.ports import HOST
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Table

pytestmark = pytest.mark.e2e


class Management:
    """A control node with a management interface over each transport."""

    def __init__(self, stage: Stage, http: int, udp: int, unix: Path) -> None:
        self.stage, self.http, self.udp, self.unix = stage, http, udp, unix

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http}/mi"

    async def ask(self, *words: str, transport: str = "http") -> Any:
        ways = {
            "http": ("-t", "http", "-i", HOST, "-p", str(self.http)),
            "udp": ("-t", "datagram", "-dt", "10", "-i", HOST, "-p", str(self.udp)),
            "unix": ("-t", "datagram", "-dt", "10", "-ds", str(self.unix)),
        }
        return await opensips_mi(*ways[transport], *words)


@pytest_asyncio.fixture
async def management(tmp_path: Path) -> AsyncIterator[Management]:
    unix = tmp_path / "mi.sock"
    mi: Table = {"listen": [f"http:{HOST}:0", f"udp:{HOST}:0", f"unix:{unix}"]}
    sets: Table = {"numbers": {"5": "gold"}}
    nodes = [Node("relay-1", Rtpproxy()), Node("relay-2", Rtpengine(), set="gold")]
    async with on_stage(*nodes, settings={"mi": mi, "sets": sets}) as stage:
        yield asking(stage, unix)


def asking(stage: Stage, unix: Path) -> Management:
    listens = next(line["mi"] for line in map(json.loads, stage.service.log().splitlines()) if "mi" in line)
    http, udp = (int(address.rpartition(":")[2]) for address in listens[:2])
    return Management(stage, http, udp, unix)


@pytest.mark.parametrize("transport", ["http", "udp", "unix"])
async def test_the_sessions_of_established_calls(management: Management, transport: str) -> None:
    stage = management.stage
    call = stage.call("1-375@h")
    await call.offer(stage.client)
    assert await management.ask("rtp_relay_list", transport=transport) == []
    await call.answer(stage.client)
    url = stage.relays[0].url
    listed = [
        {
            "callid": "1-375@h",
            "caller": {"tag": "caller"},
            "callee": {"tag": "callee"},
            "relay": "rtpproxy",
            "node": url,
            "set": 0,
        }
    ]
    for words in ((), ("rtpproxy",), ("rtpproxy", url), ("rtpproxy", "0"), ("rtpproxy", "0", url)):
        assert await management.ask("rtp_relay_list", *words, transport=transport) == listed
    for words in (("rtpengine",), ("rtpproxy", "1"), ("rtpengine", stage.relays[1].url), ("rtpproxy", "gold")):
        assert await management.ask("rtp_relay_list", *words, transport=transport) == []
    with pytest.raises(ToolError, match="404: unknown RTP  Relay engine"):
        await management.ask("rtp_relay_list", "rtpproxi", transport=transport)
    await call.delete(stage.client)
    await stage.nothing_is_left()
    assert await management.ask("rtp_relay_list", transport=transport) == []


async def test_a_set_is_filtered_by_its_number_as_by_its_name(tmp_path: Path) -> None:
    settings: dict[str, Table] = {
        "mi": {"listen": [f"http:{HOST}:0", f"udp:{HOST}:0", f"unix:{tmp_path / 'mi.sock'}"]},
        "sets": {"numbers": {"5": "gold"}},
        "ng": {"set": 5},
    }
    async with on_stage(Node("relay-1", Rtpproxy()), Node("relay-2", Rtpproxy(), set="5"), settings=settings) as stage:
        management = asking(stage, tmp_path / "mi.sock")
        call = stage.call("of-gold")
        await call.establish(stage.client)
        (listed,) = await management.ask("rtp_relay_list")
        assert (listed["node"], listed["set"]) == (stage.relays[1].url, 5)
        for group in ("5", "gold"):
            assert await management.ask("rtp_relay_list", "rtpproxy", group) == [listed]
            assert await opensips_cli(management.url, "rtp_relay_list", "engine=rtpproxy", f"set={group}") == [listed]
        for group in ("0", "default", "1"):
            assert await management.ask("rtp_relay_list", "rtpproxy", group) == []
        assert await management.ask("rtpproxy_enable", "relay-2", "0", "5") == "OK"
        await call.delete(stage.client)


async def test_a_node_that_is_disabled_gets_no_calls_until_it_is_enabled(management: Management) -> None:
    stage = management.stage
    url = stage.relays[0].url
    (group,) = await management.ask("rtpproxy_show")
    assert (group["Set"], [node["url"] for node in group["Nodes"]]) == (0, [url])
    assert group["Nodes"][0]["disabled"] == 0
    assert (await management.ask("rtpengine_show"))[0]["Set"] == 5
    assert await management.ask("rtpproxy_enable", url, "0") == "OK"
    (group,) = await management.ask("rtpproxy_show")
    assert (group["Nodes"][0]["disabled"], group["Nodes"][0]["state"]) == (1, "disabled")
    call = stage.call()
    reply = await stage.client.command("offer", call_id="call-0", from_tag="caller", sdp=call.media.caller.sdp())
    assert reply[b"result"] == b"error"
    assert await management.ask("rtpproxy_enable", "relay-1", "1") == "OK"
    await call.establish(stage.client)
    await call.delete(stage.client)
    await stage.nothing_is_left()


async def test_opensips_cli_asks_by_name_and_by_position(management: Management) -> None:
    assert "rtp_relay:list" in await opensips_cli(management.url, "which")
    assert await opensips_cli(management.url, "rtp_relay_list", "engine=rtpproxy", "set=0") == []
    assert await opensips_cli(management.url, "rtp_relay_list", "rtpproxy", management.stage.relays[0].url) == []
    assert (await opensips_cli(management.url, "get_statistics", "ng:"))["ng:garbage"] == 0


async def test_opensips_cli_ends_a_call_by_opensips_own_name(management: Management) -> None:
    stage = management.stage
    await stage.call("c1").establish(stage.client)
    assert await opensips_cli(management.url, "teardown", "callid=c1") == "OK"
    await stage.nothing_is_left()


async def test_the_log_level_is_that_of_the_next_line(management: Management) -> None:
    stage = management.stage
    assert (await management.ask("log_level", "4"))["New global log level"] == 4
    call = stage.call("seen-in-debug")
    await call.establish(stage.client)
    await call.delete(stage.client)
    await stage.nothing_is_left()
    assert '"call_id": "seen-in-debug"' in stage.service.log(lines=100_000)


async def test_it_can_be_asked_to_end(management: Management) -> None:
    assert await management.ask("kill") == "OK"
    await management.stage.service.ended(10)
