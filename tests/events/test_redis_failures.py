"""What happens to appends when Redis or the way to it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from events.decisions import NODES
from events.journal import Conflict, CorruptEntry, JournalUnavailable, TailLostError
from events.names import CallId
from events.redis import RedisJournal
from tests.events.decisions_contract import decided
from tests.events.journal_contract import CALL, fill
from tests.events.proxy import Proxy, Stage
from tests.events.samples import NOTHING, live, record
from tests.events.stream_keys import stream_of
from tests.peers.redis_server import RedisServer

pytestmark = pytest.mark.e2e


BEFORE: list[Stage] = ["before"] * 50


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[RedisJournal]:
    journal = await RedisJournal.open(url, **options)
    try:
        yield journal
    finally:
        await journal.close()


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with RedisServer(appendonly=True, args=["--appendfsync", "always"]) as server:
        yield server


@pytest.mark.parametrize("cuts", [["before"], ["amid"], ["after"], ["after", "before", "amid", "after"]])
async def test_a_lost_connection_is_found_out_about(server: RedisServer, cuts: list[Stage]) -> None:
    async with Proxy(server.port) as proxy, opened(proxy.url) as journal:
        await fill(journal, CALL, 2)
        proxy.cuts = list(cuts)
        many = [
            journal.append(CallId(f"{n}"), 0, [record(1), record(2)], NOTHING, live(CallId(f"{n}"), 2, "ng1"))
            for n in range(40)
        ]
        next_one = journal.append(CallId(CALL), 2, [record(3)], live(CallId(CALL), 2), live(CallId(CALL), 3))
        wrong = journal.append(CallId("0"), 1, [record(2, at=5)], live(CallId("0"), 1), live(CallId("0"), 2))
        assert await next_one == 3
        assert await asyncio.gather(*many) == [2] * 40
        with pytest.raises(Conflict):
            await wrong
        assert proxy.cuts == []
        for number in range(40):
            assert await journal.read(CallId(f"{number}")) == [record(1), record(2)]
        assert await journal.count_calls() == {"": 41, "ng1": 40}


@pytest.mark.parametrize("cuts", [["before"], ["amid"], ["after"]])
async def test_a_decision_is_sent_again_and_written_once(server: RedisServer, cuts: list[Stage]) -> None:
    async with Proxy(server.port) as proxy, opened(proxy.url) as journal:
        await journal.append_decisions(NODES, 0, [decided(1)])
        proxy.cuts = list(cuts)
        assert await journal.append_decisions(NODES, 1, [decided(2)]) == 2
        assert proxy.cuts == []
        assert await journal.read_decisions(NODES) == [decided(1), decided(2)]


async def test_scripts_are_loaded_again(server: RedisServer) -> None:
    async with opened(server.url) as journal, server.client() as client:
        await fill(journal, CALL, 1, "ng1")
        await client.script_flush()
        assert (
            await journal.append(
                CallId(CALL), 1, [record(2)], live(CallId(CALL), 1, "ng1"), live(CallId(CALL), 2, "ng1", due=1)
            )
            == 2
        )
        await client.script_flush()
        assert await journal.claim_due(1, 1, 1) == [CALL]
        await client.script_flush()
        assert await journal.count_calls() == {"": 1, "ng1": 1}


async def test_a_restarted_server_is_used_again(server: RedisServer) -> None:
    async with opened(server.url) as journal:
        await fill(journal, CALL, 1)
        await server.restart()
        assert await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2)) == 2
        assert len(await journal.read(CallId(CALL))) == 2


async def test_appends_wait_for_a_server_that_comes_back(server: RedisServer) -> None:
    async with opened(server.url, patience=30) as journal:
        await fill(journal, CALL, 1)
        server.kill()
        done = journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2))
        entries = journal.read(CallId(CALL))
        await server.start()
        assert await done == 2
        assert len(await entries) in {1, 2}


async def test_a_dead_server_is_given_up_and_the_same_append_done_later(server: RedisServer) -> None:
    async with opened(server.url, patience=0.3) as journal:
        await fill(journal, CALL, 1)
        server.kill()
        failed = journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2))
        follower = journal.append(CallId(CALL), 2, [record(3)], live(CallId(CALL), 2), live(CallId(CALL), 3))
        for future in (failed, follower, journal.read(CallId(CALL))):
            with pytest.raises(JournalUnavailable, match="cannot be reached"):
                await future
        await server.start()
        assert await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2)) == 2


async def test_a_silent_server_is_given_up_and_what_it_wrote_found_later(server: RedisServer) -> None:
    async with opened(server.url, patience=0.3) as journal:
        await fill(journal, CALL, 1)
        server.pause()
        with pytest.raises(JournalUnavailable, match="cannot be reached"):
            await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2))
        server.resume()
    async with opened(server.url) as other, server.client() as client:
        await client.ping()
        reached = len(await other.read(CallId(CALL)))
        assert reached in {1, 2}
    journal = await RedisJournal.open(server.url)
    await journal.close()


async def test_written_but_never_answered_counts_as_done_when_sent_again(server: RedisServer) -> None:
    async with Proxy(server.port) as proxy, opened(proxy.url, patience=0.3) as journal:
        await fill(journal, CALL, 1)
        proxy.cuts = ["after", *BEFORE]
        with pytest.raises(JournalUnavailable):
            await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2, "ng1"))
        proxy.cuts = []
        assert len(await journal.read(CallId(CALL))) == 2
        assert (
            await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2, "ng1")) == 2
        )
        assert len(await journal.read(CallId(CALL))) == 2
        with pytest.raises(Conflict):
            await journal.append(CallId(CALL), 1, [record(2, at=1)], live(CallId(CALL), 1), live(CallId(CALL), 2))


async def test_the_queue_has_an_end(server: RedisServer) -> None:
    async with opened(server.url, limit=3) as journal:
        done = [journal.append(CallId(f"{n}"), 0, [record(1)], NOTHING, live(CallId(f"{n}"), 1)) for n in range(5)]
        outcomes = await asyncio.gather(*done, return_exceptions=True)
        assert outcomes[:3] == [1, 1, 1]
        assert [str(outcome) for outcome in outcomes[3:]] == ["3 requests are waiting for Redis already"] * 2


async def test_a_server_that_lost_its_tail_is_noticed() -> None:
    async with RedisServer() as server, opened(server.url) as journal:
        await fill(journal, CALL, 2)
        async with server.client() as client:
            await client.save()
        await journal.append(
            CallId(CALL), 2, [record(3), record(4)], live(CallId(CALL), 2), live(CallId(CALL), 4, "ng1")
        )
        server.kill()
        await server.start()
        with pytest.raises(TailLostError) as caught:
            await journal.append(
                CallId(CALL), 4, [record(5)], live(CallId(CALL), 4, "ng1"), live(CallId(CALL), 5, "ng1")
            )
        assert caught.value.actual == 2
        assert (
            await journal.append(CallId(CALL), 2, [record(3, at=1)], live(CallId(CALL), 2), live(CallId(CALL), 3)) == 3
        )


async def test_an_append_that_redis_refuses_fails_alone(server: RedisServer) -> None:
    async with opened(server.url) as journal, server.client() as client:
        await client.set(stream_of("rtp-relay", CALL), "no stream")
        wrong = journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
        behind = journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2))
        right = journal.append(CallId("other"), 0, [record(1)], NOTHING, live(CallId("other"), 1))
        assert await right == 1
        for future in (wrong, behind, journal.read(CallId(CALL))):
            with pytest.raises(CorruptEntry, match="the key of its stream holds something else"):
                await future
        assert await journal.count_calls() == {"": 1}


async def test_a_full_server_refuses_and_nothing_is_half_written() -> None:
    async with RedisServer() as server, opened(server.url) as journal, server.client() as client:
        await fill(journal, CALL, 1)
        await client.config_set("maxmemory", "1mb")
        with pytest.raises(JournalUnavailable, match=r"Redis refuses: .*maxmemory"):
            await journal.append(CallId(CALL), 1, [record(2), record(3)], live(CallId(CALL), 1), live(CallId(CALL), 3))
        assert len(await journal.read(CallId(CALL))) == 1
        await client.config_set("maxmemory", "0")
        assert (
            await journal.append(CallId(CALL), 1, [record(2), record(3)], live(CallId(CALL), 1), live(CallId(CALL), 3))
            == 3
        )


async def test_who_looks_writes_nothing_and_so_waits_for_nothing_where_redis_takes_no_writes() -> None:
    async with RedisServer() as server, opened(server.url) as journal, server.client() as client:
        await journal.publish("gone", b"", 0.001)
        await journal.publish("alive", b"here", 60)
        await asyncio.sleep(0.05)
        await client.replicaof("127.0.0.1", "1")
        async with asyncio.timeout(2):
            for _ in range(10):
                assert await journal.published() == {"alive": b"here"}
        await client.replicaof("NO", "ONE")
        await journal.publish("alive", b"here", 60)
        assert await client.smembers("rtp-relay:{control}:names") == {b"alive"}


async def test_who_stopped_waiting_does_not_stop_the_append(server: RedisServer) -> None:
    async with opened(server.url) as journal:
        left = asyncio.ensure_future(journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1)))
        await asyncio.sleep(0)
        left.cancel()
        assert await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2)) == 2


async def test_closing_finishes_what_is_under_way_and_leaves_no_task(server: RedisServer) -> None:
    before = asyncio.all_tasks()
    journal = await RedisJournal.open(server.url)
    done = journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
    entries = journal.read(CallId("other"))
    await journal.close()
    assert await done == 1
    assert entries.result() == []
    assert asyncio.all_tasks() == before
    with pytest.raises(JournalUnavailable, match="closed"):
        await journal.read(CallId(CALL))


async def test_a_bug_does_not_leave_callers_waiting(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(server.url) as journal:
        monkeypatch.setattr("events.redis.appends._pack", lambda _: 1 // 0)
        with pytest.raises(JournalUnavailable, match="ZeroDivisionError"):
            await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
        monkeypatch.undo()
        assert await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1)) == 1


async def test_a_reply_of_another_kind_fails_its_request_alone(server: RedisServer) -> None:
    async with opened(server.url) as journal, Redis.from_url(server.url) as client:
        await fill(journal, CALL, 1)
        await client.xadd(stream_of("rtp-relay", "odd"), {"t": "refused"}, "7-0")
        odd, even = journal.read(CallId("odd")), journal.read(CallId(CALL))
        assert len(await even) == 1
        with pytest.raises(Exception, match="entry 1-0: not there, the next is 7-0"):
            await odd
