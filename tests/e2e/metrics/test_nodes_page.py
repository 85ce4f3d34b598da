"""What real rtpengines tell of themselves, through a control node."""

from __future__ import annotations

import os
import signal

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import make_sdp
from tests.peers.rtpengine import Rtpengine
from tests.peers.service import Node, Service
from tests.rtp_relay.metrics_page import documented, queries

pytestmark = pytest.mark.e2e


async def scraped(service: Service, page: str = "/metrics/nodes") -> list[Sample]:
    """Return the samples of a page; each time by another connection, which may come to any worker."""
    async with ClientSession() as client, client.get(f"{service.http}{page}") as response:
        response.raise_for_status()
        families = text_string_to_metric_families(await response.text())
        return [sample for family in families for sample in family.samples]


def by_node(found: list[Sample], name: str, **labels: str) -> dict[str, float]:
    """Return what each node tells."""
    wanted = (each for each in found if each.name == name and labels.items() <= each.labels.items())
    return {each.labels["node"]: each.value for each in wanted}


def up(found: list[Sample]) -> dict[str, float]:
    """Return which nodes' pages could be had."""
    return by_node(found, "rtprelay_node_metrics_up")


def sessions(found: list[Sample]) -> dict[str, float]:
    """Return how many own sessions each node tells."""
    return by_node(found, "rtpengine_sessions", type="own")


async def test_the_numbers_of_rtpengines_are_there_with_the_names_of_the_nodes() -> None:
    async with RedisServer() as redis, Rtpengine(http=True) as one, Rtpengine(http=True) as two:
        nodes = [Node("relay-1", one), Node("relay-2", two, weight=0)]
        async with Service(redis.url, nodes) as service, service.client() as client:
            assert await scraped(service) == []
            service.nodes = [Node(node.name, node.relay, node.weight, metrics=True) for node in nodes]
            service.reload()

            async def both_there() -> bool:
                found = await scraped(service)
                return up(found) == {"relay-1": 1, "relay-2": 1}

            await wait_until(both_there, "the pages are asked for after SIGHUP")
            await client.command("offer", call_id="one", from_tag="a", sdp=make_sdp(("127.0.0.1", 4000)))
            found = await scraped(service)
            assert sessions(found) == {"relay-1": 1, "relay-2": 0}
            told = {sample.name for sample in found}
            asked = {word for query in queries() for word in query.replace("(", " ").replace("[", " ").split()}
            assert {word for word in asked if word.startswith("rtpengine_")} - told == set()
            assert {name for name in told if name.startswith("rtprelay_")} == {"rtprelay_node_metrics_up"}
            assert "node_metrics_up" in documented()
            two.kill()

            async def one_gone() -> bool:
                return up(await scraped(service)) == {"relay-1": 1, "relay-2": 0}

            await wait_until(one_gone, "the other one is there alone")
            assert sessions(await scraped(service)) == {"relay-1": 1}


async def seen(service: Service, page: str = "/metrics/nodes", times: int = 12) -> set[frozenset[str]]:
    """Return the nodes that are on a page, by as many connections that all workers have been asked."""
    pages = [await scraped(service, page) for _ in range(times)]
    return {frozenset(each.labels["node"] for each in found if "node" in each.labels) for found in pages}


async def on_page(service: Service, *names: str, page: str = "/metrics/nodes") -> None:
    """Wait until all workers have these nodes on a page, and no others."""

    async def there() -> bool:
        return await seen(service, page) == {frozenset(names)}

    await wait_until(there, f"{names} are on {page}", within=30)


async def kill_a_worker(service: Service, name: str) -> None:
    """Kill a worker, and wait until it is back."""
    pid = service.workers()[name]
    os.kill(pid, signal.SIGKILL)

    async def is_back() -> bool:
        found = await scraped(service, "/metrics") if service.workers().get(name, pid) != pid else []
        return any(each.name == "rtprelay_workers" and each.value == 2 for each in found)

    await wait_until(is_back, f"{name} is back")


async def test_all_workers_take_other_nodes_at_sighup_and_know_them_when_they_are_killed() -> None:
    async with RedisServer() as redis, Rtpengine(http=True) as one, Rtpengine(http=True) as two:
        nodes = [Node("relay-1", one, metrics=True), Node("relay-2", two, metrics=True)]
        workers = {"service": {"workers": 2}}
        async with Service(redis.url, nodes[:1], settings=workers) as service, service.client() as client:
            assert await seen(service) == {frozenset({"relay-1"})}
            service.nodes = nodes
            service.reload()
            await on_page(service, "relay-1", "relay-2")
            await client.command("offer", call_id="one", from_tag="a", sdp=make_sdp(("127.0.0.1", 4000)))
            await client.command("delete", call_id="one", from_tag="a")
            await kill_a_worker(service, "control-1/1")
            await on_page(service, "relay-1", "relay-2")

            service.nodes = nodes[:1]
            service.reload()
            await on_page(service, "relay-1")
            await on_page(service, "relay-1", page="/metrics")
            await kill_a_worker(service, "control-1/2")
            assert await seen(service) == {frozenset({"relay-1"})}

            service.nodes = nodes
            service.reload()
            await on_page(service, "relay-1", "relay-2")
            assert (await service.run("node", "remove", "relay-1"))[0] == 0
            await on_page(service, "relay-2")
            await on_page(service, "relay-2", page="/metrics")
            assert (await service.run("node", "reset", "relay-1"))[0] == 0
            await on_page(service, "relay-1", "relay-2")
