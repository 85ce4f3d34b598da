"""The journal follows the master that Sentinel names."""

from __future__ import annotations

import pytest
from redis.exceptions import RedisError

from events.names import CallId
from events.redis import RedisJournal
from tests.events.journal_contract import CALL, fill
from tests.events.samples import live, record
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_sentinel import Sentinel
from tests.peers.redis_server import RedisServer

pytestmark = pytest.mark.e2e


async def is_master(server: RedisServer) -> bool:
    async with server.client() as client:
        try:
            return bool((await client.info("replication"))["role"] == "master")
        except (RedisError, OSError):
            return False


async def test_the_journal_follows_a_failover() -> None:
    fast = ["--repl-diskless-sync-delay", "0"]
    async with (
        RedisServer(args=fast) as first,
        RedisServer(args=[*fast, "--replicaof", HOST, str(first.port)]) as second,
        Sentinel(first) as sentinel,
    ):
        url = f"redis+sentinel://{HOST}:1,{HOST}:{sentinel.port}/journal/0"
        journal = await RedisJournal.open(url, durability="replica", patience=30)
        await fill(journal, CALL, 2)
        await wait_until(sentinel.knows_replica, "the sentinel knows the replica")
        async with sentinel.client() as client:
            await client.execute_command("SENTINEL", "FAILOVER", "journal")  # type: ignore[no-untyped-call]

        async def second_is_master() -> bool:
            return await is_master(second)

        await wait_until(second_is_master, "the replica is the master")
        memory = await RedisJournal.open(url, patience=30)
        assert await journal.read(CallId(CALL)) == await memory.read(CallId(CALL)) == [record(1), record(2)]
        assert await memory.append(CallId(CALL), 2, [record(3)], live(CallId(CALL), 2), live(CallId(CALL), 3)) == 3
        await memory.close()
        await journal.close()
