"""Relay nodes drained, added, changed and removed while everything runs, with real relays and calls with media."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from events.decisions import NODES
from events.records import Recorded
from events.redis import RedisJournal
from rtp_relay.cli.management import ServiceMethods
from rtp_relay.config import load
from tests.e2e.stage import NgCall, Stage, held, on_stage
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.rtpengine import Rtpengine
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service, Table

pytestmark = pytest.mark.e2e

TWO_WORKERS: Mapping[str, Table] = {"service": {"workers": 2, "log_format": "json"}}


async def place(stage: Stage, count: int, *, first: int = 0, through: NgClient | None = None) -> list[NgCall]:
    """Place calls that are answered at once, without media."""
    calls = [stage.call(f"call-{number}") for number in range(first, first + count)]
    for call in calls:
        await call.offer(through or stage.client)
        await call.answer(through or stage.client)
    return calls


async def command(service: Service, *words: str) -> str:
    """Run a command that must succeed, and return what it says."""
    code, output, complaint = await service.run(*words)
    assert code == 0, complaint
    return output


async def document(service: Service) -> dict[str, Any]:
    """Return what `rtp-relay nodes` is told; a process that asks takes a hundred times as long, and this is polled."""
    async with aclosing(ServiceMethods(load(service.config).local_socket)) as methods:
        found: dict[str, Any] = await methods.call("rtp_relay:nodes")
        return found


async def states(service: Service, name: str) -> set[str]:
    """Return how a node is, by all control nodes and workers; "gone" where it is not there."""
    rows = (await document(service))["control_nodes"]
    return {next((node["state"] for node in row["nodes"] if node["name"] == name), "gone") for row in rows}


async def decisions(stage: Stage) -> list[Recorded]:
    journal = await RedisJournal.open(stage.redis.url)
    try:
        return await journal.read_decisions(NODES)
    finally:
        await journal.close()


async def on_first(stage: Stage, calls: list[NgCall]) -> list[NgCall]:
    return [call for call in calls if stage.preferred(call.call_id)[0] is stage.relays[0]]


@asynccontextmanager
async def second(stage: Stage) -> AsyncIterator[tuple[Service, NgClient]]:
    """Start another control node with the same Redis and nodes."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(Service(stage.redis.url, stage.service.nodes, name="control-2"))
        yield service, await stack.enter_async_context(service.client())


