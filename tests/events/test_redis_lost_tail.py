"""Redis comes back without its newest entries, and others are written before who knew those hears of it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from events.decisions import NODES
from events.journal import Conflict
from events.names import CallId
from events.records import NOTHING, Recorded
from events.redis import RedisJournal
from tests.events.decisions_contract import decided
from tests.events.golden import load
from tests.events.known_contract import index_of, theirs
from tests.events.proxy import Proxy, Stage
from tests.events.samples import live, record
from tests.events.stream_keys import stream_of
from tests.peers.peer import wait_until
from tests.peers.ports import HOST
from tests.peers.redis_server import RedisServer

pytestmark = pytest.mark.e2e

CALL = CallId("c1@example.com")
BEFORE: list[Stage] = ["before"] * 1000
KNOWN = [record(version) for version in range(1, 6)]


class Losing(ABC):
    """A Redis that loses entries. url: its address, before and after that."""

    url: str

    @abstractmethod
    async def keep(self) -> None:
        """Let nothing be lost that was written so far."""

    @abstractmethod
    async def lose(self) -> None:
        """Lose what was written since, and be there again."""


class Restarted(Losing):
    """It restarts with what it has on its disk."""

    def __init__(self, server: RedisServer) -> None:
        self.url, self._server = server.url, server

    async def keep(self) -> None:
        async with self._server.client() as client:
            await client.save()

    async def lose(self) -> None:
        self._server.kill()
        await self._server.start()


class FailedOver(Losing):
    """Its replica, which gets nothing any more, takes its place; a proxy hides that it is another server."""

    def __init__(self, master: RedisServer, replica: RedisServer, proxy: Proxy) -> None:
        self.url, self.proxy, self.master, self.replica = proxy.url, proxy, master, replica

    async def keep(self) -> None:
        async with self.master.client() as master, self.replica.client() as replica:

            async def has_all() -> bool:
                mine, its = await master.info("replication"), await replica.info("replication")
                is_up = its.get("master_link_status") == "up"
                return is_up and bool(mine["master_repl_offset"] == its["slave_repl_offset"])

            await wait_until(has_all, "the replica has all entries")
            await replica.replicaof("NO", "ONE")

    async def lose(self) -> None:
        self.master.kill()
        self.proxy.turn_to(self.replica.port)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def failed_over(stack: AsyncExitStack) -> FailedOver:
    fast = ["--repl-diskless-sync-delay", "0"]
    master = await stack.enter_async_context(RedisServer(args=fast))
    follows = ["--replicaof", HOST, str(master.port)]
    replica = await stack.enter_async_context(RedisServer(args=[*fast, *follows]))
    return FailedOver(master, replica, await stack.enter_async_context(Proxy(master.port)))


@pytest.fixture
async def restarted(stack: AsyncExitStack) -> Restarted:
    return Restarted(await stack.enter_async_context(RedisServer()))


@pytest.fixture(params=["restarted", "failed_over"])
def redis(request: pytest.FixtureRequest) -> Losing:
    losing: Losing = request.getfixturevalue(request.param)
    return losing


async def opened(stack: AsyncExitStack, url: str) -> RedisJournal:
    """Return the journal as one more control node has it."""
    journal = await RedisJournal.open(url, patience=30)
    stack.push_async_callback(journal.close)
    return journal


async def write(journal: RedisJournal, entries: Sequence[Recorded], after: int = 0) -> None:
    """Append the entries above a version, one after the other."""
    for number in range(after, len(entries)):
        before, index = index_of(entries[:number]), index_of(entries[: number + 1])
        known = entries[number - 1] if number else None
        await journal.append(CALL, number, [entries[number]], before, index, known=known)


def parted(kept: int) -> list[Recorded]:
    """Return a history in which all that is known above a version is another control node's."""
    return [*KNOWN[:kept], *(theirs(version) for version in range(kept + 1, len(KNOWN) + 1))]


