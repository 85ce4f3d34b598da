"""What a real service counts, with relays, Redis and clients that are really there."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import ClientError, ClientSession, UnixConnector
from prometheus_client.parser import text_string_to_metric_families

from rtp_relay.compiled import code_in_use
from tests.peers.ng_client import NgClient
from tests.peers.peer import wait_until
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import make_sdp
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service
from tests.rtp_relay.metrics_page import documented

pytestmark = pytest.mark.e2e

Numbers = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """Return an HTTP client."""
    async with ClientSession() as session:
        yield session


async def scrape(http: ClientSession, service: Service) -> Numbers:
    async with http.get(f"{service.http}/metrics") as response:
        response.raise_for_status()
        text = await response.text()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def number(found: Numbers, name: str, **labels: str) -> float:
    """Return the sum of the samples of a metric that have these labels."""
    wanted = frozenset(labels.items())
    return sum(value for (each, its), value in found.items() if each == f"rtprelay_{name}" and wanted <= its)


async def place_calls(client: NgClient, numbers: range) -> None:
    for call in numbers:
        dialog = {"call_id": f"metrics-{call}@example.com", "from_tag": "a"}
        await client.command("offer", sdp=make_sdp(("127.0.0.1", 4000)), **dialog)
        await client.command("answer", sdp=make_sdp(("127.0.0.1", 4002)), to_tag="b", **dialog)
        await client.command("delete", **dialog)


async def test_calls_are_counted_and_what_fails(http: ClientSession) -> None:
    async with RedisServer() as redis, Rtpproxy() as one, Rtpproxy() as two:
        nodes = [Node("relay-1", one, ping_every=0.5, timeout=0.5), Node("relay-2", two, draining=True)]
        async with Service(redis.url, nodes) as service, service.client() as client:
            await place_calls(client, range(3))
            await client.command("offer", call_id="metrics-live", from_tag="a", sdp=make_sdp(("127.0.0.1", 4000)))
            await client.command('nonsense\n"} 1', call_id="x")

            async def all_there() -> bool:
                found = await scrape(http, service)
                return number(found, "ended_calls_total") == 3 and number(found, "calls") == 1

            await wait_until(all_there, "what calls count is there")
            found = await scrape(http, service)
            for verb in ("offer", "answer", "delete"):
                calls = 4 if verb == "offer" else 3
                assert number(found, "requests_total", door="ng", verb=verb, outcome="ok") == calls
                assert number(found, "request_duration_seconds_count", door="ng", verb=verb) == calls
                assert number(found, "node_requests_total", node="relay-1", verb=verb, outcome="ok") == calls
                assert number(found, "node_request_duration_seconds_count", node="relay-1", verb=verb) == calls
            assert number(found, "requests_total", door="ng", verb="other", outcome="error") == 1
            assert number(found, "ended_calls_total", outcome="answered", cause="client") == 3
            assert number(found, "node_sessions", node="relay-1") == 1
            assert number(found, "calls_by_state") <= 1  # as of a while ago
            assert number(found, "node_state", node="relay-2", state="draining") == 1
            assert number(found, "node_info", node="relay-2", engine="rtpproxy", set="default") == 1
            assert number(found, "journal_append_duration_seconds_count") >= 15
            assert number(found, "journal_up") == number(found, "workers") == 1
            assert 0 < number(found, "process_cpu_seconds_total") < 1000
            assert number(found, "process_resident_memory_bytes") > 10_000_000
            assert number(found, "build_info", code="compiled" if code_in_use() == "compiled" else "sources") == 1

            shown = {re.sub("_(bucket|sum|count)$", "", name.removeprefix("rtprelay_")) for name, _ in found}
            assert shown - documented().keys() == set()

            one.kill()

            async def node_gone() -> bool:
                found = await scrape(http, service)
                return number(found, "node_up", node="relay-1") == 0 and "relay-1" in str(found)

            await wait_until(node_gone, "the node is down")
            found = await scrape(http, service)
            assert number(found, "node_outages_total", node="relay-1") == 1
            assert number(found, "node_requests_total", node="relay-1", verb="ping", outcome="no reply") >= 1

            os.kill(redis.pid, signal.SIGSTOP)

            async def journal_gone() -> bool:
                return number(await scrape(http, service), "journal_up") == 0

            await wait_until(journal_gone, "the page tells that the journal is gone")
            found = await scrape(http, service)
            assert number(found, "requests_total", door="ng", verb="offer", outcome="ok") == 4
            assert not [name for name, _ in found if name in ("rtprelay_calls", "rtprelay_node_sessions")]
            os.kill(redis.pid, signal.SIGCONT)
            await wait_until(all_there, "what is counted in the journal is there again")


async def scrape_once(service: Service) -> Numbers:
    """Return the numbers by a connection of its own, which may come to any worker; none from one that just dies."""
    async with ClientSession() as once:
        try:
            return await scrape(once, service)
        except (ClientError, OSError):
            return {}


async def look_on(service: Service, last: Numbers, until: asyncio.Event) -> None:
    """See that no counter is ever less than before."""
    while not until.is_set():
        found = await scrape_once(service)
        for (name, labels), value in found.items():
            if name.endswith(("_total", "_count", "_bucket")):
                assert value >= last.get((name, labels), 0.0), (name, labels)
        last = found or last
        await asyncio.sleep(0.02)


async def mi_counted(service: Service, name: str) -> float:
    """Return what get_statistics of the management interface says."""
    socket = str(service.folder / "state" / f"{service.control_node}.sock")
    question = {"jsonrpc": "2.0", "id": 1, "method": "get_statistics", "params": {"statistics": [name]}}
    async with (
        ClientSession(connector=UnixConnector(socket)) as client,
        client.post("http://local/mi", json=question) as response,
    ):
        return float((await response.json())["result"][name])


async def test_no_counter_goes_back_when_a_worker_dies(http: ClientSession) -> None:
    async with (
        RedisServer() as redis,
        Rtpproxy() as relay,
        Service(redis.url, [Node("relay-1", relay)], settings={"service": {"workers": 2}}) as service,
        service.client() as client,
    ):
        await place_calls(client, range(4))

        async def counted(calls: float) -> bool:
            return number(await scrape(http, service), "requests_total", verb="delete", outcome="ok") >= calls

        await wait_until(lambda: counted(4), "the supervisor has heard of all")
        before = await scrape(http, service)
        assert number(before, "workers") == 2
        assert await mi_counted(service, "ng:requests-delete-ok") == 4
        end = asyncio.Event()
        looking = asyncio.create_task(look_on(service, before, end))
        for times, (worker, pid) in enumerate(sorted(service.workers().items()), 1):
            os.kill(pid, signal.SIGKILL)

            async def is_back(ends: int = times) -> bool:
                assert not looking.done(), looking.result()
                found = await scrape_once(service)
                return number(found, "workers") == 2 and number(found, "worker_ends_total") == ends

            await wait_until(is_back, f"{worker} is back")
        await place_calls(client, range(4, 6))
        await wait_until(lambda: counted(6), "what came later is counted, too")
        end.set()
        await looking
