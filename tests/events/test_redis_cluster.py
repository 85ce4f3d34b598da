"""The journal in a Redis Cluster keeps the contract, while slots and nodes change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from redis.asyncio import RedisCluster as ClusterClient

from events.codec import Codec
from events.journal import Forgotten
from events.names import CallId
from events.records import Index, Recorded
from events.redis import RedisJournal
from events.redis.keys import Keys, to_bytes
from events.registry import CopyAnswered
from events.secrets import Keyring
from tests.events.ended_contract import ended
from tests.events.forget_contract import LONG_AGO
from tests.events.journal_contract import CALL
from tests.events.redis_contract import Client, RedisContract
from tests.events.samples import NOTHING, SDP, live, record
from tests.peers.redis_cluster import RedisCluster

pytestmark = pytest.mark.e2e


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster() -> AsyncIterator[RedisCluster]:
    async with RedisCluster() as cluster:
        yield cluster


@pytest.fixture
def url(cluster: RedisCluster) -> str:
    return cluster.url.replace("redis://", "redis+cluster://")


class TestRedisClusterJournal(RedisContract):
    @asynccontextmanager
    async def client(self, url: str) -> AsyncIterator[Client]:
        async with ClusterClient.from_url(url.replace("+cluster", "")) as client:
            yield client


async def test_a_slot_that_moved_is_followed(cluster: RedisCluster, url: str) -> None:
    for node in cluster.nodes:
        async with node.client() as client:
            await client.flushall()
    slot = Keys("moving").partition(to_bytes(CALL)).slot
    journal = await RedisJournal.open(url, prefix="moving")
    number = next(n for n in range(3) if slot < 16384 * (n + 1) // 3)
    target = cluster.nodes[(number + 1) % 3]
    async with target.client() as client:
        target_id = (await client.execute_command("CLUSTER", "MYID")).decode()  # type: ignore[no-untyped-call]
    for node in (target, *cluster.nodes):
        async with node.client() as client:
            await client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target_id)  # type: ignore[no-untyped-call]
    done = [journal.append(CallId(f"{n}"), 0, [record(1)], NOTHING, live(CallId(f"{n}"), 1)) for n in range(50)]
    done += [
        journal.append(CallId(CALL), n, [record(n + 1)], live(CallId(CALL), n), live(CallId(CALL), n + 1))
        for n in range(5)
    ]
    assert await asyncio.gather(*done) == [1] * 50 + [1, 2, 3, 4, 5]
    assert len(await journal.read(CallId(CALL))) == 5
    await journal.close()


async def test_a_lost_node_hinders_its_own_calls_alone(cluster: RedisCluster, url: str) -> None:
    journal = await RedisJournal.open(url, prefix="lost", patience=60)
    calls = [f"{number}" for number in range(60)]
    await asyncio.gather(
        *(journal.append(CallId(call), 0, [record(1)], NOTHING, live(CallId(call), 1)) for call in calls)
    )
    cluster.nodes[1].kill()
    done = [
        asyncio.ensure_future(
            journal.append(CallId(call), 1, [record(2)], live(CallId(call), 1), live(CallId(call), 2))
        )
        for call in calls
    ]
    await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
    await cluster.nodes[1].start()
    assert await asyncio.gather(*done) == [2] * 60
    assert (await journal.count_calls())[""] == 60
    await journal.close()


async def test_calls_have_keys_of_their_own(cluster: RedisCluster, url: str) -> None:
    for node in cluster.nodes:
        async with node.client() as client:
            await client.flushall()
    codec = Codec(Keyring([bytes(32)]))
    one, other = [await RedisJournal.open(url, prefix="keys", codec=codec, call_keys=True) for _ in range(2)]
    sealed = [Recorded(version, version, "control-1", CopyAnswered(copy="one", sdp=SDP)) for version in (1, 2)]
    then = round(await one.time()) - LONG_AGO
    for number in range(20):
        call = CallId(f"{number}")
        await one.append(call, 0, sealed[:1], NOTHING, live(call, 1))
        assert (await other.load(call, 10, 1))[1] == sealed[:1]
        await other.append(call, 1, sealed[1:], live(call, 1), Index(ended=ended(call, then)))
        assert await one.read(call) == sealed
        assert await one.forget(call) is Forgotten.DONE
    left = []
    for node in cluster.nodes:
        async with node.client() as client:
            left += await client.keys("keys:*:key:*")
    assert left == []
    await one.close()
    await other.close()
