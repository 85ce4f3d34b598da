"""`rtp-relay doctor` on what runs: it finds nothing where all is well, and each thing that a person breaks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.stage import held, on_stage
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Service

pytestmark = pytest.mark.e2e

TWICE = "two control nodes are named control-1"
TRIES = 4
"""They may publish at the same moment, for a while: then one hides the other."""

OF_THE_MACHINE = {"limits", "clock"}


async def examine(service: Service) -> tuple[int, dict[str, list[Any]]]:
    """Return the exit code, and what is not well by its area; this machine's own limits and clock are left out."""
    code, output, complaint = await service.run("doctor", "--json")
    assert complaint == ""
    document = json.loads(output)
    found: dict[str, list[Any]] = {}
    for finding in document["findings"]:
        if finding["verdict"] != "ok" and finding["area"] not in OF_THE_MACHINE:
            found.setdefault(finding["area"], []).append((finding["verdict"], finding["what"], finding["mend"]))
    assert document["ok"] is (code == 0)
    return code, found


async def test_what_is_wrong_is_found_and_nothing_else() -> None:
    async with on_stage(Rtpengine(), Rtpproxy(), appendonly=True) as stage:
        code, found = await examine(stage.service)
        assert (code, found) == (0, {})
        assert await stage.held() == 0
        async with stage.redis.client() as redis:
            await redis.config_set("maxmemory", "100mb")
            await redis.config_set("maxmemory-policy", "allkeys-lru")
            await redis.config_set("appendonly", "no")
        stage.relays[1].kill()
        stage.service.config.chmod(0o646)
        async with Service(stage.redis.url, stage.service.nodes, name="control-1"):
            for _ in range(TRIES):
                code, found = await examine(stage.service)
                if TWICE in str(found):
                    break
        assert code == 1
        (eviction, persistence) = found.pop("redis")
        assert eviction[0] == "wrong"
        assert "maxmemory-policy is allkeys-lru" in eviction[1]
        assert "noeviction" in eviction[2]
        assert (persistence[0], "appendonly is off" in persistence[1]) == ("warning", True)
        (silent,) = found.pop("nodes")
        assert silent[:1] == ("wrong",)
        assert "relay-2 (rtpproxy at " in silent[1]
        assert "does not answer" in silent[1]
        assert "can be changed by anybody" in found.pop("files")[0][1]
        assert TWICE in str(found.pop("cluster"))
        assert found == {}
        assert await held(stage.relays[0]) == 0

        stage.service.kill()
        stage.redis.kill()
        code, found = await examine(stage.service)
        assert code == 1
        ((verdict, what, _),) = found["redis"]
        assert (verdict, "cannot be reached" in what) == ("wrong", True)
        assert found.keys() == {"redis", "nodes", "files"}
        await stage.redis.restart()
