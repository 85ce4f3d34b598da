"""Commands at a terminal: drawn live, as wide as it is, and left as it was."""

from __future__ import annotations

import pytest

from tests.e2e.stage import on_stage
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.terminal import at_a_terminal

pytestmark = pytest.mark.e2e

LONG = "0123456789-abcdefghij-klmnopqrst-uvwxyz@a-long-name.voice.example.com"


async def test_calls_and_nodes_are_watched_live_at_any_width_until_ctrl_c() -> None:
    async with on_stage(Rtpproxy()) as stage:
        first, second = stage.call(LONG), stage.call("漢字-call@h")
        await first.offer(stage.client)
        config = ("-c", str(stage.service.config))
        async with (
            at_a_terminal("calls", "--watch", *config, columns=80, env=stage.service.environment()) as calls,
            at_a_terminal("nodes", "--watch", *config, columns=40, env=stage.service.environment()) as nodes,
        ):
            await calls.shows("1 live call", "0123456789-abc", "example.com", "relay-1", without=LONG)
            await nodes.shows("relay-1", "up", "control node")
            await second.offer(stage.client)
            await calls.shows("2 live calls", "漢字-call@h", "0123456789-abc")
            calls.resize(200, 24)
            await calls.shows("2 live calls", LONG, "last by")
            stage.service.kill()
            await calls.shows("2 live calls", LONG, "did not answer")
            await stage.service.start()
            await calls.shows("2 live calls", LONG, without="did not answer")
            for terminal in (calls, nodes):
                terminal.press("\x03")
                assert await terminal.ended() == 0
                assert terminal.written.endswith(b"\x1b[?25h\x1b[?1049l")
        for call in (first, second):
            await call.delete(stage.client)
        await stage.nothing_is_left()
