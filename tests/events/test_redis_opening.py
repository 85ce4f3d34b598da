"""What a journal in Redis checks before it is used, and the durability it keeps."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from redis.exceptions import ResponseError

from events.journal import Forgotten, JournalMismatch, JournalRefused, JournalUnavailable, Unconfirmed
from events.names import CallId
from events.redis import RedisJournal
from events.redis.connection import RedisConnection
from events.redis.durability import Durability, confirmation, confirmed
from events.redis.wire import Command
from tests.events.ended_contract import end
from tests.events.forget_contract import LONG_AGO
from tests.events.journal_contract import CALL
from tests.events.samples import NOTHING, live, record
from tests.peers.redis_server import RedisServer

pytestmark = pytest.mark.e2e


async def test_a_journal_with_other_partitions_is_not_opened() -> None:
    async with RedisServer() as server, server.client() as client:
        await (await RedisJournal.open(server.url)).close()
        found = await client.get("rtp-relay:journal")
        assert found == b"rtp-relay journal, format 1, 256 partitions"
        await (await RedisJournal.open(server.url)).close()
        await client.set("rtp-relay:journal", found.replace(b"256", b"128"))
        with pytest.raises(JournalMismatch, match=r"128 partitions.*needs.*256 partitions"):
            await RedisJournal.open(server.url)
        await (await RedisJournal.open(server.url, prefix="another")).close()
        await client.lpush("odd:journal", "1")
        with pytest.raises(JournalRefused, match="odd:journal holds something else"):
            await RedisJournal.open(server.url, prefix="odd")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ([("ACL", "SETUSER", "default", "-get")], "Redis refuses: NOPERM .*'get' command"),
        ([("ACL", "SETUSER", "default", "resetkeys", "~other*")], "Redis refuses: NOPERM "),
        (
            [("CONFIG", "SET", "replica-serve-stale-data", "no"), ("REPLICAOF", "127.0.0.1", "1")],
            "Redis refuses: MASTERDOWN Link with MASTER is down",
        ),
        ([("CONFIG", "SET", "maxmemory", "1")], "begun here: OOM "),
        ([("REPLICAOF", "127.0.0.1", "1")], "begun here: READONLY "),
        ([("CONFIG", "SET", "min-replicas-to-write", "1")], "begun here: NOREPLICAS "),
    ],
)
async def test_what_passes_or_is_mended_at_redis_is_no_mismatch(settings: list[tuple[str, ...]], why: str) -> None:
    async with RedisServer() as server, server.client() as client:
        for command in settings:
            await client.execute_command(*command)  # type: ignore[no-untyped-call]
        with pytest.raises(JournalRefused, match=why):
            await RedisJournal.open(server.url)


async def test_a_busy_server_is_no_mismatch() -> None:
    async with RedisServer(args=["--lua-time-limit", "20"]) as server, server.client() as client:
        busy = asyncio.ensure_future(client.eval("while true do end", 0))
        await asyncio.sleep(0.3)
        with pytest.raises(JournalRefused, match=r"^Redis refuses: BUSY Redis is busy running a script$"):
            await RedisJournal.open(server.url)
        async with server.client() as other:
            await other.script_kill()
        with pytest.raises(ResponseError):
            await busy
        await (await RedisJournal.open(server.url)).close()


@pytest.mark.parametrize("prefix", ["", "a{b", "}"])
async def test_a_prefix_has_no_braces(prefix: str) -> None:
    with pytest.raises(ValueError, match="without braces"):
        await RedisJournal.open("redis://127.0.0.1:1", prefix=prefix)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis+magic://127.0.0.1", "redis+sentinel://127.0.0.1", "redis"])
async def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"Redis URL|no kind of journal|name of a service"):
        await RedisJournal.open(url)


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1", "redis+cluster://127.0.0.1:1", "redis+sentinel://127.0.0.1:1/a"]
)
async def test_a_server_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(JournalUnavailable, match="cannot be reached"):
        await RedisJournal.open(url)


async def test_a_password_is_needed_where_one_is_set() -> None:
    async with RedisServer() as server, server.client() as client:
        await client.config_set("requirepass", "sesame")
        with pytest.raises(JournalRefused, match="Redis refuses: NOAUTH Authentication required"):
            await RedisJournal.open(server.url)
        journal = await RedisJournal.open(server.url.replace("redis://", "redis://:sesame@"))
        assert await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1)) == 1
        await journal.close()
        await client.config_set("requirepass", "")


@pytest.mark.parametrize(
    ("appendonly", "fsync", "why"), [(False, "always", "appendonly yes"), (True, "everysec", "appendfsync always")]
)
async def test_fsync_needs_a_server_that_does_it(appendonly: bool, fsync: str, why: str) -> None:
    async with RedisServer(appendonly=appendonly, args=["--appendfsync", fsync]) as server:
        if appendonly and await _has_waitaof(server):
            await (await RedisJournal.open(server.url, durability="fsync")).close()
            return
        with pytest.raises(JournalMismatch, match=why):
            await RedisJournal.open(server.url, durability="fsync")


async def _has_waitaof(server: RedisServer) -> bool:
    """Return whether a server can be asked to wait for its disk, as those from 7.2 on."""
    async with server.client() as client:
        release = (await client.info("server"))["redis_version"].split(".")
    return (int(release[0]), int(release[1])) >= (7, 2)


@pytest.mark.parametrize("durability", ["memory", "fsync"])
async def test_a_durable_append_outlives_a_crash(durability: Durability) -> None:
    async with RedisServer(appendonly=True, args=["--appendfsync", "always"]) as server:
        journal = await RedisJournal.open(server.url, durability=durability)
        await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
        server.kill()
        await server.start()
        assert await journal.read(CallId(CALL)) == [record(1)]
        await journal.close()


async def test_an_append_waits_for_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 50)
    async with RedisServer(args=["--repl-diskless-sync-delay", "0"]) as server:
        alone = await RedisJournal.open(server.url, durability="replica")
        with pytest.raises(JournalUnavailable, match="written, but not confirmed"):
            await alone.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
        async with RedisServer(args=["--replicaof", "127.0.0.1", str(server.port)]) as replica:
            monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 5000)
            journal = await RedisJournal.open(server.url, durability="replica", patience=30)
            assert await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), live(CallId(CALL), 2)) == 2
            async with replica.client() as client:
                assert await client.exists(*await client.keys("rtp-relay:*:s:*")) == 1
            await journal.close()
        await alone.close()


async def test_what_others_wrote_is_read_before_a_replica_has_it_and_a_check_says_that_it_has_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 50)
    async with RedisServer() as server:
        writer = await RedisJournal.open(server.url)
        await writer.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
        journal = await RedisJournal.open(server.url, durability="replica")
        assert (writer.reads_confirm, journal.reads_confirm) == (True, False)
        assert await journal.read(CallId(CALL)) == [record(1)]
        with pytest.raises(Unconfirmed):
            await journal.check(CallId(CALL), 1)
        assert await writer.check(CallId(CALL), 1) == 1
        await journal.close()
        await writer.close()


async def test_what_is_refused_is_not_told_as_unconfirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 50)
    async with RedisServer() as server, server.client() as client:
        journal = await RedisJournal.open(server.url, durability="replica")
        with pytest.raises(Unconfirmed):
            await journal.publish("control-1", b"", 60)
        await client.config_set("min-replicas-to-write", "1")
        with pytest.raises(JournalRefused, match="NOREPLICAS"):
            await journal.publish("control-1", b"", 60)
        with pytest.raises(JournalRefused, match="NOREPLICAS"):
            await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1))
        await journal.close()


async def test_to_forget_waits_for_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RedisServer(args=["--repl-diskless-sync-delay", "0"]) as server:
        writer = await RedisJournal.open(server.url)
        then = round(await writer.time()) - LONG_AGO
        await end(writer, CALL, then)
        monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 5000)
        async with (
            RedisServer(args=["--replicaof", "127.0.0.1", str(server.port)]) as replica,
            replica.client() as client,
        ):
            journal = await RedisJournal.open(server.url, durability="replica", patience=30)
            assert await journal.check(CallId(CALL), 2) == 2
            assert await client.exists(*await client.keys("rtp-relay:*:s:*")) == 1
            replica.pause()
            monkeypatch.setattr("events.redis.durability.WAIT_MILLISECONDS", 50)
            for _ in range(2):
                hasty = await RedisJournal.open(server.url, durability="replica")
                with pytest.raises(JournalUnavailable, match="written, but not confirmed"):
                    await hasty.forget(CallId(CALL))
                await hasty.close()
            replica.resume()
            assert await journal.forget(CallId(CALL)) is Forgotten.UNKNOWN, "it was removed, and that is confirmed"
            assert await client.keys("rtp-relay:*:s:*") == []
            await journal.close()
        await writer.close()


@pytest.mark.parametrize(
    ("version", "settings", "command"),
    [
        (b"7.2.0", [b"yes", b"everysec"], (b"WAITAOF", 1, 0, 2000)),
        (b"8.0.1", [b"yes", b"no"], (b"WAITAOF", 1, 0, 2000)),
        (b"7.0.15", [b"yes", b"always"], None),
    ],
)
async def test_newer_servers_are_asked_for_the_disk(
    version: bytes, settings: list[bytes], command: Command | None
) -> None:
    class Server:
        async def exchange(self, _: object) -> list[object]:
            return [b"# Server\r\nredis_version:%s\r\n" % version, *([b"name", value] for value in settings)]

    assert await confirmation("fsync", cast("RedisConnection", Server())) == command


@pytest.mark.parametrize(
    ("reply", "is_confirmed"),
    [(0, False), (1, True), (2, True), ([0, 0], False), ([1, 0], True), (ValueError(), False)],
)
def test_one_copy_confirms(reply: object, is_confirmed: bool) -> None:
    assert confirmed(reply) is is_confirmed
