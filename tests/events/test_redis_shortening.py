"""Summaries of decisions in a real Redis: through lost connections, killed servers, damage, and many at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from actors.control.steering import NodeSteering, Wish
from actors.node_table import NodeTable
from actors.shortening import Shortening
from engines.health import AdminState
from engines.sets import NodeSpec
from events.decisions import NODES
from events.journal import Conflict, CorruptEntry, Journal, JournalUnavailable, NewerEntry
from events.names import NodeName
from events.node_events import NodesSummarized
from events.redis import RedisJournal
from events.redis.keys import Keys
from replay.nodes import DecidedNodes, fold_nodes
from tests.events.decisions_contract import decided
from tests.events.proxy import Proxy, Stage
from tests.events.stream_keys import stream_of_nodes
from tests.events.summary_contract import ALL, COUNT, summary
from tests.events.test_redis_failures import opened
from tests.peers.redis_server import RedisServer

pytestmark = pytest.mark.e2e

PREFIX = "rtp-relay"
SNAPSHOT = Keys(PREFIX).decisions.snapshot(b"nodes")
RELAYS = [NodeName(f"relay-{number}") for number in range(3)]


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with RedisServer(appendonly=True, args=["--appendfsync", "always"]) as server:
        yield server


@pytest.fixture
async def journal(server: RedisServer) -> AsyncIterator[RedisJournal]:
    async with opened(server.url) as journal:
        await journal.append_decisions(NODES, 0, ALL)
        yield journal


@pytest.mark.parametrize("cuts", [["before"], ["amid"], ["after"], ["after", "amid", "after"]])
async def test_a_summary_is_sent_again_and_done_once(
    server: RedisServer, journal: RedisJournal, cuts: list[Stage]
) -> None:
    async with Proxy(server.port) as proxy, opened(proxy.url) as other:
        await other.read_decisions(NODES)
        proxy.cuts = list(cuts)
        assert await other.append_decisions(NODES, COUNT, [summary(5)]) == COUNT
        assert proxy.cuts == []
    assert await journal.read_decisions(NODES) == [summary(5), *ALL[5:]]


async def test_an_unanswered_summary_is_done_though_others_went_on(server: RedisServer, journal: RedisJournal) -> None:
    async with Proxy(server.port) as proxy, opened(proxy.url) as other:
        proxy.cuts = ["after", "before"]
        waiting = asyncio.ensure_future(other.append_decisions(NODES, COUNT, [summary(5)]))
        await asyncio.wait([waiting], timeout=0.05)
        with contextlib.suppress(Conflict):
            await journal.append_decisions(NODES, COUNT, [decided(COUNT + 1)])
        assert await waiting == COUNT
    assert await journal.read_decisions(NODES) == [summary(5), *ALL[5:], decided(COUNT + 1)]


async def test_what_is_summed_up_survives_a_killed_server(server: RedisServer, journal: RedisJournal) -> None:
    await journal.append_decisions(NODES, COUNT, [summary(COUNT - 1)])
    server.kill()
    await server.start()
    assert await journal.read_decisions(NODES) == [summary(COUNT - 1), ALL[-1]]
    async with server.client() as client:
        await client.bgrewriteaof()
        await asyncio.sleep(0.3)
    server.kill()
    await server.start()
    assert await journal.append_decisions(NODES, COUNT, [decided(COUNT + 1)]) == COUNT + 1
    assert await journal.read_decisions(NODES, COUNT - 1) == [ALL[-1], decided(COUNT + 1)]


async def test_entries_that_are_missing_without_a_summary_are_lost(server: RedisServer, journal: RedisJournal) -> None:
    stream = stream_of_nodes(PREFIX)
    async with server.client() as client:
        await client.xtrim(stream, maxlen=COUNT - 3, approximate=False)
        with pytest.raises(CorruptEntry, match="not there, the next is 4-0") as caught:
            await journal.read_decisions(NODES)
        assert (caught.value.version, caught.value.before) == (1, [])
        await journal.append_decisions(NODES, COUNT, [summary(5)])
        assert await journal.read_decisions(NODES) == [summary(5), *ALL[5:]]
        await client.xdel(stream, "6-0")
        with pytest.raises(CorruptEntry, match="not there, the next is 7-0"):
            await journal.read_decisions(NODES)
        await client.delete(SNAPSHOT)
        with pytest.raises(CorruptEntry, match="1-0: not there, the next is 7-0"):
            await journal.read_decisions(NODES)


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (b"", CorruptEntry),
        (b"nodes summarized\0\xc1", CorruptEntry),
        (b"nodes put together\0" + bytes.fromhex("84a17301a17401a16ea0a16480"), NewerEntry),
    ],
)
async def test_a_summary_that_cannot_be_read_is_told(
    server: RedisServer, journal: RedisJournal, row: bytes, error: type[CorruptEntry]
) -> None:
    await journal.append_decisions(NODES, COUNT, [summary(5)])
    async with server.client() as client:
        await client.hset(SNAPSHOT.decode(), "p", row)
    with pytest.raises(error) as caught:
        await journal.read_decisions(NODES)
    assert (type(caught.value), caught.value.version, caught.value.last) == (error, 5, COUNT)
    assert await journal.read_decisions(NODES, 5) == ALL[5:], "who knows more follows"


async def test_a_key_that_holds_something_else_hinders_no_decision(server: RedisServer, journal: RedisJournal) -> None:
    async with server.client() as client:
        await client.set(SNAPSHOT, "?")
    done = await asyncio.gather(
        journal.append_decisions(NODES, COUNT, [summary(5)]),
        journal.append_decisions(NODES, COUNT, [decided(COUNT + 1)]),
        return_exceptions=True,
    )
    assert isinstance(done[0], JournalUnavailable)
    assert done[1] == COUNT + 1
    assert len(await journal.read_decisions(NODES)) == COUNT + 1


async def test_a_full_server_takes_no_summary_and_loses_nothing() -> None:
    async with RedisServer() as server, opened(server.url) as journal, server.client() as client:
        await journal.append_decisions(NODES, 0, ALL)
        await client.config_set("maxmemory", "1")
        with pytest.raises(JournalUnavailable, match="refuses"):
            await journal.append_decisions(NODES, COUNT, [summary(5)])
        await client.config_set("maxmemory", "0")
        assert await journal.read_decisions(NODES) == ALL
        assert not await client.exists(SNAPSHOT)


def deciding(journal: Journal, name: str) -> NodeSteering:
    specs = [NodeSpec(name=name, engine="rtpproxy", url=f"udp:192.0.2.{n}:7722") for n, name in enumerate(RELAYS)]
    return NodeSteering(journal, NodeTable(), name, specs)


class Storm:
    """Control nodes that decide, sum up and read on at once. `weights`: what each may have been given last."""

    def __init__(self) -> None:
        self.weights: dict[NodeName, set[int]] = {name: set() for name in RELAYS}
        self.over = False
        self.summaries = 0

    async def decide(self, journal: Journal, node: NodeName) -> None:
        """Give a node one weight after the other; one whose outcome is not known may hold or not."""
        steering, weight = deciding(journal, f"of {node}"), 1
        while not self.over:
            weight += 1
            self.weights[node].add(weight)
            try:
                await steering.change(node, Wish("ann"), weight=weight)
                self.weights[node] = {weight}
            except JournalUnavailable:
                await asyncio.sleep(0.01)

    async def sum_up(self, journal: Journal, name: str) -> None:
        """Sum up all but the newest decision, again and again."""
        shortening = Shortening(journal, name, lambda: RELAYS, -1_000_000, 1)
        while not self.over:
            with contextlib.suppress(JournalUnavailable):
                await shortening.shorten()
                self.summaries += 1
            await asyncio.sleep(0.002)

    async def follow(self, journal: Journal) -> DecidedNodes:
        """Read on, more slowly than others sum up; return what is found so."""
        state = DecidedNodes()
        while not self.over:
            await asyncio.sleep(0.05)
            with contextlib.suppress(JournalUnavailable):
                state = fold_nodes(await journal.read_decisions(NODES, state.version), state)
        return state


@pytest.mark.parametrize("kills", [0, 3])
async def test_many_decide_sum_up_and_follow_and_nothing_is_lost(server: RedisServer, kills: int) -> None:
    storm = Storm()
    async with contextlib.AsyncExitStack() as stack:
        journals = [await stack.enter_async_context(opened(server.url)) for _ in range(3)]
        await deciding(journals[0], "first").set_state(RELAYS[0], AdminState.DRAINING, Wish("ann", "kernel"))
        works = [
            *(storm.decide(journal, node) for journal, node in zip(journals, RELAYS, strict=True)),
            *(storm.sum_up(journal, f"control-{n}") for n, journal in enumerate(journals[:2])),
        ]
        tasks = [asyncio.ensure_future(work) for work in works]
        followers = [asyncio.ensure_future(storm.follow(journal)) for journal in journals]
        for _ in range(kills):
            await asyncio.sleep(0.4)
            server.kill()
            await server.start()
        await asyncio.sleep(0.6)
        storm.over = True
        await asyncio.gather(*tasks)
        entries = await journals[0].read_decisions(NODES)
        for state in await asyncio.gather(*followers):
            assert fold_nodes(await journals[1].read_decisions(NODES, state.version), state) == fold_nodes(entries)
    assert storm.summaries > 5
    assert isinstance(entries[0].event, NodesSummarized)
    assert len(entries) < entries[-1].version / 2
    nodes = fold_nodes(entries).nodes
    assert {name: nodes[name].weight in storm.weights[name] for name in RELAYS} == dict.fromkeys(RELAYS, True)
    assert nodes[RELAYS[0]].state is AdminState.DRAINING
