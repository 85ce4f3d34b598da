"""Streams that were spoiled in a real Redis: the call is quarantined without a traceback, and its session can go."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import pytest
from redis.asyncio import Redis

from engines.ng.bencode import NgDict
from events.names import CallId
from events.redis import RedisJournal
from tests.events.stream_keys import stream_of
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import make_sdp
from tests.peers.rtpproxy import Rtpproxy
from tests.rtp_relay.serving import ROOT, ControlNode

pytestmark = pytest.mark.e2e

CALL = "spoiled@example.com"
SDP = make_sdp((HOST, 9000))
LARGEST = 2**64 - 1
Spoil = Callable[[Redis, bytes], Awaitable[object]]


async def execute(redis: Redis, *command: str | bytes) -> None:
    await redis.execute_command(*command)  # type: ignore[no-untyped-call]


def last_id(last: str) -> Spoil:
    """Let a stream remember another last id than its last entry has."""
    return lambda redis, key: execute(redis, "XSETID", key, last)


def entry(place: str) -> Spoil:
    """Add an entry of others' under an id."""
    return lambda redis, key: execute(redis, "XADD", key, place, "t", "refused", "p", "")


async def gap(redis: Redis, key: bytes) -> None:
    await redis.xdel(key, "1-0")


async def lost_end(redis: Redis, key: bytes) -> None:
    await redis.xdel(key, "2-0")


async def other_type(redis: Redis, key: bytes) -> None:
    await redis.set(key, "no stream")


SPOILS = {
    "largest-last-id": last_id(f"{LARGEST}-{LARGEST}"),
    "largest-version": last_id(f"{LARGEST}-0"),
    "as-large-as-the-script-counts": last_id(f"{2**53}-0"),
    "last-id-ahead": last_id("9-0"),
    "last-id-ahead-with-a-sequence-part": last_id("9-7"),
    "largest-entry": entry(f"{LARGEST}-{LARGEST}"),
    "entry-with-a-sequence-part": entry("2-7"),
    "gap": gap,
    "last-entry-gone": lost_end,
    "other-type": other_type,
}


async def rtp_relay(node: ControlNode, *words: str) -> tuple[int | None, str]:
    """Run a command and return its exit code and output."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from rtp_relay.cli import main; main()"
    command = (sys.executable, "-c", program, *words, "-c", str(node.file))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    out, _ = await process.communicate()
    return process.returncode, out.decode()


async def test_spoiled_streams_are_quarantined_and_their_sessions_removed() -> None:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        redis, relay = await enter(RedisServer()), await enter(Rtpproxy())
        more = f'[journal]\nurl = "{redis.url}"\n[[nodes]]\nname = "r1"\nengine = "rtpproxy"\nurl = "{relay.url}"\n'
        nodes = [await enter(ControlNode(more)) for _ in range(2)]
        first, second = [await enter(NgClient(node.address)) for node in nodes]
        journal = await RedisJournal.open(redis.url)
        stack.push_async_callback(journal.close)
        raw = await enter(Redis.from_url(redis.url))
        for call, spoil in SPOILS.items():
            offered = await first.command("offer", call_id=call, from_tag="a", sdp=SDP)
            assert offered[b"result"] == b"ok"
            await spoil(raw, stream_of("rtp-relay", call))
            assert is_quarantined(await second.command("delete", call_id=call, from_tag="a")), call
            await wait_until(partial(is_set_aside, journal, call), f"{call} is in quarantine")
            for client in (first, second):  # one remembers all of the call, and one has only read it
                assert is_quarantined(await client.command("delete", call_id=call, from_tag="a")), call
        assert await relay.sessions() == len(SPOILS)
        code, listed = await rtp_relay(nodes[0], "calls", "--json")
        rows = {row["call_id"]: row for row in json.loads(listed)["calls"]}
        assert code == 0
        for call in SPOILS:
            assert rows[call]["status"] == "quarantined", call
            assert [session["node"] for session in rows[call]["sessions"]] == ["r1"], call
            assert "Traceback" not in (await rtp_relay(nodes[0], "history", call))[1]
            assert (await rtp_relay(nodes[0], "end", call))[0] == 0

        async def are_gone() -> bool:
            return await relay.sessions() == 0

        await wait_until(are_gone, "the relay has no session", 40)

        async def are_forgotten() -> bool:
            return (await journal.count_calls())[""] == 0

        await wait_until(are_forgotten, "the table is empty", 20)
        assert (await rtp_relay(nodes[0], "end", "gap"))[0] == 3
        for node in nodes:
            assert "Traceback" not in node.log(10_000)
            assert "RuntimeError" not in node.log(10_000)


async def is_set_aside(journal: RedisJournal, call: str) -> bool:
    row = await journal.row(CallId(call))
    return row is not None and row.status == "quarantined"


def is_quarantined(reply: NgDict) -> bool:
    return b"Call is quarantined: " in bytes(reply.get(b"error-reason", b""))  # type: ignore[arg-type]


async def test_a_key_that_is_no_stream_concerns_a_new_call_alone() -> None:
    async with RedisServer() as redis, ControlNode(f'[journal]\nurl = "{redis.url}"\n') as node:
        async with Redis.from_url(redis.url) as raw:
            await raw.set(stream_of("rtp-relay", CALL), "no stream")
        async with NgClient(node.address) as client:
            reply = await client.command("offer", call_id=CALL, from_tag="a", sdp=SDP)
            assert is_quarantined(reply)
            assert (await client.command("offer", call_id="other", from_tag="a", sdp=SDP))[b"result"] == b"ok"
        assert "Traceback" not in node.log(10_000)
