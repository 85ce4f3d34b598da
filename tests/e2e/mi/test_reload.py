"""The routing script and the nodes are read anew when MI says so, with workers, too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.stage import on_stage
from tests.peers.opensips import opensips_mi
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Table

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
