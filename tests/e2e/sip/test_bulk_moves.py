"""Many calls with real RTP leave a relay by the command line: nobody loses a packet, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.sip.calls import Call, on_scene
from tests.e2e.sip.own_requests import OTHER, of_call
from tests.e2e.sip.stage import AS_ASKED
from tests.e2e.sip.test_lost_relays import ENGINES, KINDS, Pair
from tests.e2e.sip.test_moves import begins, lost
from tests.e2e.sip.test_node_down import is_empty, is_told
from tests.e2e.stage import Relay
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import converse
from tests.peers.service import Node, Service, Table

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="package")]

CALLS = 6

WITHIN = 300.0
"""Seconds in which a party is told: a job that nobody carries out is another one's after ten, and machines are slow."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """A control node with two relays, and calls on them whose parties talk."""

    pair: Pair
    calls: Sequence[Call]

    @property
    def service(self) -> Service:
        return self.pair.service

    async def on(self, node: str) -> list[Call]:
        """Return the calls that are on a node."""
        return [call for call in self.calls if await self.pair.node_of(of_call(call)) == node]

    async def fullest(self) -> tuple[str, str]:
        """Return the node that has most calls, and the other."""
        counts = {node: len(await self.on(node)) for node in self.pair.relays}
        full = max(counts, key=lambda node: counts[node])
        return full, next(node for node in counts if node != full)

    async def run(self, *words: str) -> tuple[int, str]:
        """Run a command of the command line; return its exit code and what it says."""
        code, output, complaint = await self.service.run(*words)
        return code, complaint + output

    async def hear_each_other(self) -> None:
        """See that the parties of each call hear each other, and have lost nothing that was said so far."""
        media = [(call.caller.agent.media, call.callee.agent.media) for call in self.calls]
        await asyncio.gather(*(converse(one, other, 25) for one, other in media))
        assert [lost(one, other) + lost(other, one) for one, other in media] == [[]] * len(media)

    async def end(self) -> None:
        """Hang all calls up, and see that nothing is left of them."""
        for call in self.calls:
            await call.hang_up("caller")
        for node in self.pair.relays:
            await is_empty(self.pair, node)


@asynccontextmanager
async def on_crowd(engine: str, count: int = CALLS, *, workers: int = 1) -> AsyncIterator[Crowd]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(RedisServer(appendonly=True))
        relays: dict[str, Relay] = {"one": KINDS[engine](), "two": KINDS[engine]()}
        for relay in relays.values():
            await stack.enter_async_context(relay)
        nodes = [Node(name, relay) for name, relay in relays.items()]
        settings: dict[str, Table] = {"service": {"workers": workers}}
        made = Service(redis.url, nodes, settings=settings, sip={"script": str(AS_ASKED)})
        service = await stack.enter_async_context(made)
        pair = Pair(service, relays, engine)
        calls = []
        for _ in range(count):
            scene = await stack.enter_async_context(on_scene(pair.stage("one")))
            _, call = await scene.establish()
            await begins(call)
            calls.append(call)
        yield Crowd(pair, calls)


async def are_told(calls: Sequence[Call]) -> None:
    """Let the parties of calls take what they are told."""
    await asyncio.gather(*(is_told(call, leg, WITHIN) for call in calls for leg in OTHER))


@ENGINES
@pytest.mark.parametrize("workers", [1, 2])
async def test_a_relay_is_emptied_without_a_lost_packet(engine: str, workers: int) -> None:
    async with on_crowd(engine, workers=workers) as crowd:
        full, other = await crowd.fullest()
        there = await crowd.on(full)
        (code, said), _ = await asyncio.gather(
            crowd.run("move", "--node", full, "--reason", "new kernel", "--wait"), are_told(there)
        )
        assert code == 0, said
        assert f"is over: {len(there)} moved, 0 failed" in said
        assert await crowd.on(full) == []
        assert len(await crowd.on(other)) == CALLS
        await crowd.hear_each_other()
        await is_empty(crowd.pair, full)
        await crowd.hear_each_other()
        _, history = await crowd.run("history", of_call(there[0]))
        assert "new kernel" in history
        await crowd.end()


