"""Calls of the SIP door, replayed: by the settings that were in force."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.sip.calls import Scene
from tests.e2e.sip.stage import Stage
from tests.e2e.stage import held

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]


async def test_a_call_is_answered_as_it_was(scene: Scene, stage: Stage, tmp_path: Path) -> None:
    call_id, call = await scene.establish()
    await call.reinvite("caller")
    await call.reinvite_without_sdp("callee")
    await call.hang_up("callee")
    await stage.nothing_is_left(call_id)
    relay = stage.relay
    config = tmp_path / "against.toml"
    config.write_text(f'[[nodes]]\nname = "new"\nengine = "{stage.engine}"\nurl = "{relay.url}"\n')
    code, output, complaint = await stage.service.run("replay", call_id, "--against", str(config), "--json")
    assert output, complaint
    report = json.loads(output)
    assert (code, report["by_call"], report["not_in_journal"], report["left"]) == (0, {}, 0, []), report
    assert report["operations"] >= 7
    assert await held(relay) == 0
