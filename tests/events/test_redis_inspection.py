"""What is found out of a Redis by looking at it, and whether it takes writes."""

from __future__ import annotations

import pytest

from events.decisions import NODES
from events.names import CallId
from events.records import NOTHING
from events.redis import RedisJournal
from events.redis.durability import Durability
from events.redis.inspection import EXPECTED, Inspected, inspect
from tests.events.decisions_contract import decided
from tests.events.ended_contract import end
from tests.events.samples import NOW, live, record
from tests.peers.redis_cluster import RedisCluster
from tests.peers.redis_server import RedisServer

pytestmark = pytest.mark.e2e


async def look(server: RedisServer, durability: Durability = "memory") -> Inspected:
    (found,) = await inspect(server.url, "rtp-relay", durability)
    return found


@pytest.mark.parametrize(
    ("commands", "code", "why"),
    [
        ([("CONFIG", "SET", "maxmemory", "1")], "OOM", "OOM command not allowed when used memory > 'maxmemory'"),
        (
            [("CONFIG", "SET", "min-replicas-to-write", "1")],
            "NOREPLICAS",
            "NOREPLICAS Not enough good replicas to write",
        ),
        ([("REPLICAOF", "127.0.0.1", "1")], "READONLY", "READONLY You can't write against a read only replica"),
        ([("ACL", "SETUSER", "default", "resetkeys", "~rtp-relay:journal")], "NOPERM", "NOPERM "),
        ([("ACL", "SETUSER", "default", "-evalsha")], "NOPERM", "NOPERM "),
    ],
)
async def test_why_writes_are_refused(commands: list[tuple[str, ...]], code: str, why: str) -> None:
    async with RedisServer() as server, server.client() as client:
        await (await RedisJournal.open(server.url)).close()
        for command in commands:
            await client.execute_command(*command)  # type: ignore[no-untyped-call]
        found = await look(server)
        assert (found.journal, found.unread) == (EXPECTED, None)
        assert found.trial.refusal is not None
        assert found.trial.refusal.code == code
        assert found.trial.refusal.why.startswith(why)


async def test_what_is_written_to_try_runs_out() -> None:
    async with RedisServer() as server, server.client() as client:
        found = await look(server)
        assert (found.journal, found.trial.refusal, found.trial.confirmed) == ("", None, True)
        (key,) = await client.keys()
        assert 0 < await client.pttl(key) <= 10_000


async def test_a_replica_that_stands_still_confirms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        RedisServer(args=["--repl-diskless-sync-delay", "0"]) as server,
        RedisServer(args=["--replicaof", "127.0.0.1", str(server.port)]) as replica,
    ):
        monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 4000)
        assert (await look(server, "replica")).trial.confirmed
        replica.pause()
        monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 50)
        found = await look(server, "replica")
        assert (found.trial.refusal, found.trial.confirmed) == (None, False)
        assert (await look(server)).trial.confirmed, "nobody asks for it"
        replica.resume()


async def test_each_server_of_a_cluster_is_written_to() -> None:
    async with RedisCluster() as cluster:
        found = await inspect(cluster.url.replace("redis://", "redis+cluster://"), "rtp-relay", "memory")
        assert len(found) > 1
        assert {(server.trial.refusal, server.trial.confirmed) for server in found} == {(None, True)}


async def test_a_spoilt_key_of_the_journal_is_told() -> None:
    async with RedisServer() as server, server.client() as client:
        await client.rpush("rtp-relay:journal", "x")
        found = await look(server)
        assert found.journal == ""
        assert found.unread is not None
        assert found.unread.code == "WRONGTYPE"


@pytest.mark.parametrize(
    ("table", "spoil"), [("{3}:due", ("SET", "x")), ("{255}:live", ("RPUSH", "x")), ("{control}:due", ("SADD", "x"))]
)
async def test_a_table_of_another_type_is_named(table: str, spoil: tuple[str, str]) -> None:
    async with RedisServer() as server, server.client() as client:
        assert (await look(server)).spoilt == []
        verb, value = spoil
        await client.execute_command(verb, f"rtp-relay:{table}", value)  # type: ignore[no-untyped-call]
        assert (await look(server)).spoilt == [f"rtp-relay:{table}"]


async def test_what_a_journal_writes_is_of_the_types_that_are_looked_for() -> None:
    async with RedisServer() as server:
        journal = await RedisJournal.open(server.url)
        await journal.changes()
        await end(journal, "ended", NOW)
        await journal.append_decisions(NODES, 0, [decided(1)], due=1)
        await journal.append(CallId("live"), 0, [record(1)], NOTHING, live(CallId("live"), 1, "ng1", due=1))
        await journal.publish("control-1", b"status", 60)
        await journal.close()
        assert (await look(server)).spoilt == []
