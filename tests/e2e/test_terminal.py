"""Commands at a terminal: drawn live, as wide as it is, and left as it was."""

from __future__ import annotations

import pytest

from events.decisions import NODES
from events.node_events import NodeStateSet
from events.redis import RedisJournal
from tests.e2e.stage import Stage, on_stage
from tests.peers.rtpengine import Rtpengine
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


async def states_decided(stage: Stage) -> list[tuple[str, str, str]]:
    """Return what was decided about nodes: which, what, why."""
    journal = await RedisJournal.open(stage.redis.url)
    try:
        events = [entry.event for entry in await journal.read_decisions(NODES)]
    finally:
        await journal.close()
    return [(event.node, event.state, event.reason) for event in events if isinstance(event, NodeStateSet)]


async def test_top_shows_relays_and_calls_live_and_drains_by_a_key() -> None:
    async with on_stage(Rtpengine(), Rtpproxy(), Rtpproxy()) as stage:
        calls = [stage.call(f"{number:08x}-call@sip.example.com") for number in range(0x5A17C0DE, 0x5A17C0DE + 9)]
        for each in calls:
            await each.offer(stage.client)
            await each.answer(stage.client)
        config = ("-c", str(stage.service.config))
        async with at_a_terminal("top", *config, columns=100, lines=16, env=stage.service.environment()) as top:
            await top.shows("9 calls", "relays", "relay-1", "relay-2", "relay-3", "up", "control-1")
            top.press("\x1b[Bd")
            await top.shows("drain relay-2? y: yes")
            assert await states_decided(stage) == []
            top.press("y")
            await top.shows("relay-2 is draining; it has ", "draining")
            for each in calls[5:]:
                await each.delete(stage.client)
            await top.shows("5 calls", without=" 0.0 ended/s")
            top.press("k")
            await top.shows("tab list")
            top.keep_picture("top", "rtp-relay top")
            top.press("je")
            await top.shows("enable relay-2?")
            top.press("y")
            await top.shows("relay-2 is active; it has ")
            reason = "by rtp-relay top"
            assert await states_decided(stage) == [("relay-2", "draining", reason), ("relay-2", "active", reason)]
            top.press("\t")
            await top.shows("5 calls", calls[0].call_id, calls[1].call_id)
            top.press("/5A17C0DF\r")
            await top.shows(calls[1].call_id, "with '5A17C0DF'", without=calls[0].call_id)
            top.press("\r")
            await top.shows(f"call {calls[1].call_id}", "offered", "answer", "relay relay-")
            top.resize(60, 12)
            await top.shows(f"call {calls[1].call_id}", "escape back")
            await calls[1].delete(stage.client)
            await top.shows("deleted")
            top.press("\x1b")
            await top.shows("calls with '5A17C0DF'", without=calls[1].call_id)
            top.press("?")
            await top.shows("sort by the next column")
            assert "sort by the next column" in top.picture("").replace("&#160;", " ")
            top.press(" q")
            assert await top.ended() == 0
            assert top.written.endswith(b"\x1b[?25h\x1b[?1049l")
        for each in (calls[0], *calls[2:5]):
            await each.delete(stage.client)
        await stage.nothing_is_left()


async def test_top_ends_by_ctrl_c_and_needs_a_terminal() -> None:
    async with on_stage(Rtpproxy()) as stage:
        code, _, complaint = await stage.service.run("top")
        assert (code, "top needs a terminal" in complaint) == (2, True)
        config = ("-c", str(stage.service.config))
        async with at_a_terminal("top", *config, env=stage.service.environment()) as top:
            await top.shows("relay-1", "up")
            stage.service.kill()
            await top.shows("did not answer")
            top.press("\x03")
            assert await top.ended() == 0
        await stage.service.start()