@pytest.mark.parametrize("kept", [0, 1, 4])
async def test_who_knew_what_was_lost_does_nothing_on_it(redis: Losing, stack: AsyncExitStack, kept: int) -> None:
    mine, yours = await opened(stack, redis.url), await opened(stack, redis.url)
    await write(mine, KNOWN[:kept])
    await redis.keep()
    await write(mine, KNOWN, after=kept)
    await redis.lose()
    await write(yours, parted(kept), after=kept)
    stored = await yours.stored(CALL)
    for after in (live(CALL, 6), NOTHING):
        with pytest.raises(Conflict):
            await mine.append(CALL, 5, [record(6)], live(CALL, 5), after, known=KNOWN[-1])
    with pytest.raises(Conflict):
        await mine.check(CALL, 5, known=KNOWN[-1])
    with pytest.raises(Conflict):
        await mine.restore(CALL, stored, live(CALL, 5), known=KNOWN[-1])
    assert await mine.stored(CALL) == stored
    there = await mine.read(CALL)
    assert there == parted(kept)
    await write(mine, [*there, record(6)], after=5)
    assert await yours.check(CALL, 6, known=record(6)) == 6


async def test_a_decision_on_what_was_lost_is_refused(redis: Losing, stack: AsyncExitStack) -> None:
    mine, yours = await opened(stack, redis.url), await opened(stack, redis.url)
    await mine.append_decisions(NODES, 0, [decided(1)])
    await redis.keep()
    await mine.append_decisions(NODES, 1, [decided(2)], known=decided(1))
    await redis.lose()
    await yours.append_decisions(NODES, 1, [decided(2, at=7)], known=decided(1))
    with pytest.raises(Conflict):
        await mine.append_decisions(NODES, 2, [decided(3)], known=decided(2))
    assert await mine.append_decisions(NODES, 2, [decided(3)], known=decided(2, at=7)) == 3


async def test_what_was_written_and_not_answered_is_refused_after_another(
    failed_over: FailedOver, stack: AsyncExitStack
) -> None:
    """It is sent again, and with it what follows it."""
    mine = await opened(stack, failed_over.url)
    await write(mine, KNOWN[:3])
    await failed_over.keep()
    await write(mine, KNOWN[:4], after=3)
    cuts: list[Stage] = ["after", *BEFORE]
    failed_over.proxy.cuts = cuts
    asked = [
        mine.append(CALL, 4, [record(5)], live(CALL, 4), live(CALL, 5), known=KNOWN[3]),
        mine.append(CALL, 5, [record(6)], live(CALL, 5), live(CALL, 6), known=record(5)),
        mine.check(CALL, 6, known=record(6)),
    ]

    async def was_cut() -> bool:
        return len(cuts) < len(BEFORE)

    await wait_until(was_cut, "it was sent")
    there = parted(3)[:4]
    await write(await opened(stack, failed_over.replica.url), there, after=3)
    failed_over.proxy.cuts = []
    await failed_over.lose()
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in outcomes] == [Conflict] * 3
    assert await mine.read(CALL) == there


async def test_entries_of_all_times_are_followed(stack: AsyncExitStack) -> None:
    """As control nodes of earlier versions, or tools, have written them: without a mark, and without a row."""
    server = await stack.enter_async_context(RedisServer())
    journal, client = await opened(stack, server.url), await stack.enter_async_context(server.client())
    for entry in load():
        call, known = CallId(repr(entry[:3])), replace(entry.expected, version=1)
        await client.xadd(stream_of("rtp-relay", call), {"t": entry.event, "p": entry.payload}, "1-0")
        for wrong in (replace(known, at=known.at + 1), replace(known, by="control-2")):
            with pytest.raises(Conflict):
                await journal.append(call, 1, [record(2)], NOTHING, live(call, 2), known=wrong)
        assert await journal.check(call, 1, known=known) == 1
        assert await journal.append(call, 1, [record(2)], NOTHING, live(call, 2), known=known) == 2
