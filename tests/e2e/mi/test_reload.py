"""The routing script and the nodes are read anew when MI says so, with workers, too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.mi.parties import ready
from tests.e2e.stage import held, on_stage
from tests.peers.opensips import opensips_mi
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Table

pytestmark = pytest.mark.e2e

SCRIPT = "from rtp_relay.routing import on_request\n\n\n@on_request\ndef route(request):\n    request.reply({code})\n"


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_script_that_has_changed_is_read_anew(workers: int, tmp_path: Path) -> None:
    script = tmp_path / "route.py"
    script.write_text(SCRIPT.format(code=403))
    settings: Mapping[str, Table] = {
        "service": {"workers": workers},
        "mi": {"listen": [f"http:{HOST}:0"]},
        "sip": {"listen": [f"udp:{HOST}:0"], "script": str(script)},
    }
    async with on_stage(Rtpproxy(), settings=settings) as stage:
        address = next(line for line in stage.service.log(lines=1000).splitlines() if '"mi": ["http' in line)
        port = address.partition(f"http:{HOST}:")[2].partition('"')[0]
        script.write_text(SCRIPT.format(code=404))
        assert await opensips_mi("-t", "http", "-i", HOST, "-p", port, "rtpproxy_reload") == "OK"

        async def reloaded() -> bool:
            return stage.service.log(lines=1000).count('"event": "reloaded"') == workers

        await wait_until(reloaded, "each worker has read it")


async def test_a_node_that_was_added_to_the_file_gets_calls() -> None:
    settings: Mapping[str, Table] = {"mi": {"listen": [f"http:{HOST}:0"]}}
    async with Rtpproxy() as added, on_stage(Node("relay-1", Rtpproxy(), weight=1), settings=settings) as stage:
        port = ready(stage)["mi"][0].rpartition(":")[2]

        async def ask(*words: str) -> Any:
            return await opensips_mi("-t", "http", "-i", HOST, "-p", port, *words)

        stage.service.nodes.append(Node("relay-2", added))
        stage.service.command()  # writes the configuration anew
        assert await ask("rtpproxy_reload") == "OK"

        async def is_there() -> bool:
            (group,) = await ask("rtpproxy_show")
            return [node["name"] for node in group["Nodes"]] == ["relay-1", "relay-2"]

        await wait_until(is_there, "the node is there", 60)
        assert await ask("rtpproxy_enable", "relay-1", "0") == "OK"
        call = stage.call()

        async def is_disabled() -> bool:
            (group,) = await ask("rtpproxy_show")
            return bool(group["Nodes"][0]["disabled"])

        await wait_until(is_disabled, "the first node is disabled", 60)
        await call.establish(stage.client)
        assert await held(added) == 1
        await call.delete(stage.client)
        assert await ask("rtpproxy_enable", "relay-1", "1") == "OK"
        await stage.nothing_is_left()