async def test_it_goes_on_after_its_control_node_was_killed() -> None:
    async with on_crowd("rtpengine") as crowd:
        full, other = await crowd.fullest()
        there = await crowd.on(full)
        told = asyncio.create_task(are_told(there))
        code, said = await crowd.run("move", "--node", full, "--rate", "1", "--in-flight", "1", "--json")
        assert code == 0, said
        job = json.loads(said)["job"]

        async def begun() -> bool:
            return len(await crowd.on(full)) < len(there)

        await wait_until(begun, "a call has moved")
        await crowd.service.restart()
        code, said = await crowd.run("moves", job, "--wait", "--json")
        assert code == 0, said
        progress = json.loads(said[said.index("{") :])
        assert (progress["state"], progress["moved"], progress["failed"]) == ("over", len(there), 0)
        await told
        assert len(await crowd.on(other)) == CALLS
        await crowd.hear_each_other()
        for call in there:
            names = [record.event.name for record in await crowd.service.events(of_call(call))]
            assert names.count("migration intended") == 1
        await crowd.end()


async def test_a_set_is_brought_to_its_weights() -> None:
    async with on_crowd("rtpproxy") as crowd:
        full, other = await crowd.fullest()
        await asyncio.gather(crowd.run("move", "--node", full, "--wait"), are_told(await crowd.on(full)))
        code, said = await crowd.run("rebalance", "default", "--json")
        assert code == 0, said
        assert json.loads(said)["moves"] == [{"node": other, "new_node": full, "calls": CALLS // 2}]
        moving = [asyncio.create_task(is_told(call, leg, WITHIN)) for call in crowd.calls for leg in OTHER]
        code, said = await crowd.run("moves", json.loads(said)["job"], "--wait")
        assert code == 0, said
        assert sorted([len(await crowd.on(full)), len(await crowd.on(other))]) == [CALLS // 2, CALLS // 2]
        for task in moving:
            task.cancel()
        await asyncio.wait(moving)
        code, said = await crowd.run("rebalance", "default")
        assert (code, "nothing is to be moved" in said) == (0, True), said
        await crowd.hear_each_other()
        await crowd.end()


@asynccontextmanager
async def coming_along(calls: Sequence[Call]) -> AsyncIterator[None]:
    """Let the parties of calls take whatever they are told, as often as they are."""

    async def come_along(call: Call, leg: str) -> None:
        while True:
            await is_told(call, leg, WITHIN)

    following = [asyncio.create_task(come_along(call, leg)) for call in calls for leg in OTHER]
    try:
        yield
    finally:
        for task in following:
            task.cancel()
        await asyncio.wait(following)


@ENGINES
async def test_a_relay_is_empty_by_its_deadline_and_gets_its_share_back(engine: str) -> None:
    async with on_crowd(engine) as crowd:
        full, other = await crowd.fullest()
        async with coming_along(crowd.calls):
            code, said = await crowd.run("drain", full, "--deadline", "30s", "--wait", "--reason", "new kernel")
            assert code == 0, said
            assert f"{full} is draining" in said
            assert f"{full} has no calls" in said
            assert len(await crowd.on(other)) == CALLS
            await is_empty(crowd.pair, full)
            await crowd.hear_each_other()
            code, said = await crowd.run("rebalance", "default")
            assert (code, "nothing is to be moved" in said) == (0, True), "a node that is drained has no share"
            assert (await crowd.run("undrain", full))[0] == 0
            code, said = await crowd.run("rebalance", "default", "--wait")
            assert code == 0, said
            assert len(await crowd.on(full)) == CALLS // 2
            await crowd.hear_each_other()
        await crowd.end()


async def test_a_move_of_many_is_stopped_and_taken_back() -> None:
    async with on_crowd("rtpengine") as crowd:
        full, other = await crowd.fullest()
        there = await crowd.on(full)
        async with coming_along(crowd.calls):
            code, said = await crowd.run("drain", full, "--deadline", "20m")
            assert code == 0, said
            job = said.partition("moved by job ")[2].partition(";")[0]

            async def begun() -> bool:
                return len(await crowd.on(full)) < len(there)

            await wait_until(begun, "a call has moved")
            assert (await crowd.run("moves", job, "--cancel"))[0] == 0
            assert (await crowd.run("undrain", full))[0] == 0
            code, said = await crowd.run("moves", job, "--wait")
            assert code == 1, "not all calls have moved"
            assert "is over (cancelled by" in said
            moved = [call for call in there if call not in await crowd.on(full)]
            assert moved
            await crowd.hear_each_other()
            code, said = await crowd.run("move", "--node", other, "--to", full, "--wait")
            assert code == 0, said
            assert len(await crowd.on(full)) == CALLS
            await crowd.hear_each_other()
        await crowd.end()