async def test_a_node_is_drained_at_all_control_nodes_and_serves_its_calls_to_their_end() -> None:
    async with on_stage(Rtpengine(), Rtpengine()) as stage, second(stage) as (other, client):
        calls = await place(stage, 8)
        mine = await on_first(stage, calls)
        await mine[0].talk()
        assert await held(stage.relays[0]) == len(mine)
        said = await command(stage.service, "drain", "relay-1", "--reason", "new kernel")
        assert said == f"relay-1 is draining; it has {len(mine)} call{'' if len(mine) == 1 else 's'}\n"
        new = await place(stage, 4, first=100)
        new += await place(stage, 4, first=200, through=client)
        assert await held(stage.relays[0]) == len(mine), "it gets no new calls"
        await mine[0].offer_again(client)
        await mine[0].answer_again(client)
        await mine[0].still_talks()
        code, _, complaint = await other.run("drain", "relay-1", "--deadline", "1", "--wait")
        assert (code, complaint.count("relay-1 still has")) == (5, 1)
        for call in mine:
            await call.delete(client)
        assert (await command(other, "drain", "relay-1", "--wait", "--deadline", "60")).endswith(
            "relay-1 has no calls\n"
        )
        assert await held(stage.relays[0]) == 0
        (decided,) = (await document(other))["decided"]
        assert (decided["state"], decided["reason"]) == ("draining", "new kernel")
        await command(stage.service, "undrain", "relay-1")
        again = await place(stage, 8, first=300)
        assert await held(stage.relays[0]) == len(await on_first(stage, again))
        for call in [*calls, *new, *again]:
            if call not in mine:
                await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_all_workers_follow_and_one_that_is_killed_knows_when_it_is_back() -> None:
    async with on_stage(Rtpengine(), Rtpengine(), settings=TWO_WORKERS) as stage:
        await command(stage.service, "drain", "relay-1")
        assert await states(stage.service, "relay-1") == {"draining"}
        await stage.service.restart()
        before = stage.service.workers()
        worker, pid = next(iter(before.items()))
        os.kill(pid, signal.SIGKILL)

        async def back() -> bool:
            now = stage.service.workers()
            ready = sum('"ready"' in line and f'"{worker}"' in line for line in stage.service.log(100_000).splitlines())
            return now.keys() == before.keys() and now[worker] != pid and ready >= 3

        await wait_until(back, "the worker is at work again")
        calls = await place(stage, 12)
        assert await held(stage.relays[0]) == 0
        await command(stage.service, "disable", "relay-2")
        assert await states(stage.service, "relay-2") == {"disabled"}
        for call in calls:
            await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_decisions_survive_a_redis_that_forgets_everything() -> None:
    async with on_stage(Rtpengine(), Rtpengine()) as stage:
        await command(stage.service, "drain", "relay-1", "--reason", "kept")
        before = await decisions(stage)
        await stage.redis.stop()
        assert (await stage.service.run("drain", "relay-2"))[0] == 4
        await stage.redis.start()

        async def back() -> bool:
            return await decisions(stage) == before

        await wait_until(back, "the decisions are in the journal again")
        calls = await place(stage, 8)
        assert await held(stage.relays[0]) == 0
        for call in calls:
            await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_a_relay_is_replaced_without_a_restart_and_without_a_dropped_call() -> None:
    async with on_stage(Rtpengine()) as stage, Rtpengine() as newcomer:
        old = await place(stage, 3)
        await old[0].talk()
        await command(
            stage.service, "node", "add", "relay-9", "--engine", "rtpengine", "--url", newcomer.url, "--reason", "newer"
        )
        code, _, complaint = await stage.service.run("node", "remove", "relay-1")
        assert (code, complaint) == (1, "rtp-relay: node relay-1 has 3 calls\n")
        await command(stage.service, "node", "remove", "relay-1", "--drain")
        new = await place(stage, 5, first=100)
        await new[0].talk()
        assert (await held(stage.relays[0]), await held(newcomer)) == (3, 5)
        await old[0].offer_again(stage.client)
        await old[0].answer_again(stage.client)
        await stage.service.restart()
        assert [event.event.name for event in await decisions(stage)] == ["node added", "node leaving"]
        for call in old:
            await call.delete(stage.client)

        async def removed() -> bool:
            return (await decisions(stage))[-1].event.name == "node removed"

        await wait_until(removed, "the old node is removed when its last call is gone")
        assert await held(stage.relays[0]) == 0
        new += await place(stage, 2, first=200)
        assert await held(newcomer) == 7

        async def gone() -> bool:
            return await states(stage.service, "relay-1") == {"gone"}

        await wait_until(gone, "it is known nowhere any more", 30)
        for call in new:
            await call.delete(stage.client)
        await stage.nothing_is_left()
        assert await held(newcomer) == 0


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_configuration_is_read_anew_at_sighup(workers: int) -> None:
    settings: Mapping[str, Table] = {"service": {"workers": workers, "log_format": "json"}}
    async with on_stage(Rtpengine(), Rtpengine(), settings=settings) as stage, Rtpproxy() as newcomer:
        calls = await place(stage, 8)
        mine = await on_first(stage, calls)
        assert mine
        _, other = stage.service.nodes
        stage.service.nodes = [replace(other, weight=0), Node("relay-3", newcomer)]
        stage.service.reload()

        async def reloaded() -> bool:
            return await states(stage.service, "relay-3") == {"up"} and await states(stage.service, "relay-1") == {
                "draining"
            }

        await wait_until(reloaded, "all workers have the new nodes")
        new = await place(stage, 4, first=100)
        assert await held(newcomer) == 4, "one has left the file, the other has no weight"
        await mine[0].offer_again(stage.client)
        await mine[0].answer_again(stage.client)
        for call in [*calls, *new]:
            await call.delete(stage.client)
        await stage.nothing_is_left()

        async def gone() -> bool:
            return await states(stage.service, "relay-1") == {"gone"}

        await wait_until(gone, "the one that left the file is gone with its last call", 30)
        good = stage.service.config.read_text()
        stage.service.config.write_text(good.replace('"rtpproxy"', '"rtpproxi"'))
        lines = stage.service.log(100_000).count("configuration not reloaded")
        stage.service.send_hangup()

        async def refused() -> bool:
            return stage.service.log(100_000).count("configuration not reloaded") == lines + 1

        await wait_until(refused, "a file with a mistake changes nothing")
        stage.service.config.write_text(good)
        assert await states(stage.service, "relay-3") == {"up"}


async def test_a_node_gets_another_address_at_sighup() -> None:
    async with on_stage(Rtpengine()) as stage, Rtpengine() as newcomer:
        (node,) = stage.service.nodes
        stage.service.nodes = [replace(node, relay=newcomer)]
        stage.service.reload()

        async def moved() -> bool:
            (row,) = (await document(stage.service))["control_nodes"]
            return [each["url"] for each in row["nodes"]] == [newcomer.url]

        await wait_until(moved, "the node is at its new address")
        (call,) = await place(stage, 1)
        await call.talk()
        assert (await held(stage.relays[0]), await held(newcomer)) == (0, 1)
        await call.delete(stage.client)
        await stage.nothing_is_left()


async def test_a_backup_is_used_while_the_first_tier_is_down() -> None:
    main, backup = Rtpengine(), Rtpproxy()
    async with on_stage(Node("main", main), Node("backup", backup, priority=1)) as stage:
        calls = await place(stage, 4)
        assert (await held(main), await held(backup)) == (4, 0)
        await main.stop()
        more = await place(stage, 2, first=100)
        assert await held(backup) == 2

        async def down() -> bool:
            return await states(stage.service, "main") == {"down"}

        await wait_until(down, "the first tier is known to be down")
        await main.start()

        async def up() -> bool:
            return await states(stage.service, "main") == {"up"}

        await wait_until(up, "the first tier is up again")
        again = await place(stage, 3, first=200)
        assert (await held(main), await held(backup)) == (3, 2)
        for call in [*calls, *more, *again]:
            await call.delete(stage.client)
        await stage.nothing_is_left()
