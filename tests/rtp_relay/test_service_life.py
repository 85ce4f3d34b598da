"""The life of a service in a process of its own: crash, restart, orderly end."""

from __future__ import annotations

import asyncio
import json
import signal

import pytest

from actors.control.status import read_status
from events.journal import JournalUnavailable
from events.names import CallId, Tag
from events.redis import RedisJournal
from rtp_relay.assembly.embedded_nodes import end_all
from rtp_relay.compiled import code_in_use
from rtp_relay.embedded.redis_server import EmbeddedRedis
from rtp_relay.embedded.relays import RelayProcess
from rtp_relay.service import open_journal
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import Parties, make_sdp, media_address
from tests.peers.rtpproxy import Rtpproxy
from tests.rtp_relay.serving import ControlNode

pytestmark = pytest.mark.e2e

CALL_ID = "life-1@example.com"


def relays(node: ControlNode) -> list[RelayProcess]:
    return [RelayProcess(**json.loads(file.read_text())) for file in sorted(node.folder.glob("relay-*.json"))]


async def place_call(client: NgClient, media: Parties, to_tag: Tag | None = None) -> tuple[bytes, bytes]:
    """Make an offer and an answer; give the two SDPs that come back."""
    dialog = {"to_tag": to_tag} if to_tag else {}
    offered = await client.command("offer", call_id=CALL_ID, from_tag="a", sdp=make_sdp(media.caller.address), **dialog)
    answered = await client.command(
        "answer", call_id=CALL_ID, from_tag="a", to_tag="b", sdp=make_sdp(media.callee.address)
    )
    found = offered[b"sdp"], answered[b"sdp"]
    assert isinstance(found[0], bytes)
    assert isinstance(found[1], bytes)
    return found[0], found[1]


async def test_a_call_survives_a_crash_of_the_service() -> None:
    async with ControlNode() as node, Parties() as media, NgClient(node.address) as client:
        for_callee, for_caller = await place_call(client, media)
        await media.talk(for_caller, for_callee)
        before = relays(node)
        node.kill()
        await media.talk(for_caller, for_callee)
        await node.start()
        assert relays(node) == before
        assert [media_address(sdp) for sdp in await place_call(client, media, to_tag=Tag("b"))] == [
            media_address(for_callee),
            media_address(for_caller),
        ]
        async with open_journal(node.config) as journal:
            assert [call.call_id async for call in journal.live_calls()] == [CALL_ID]
            assert [entry.version for entry in await journal.read(CallId(CALL_ID))] == [1, 2, 3, 4, 5, 6]
            reply = await client.command("delete", call_id=CALL_ID, from_tag="a", to_tag="b")
            assert reply[b"result"] == b"ok"
            assert [call async for call in journal.live_calls()] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_orderly_stop_ends_everything(number: signal.Signals) -> None:
    async with ControlNode() as node:
        running = relays(node)
        assert len(running) == 2
        assert EmbeddedRedis(node.folder).runs()
        assert node._signal(number)
        assert await node.ended(10) == 0
        assert [relay.is_alive for relay in running] == [False, False]
        assert not EmbeddedRedis(node.folder).runs()
        assert [line["event"] for line in node.logged()] == ["ready", "stopping", "stopped"]
        assert node.logged()[0]["code"] == code_in_use()
        with pytest.raises(JournalUnavailable, match="is the service started"):
            async with open_journal(node.config):
                pass


async def test_a_history_outlives_an_orderly_stop() -> None:
    async with ControlNode() as node, Parties() as media, NgClient(node.address) as client:
        await place_call(client, media)
        await client.command("delete", call_id=CALL_ID, from_tag="a", to_tag="b")
        await node.restart()
        async with open_journal(node.config) as journal:
            assert [entry.version for entry in await journal.read(CallId(CALL_ID))] == [1, 2, 3, 4, 5, 6]


async def test_with_a_redis_and_nodes_as_configured() -> None:
    async with RedisServer() as redis, Rtpproxy() as relay:
        more = (
            f'[journal]\nurl = "{redis.url}"\n'
            f'[[nodes]]\nname = "relay-1"\nengine = "rtpproxy"\nurl = "{relay.url}"\ndraining = false\n'
        )
        async with ControlNode(more) as node, Parties() as media, NgClient(node.address) as client:
            assert sorted(file.name for file in node.folder.iterdir()) == ["control-1.sock", "log", "rtp-relay.toml"]
            for_callee, for_caller = await place_call(client, media)
            await media.talk(for_caller, for_callee)
            assert await relay.sessions() == 1
            journal = await RedisJournal.open(redis.url)
            (status,) = await read_status(journal)
            assert status.name == "control-1"
            assert [(seen.name, seen.state, seen.url) for seen in status.nodes] == [("relay-1", "up", relay.url)]
            await node.stop()

            async def gone() -> bool:
                return await read_status(journal) == []

            await wait_until(gone, "its status is gone", within=5)
            assert [call.call_id async for call in journal.live_calls()] == [CALL_ID]
            await journal.close()
            assert await relay.sessions() == 1


async def test_a_second_signal_ends_it_at_once() -> None:
    async with RedisServer() as redis, Rtpproxy() as relay:
        more = (
            f'[journal]\nurl = "{redis.url}"\n'
            f'[[nodes]]\nname = "relay-1"\nengine = "rtpproxy"\nurl = "{relay.url}"\ntimeout = 50\n'
        )
        async with ControlNode(more) as node, Parties() as media, NgClient(node.address, tries=1) as client:
            relay.pause()
            waiting = asyncio.create_task(place_call(client, media))
            journal = await RedisJournal.open(redis.url)

            async def in_work() -> bool:
                return await journal.read(CallId(CALL_ID)) != []

            async def is_stopping() -> bool:
                return "stopping" in [line["event"] for line in node.logged()]

            await wait_until(in_work, "the offer is in work")
            await journal.close()
            node._signal(signal.SIGTERM)
            await wait_until(is_stopping, "it stops")
            assert node.running
            node._signal(signal.SIGTERM)
            assert await node.ended(10) == 1
            relay.resume()
            with pytest.raises(TimeoutError):
                await waiting


async def test_what_a_crashed_service_has_left_can_be_ended() -> None:
    async with ControlNode() as node:
        running = relays(node)
        node.kill()
        assert [relay.is_alive for relay in running] == [True, True]
        await asyncio.to_thread(end_all, node.folder)
        assert [relay.is_alive for relay in running] == [False, False]
        assert not EmbeddedRedis(node.folder).runs()
