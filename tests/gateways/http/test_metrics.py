"""The form of the metrics, by the parser of Prometheus' own client library; and how the page is asked for."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterable

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from actors.control.counters import Sample, Together
from events.histogram import Histogram
from gateways.http.metrics.exposition import OPEN_METRICS, TEXT, render
from gateways.http.metrics.page import MetricsPage, wants_open_metrics
from gateways.http.server import HttpServer, HttpSettings
from gateways.ng.counters import NgCounters
from gateways.sip.transactions.counters import TransactionCounters, counted_method
from rtp_relay.config import SocketAddress
from tests.gateways.http.turns import turns_beside
from tests.peers.ports import HOST

VALUES = st.text(max_size=20) | st.sampled_from(['"', "\\", "\n", '"} 1\nevil 1', "\\n", "\udcff", "\x00", "é", "{}"])


def histogram(*numbers: float, node: str = "n") -> Sample:
    made = Histogram()
    for number in numbers:
        made.observe(number)
    return Sample("node", "seconds", made.sum, (("node", node), ("verb", "offer")), False, Together.SUM, *_of(made))


def _of(made: Histogram) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return tuple(made.counts), made.bounds


def read(samples: Iterable[Sample]) -> dict[str, Metric]:
    """Return what both forms say, which has to be the same."""
    listed = list(samples)
    text = asyncio.run(render(listed, open_metrics=False)).decode()
    opened = asyncio.run(render(listed, open_metrics=True)).decode()
    found = {family.name: family for family in read_open_metrics(opened)}  # type: ignore[no-untyped-call]
    in_text = {family.name: family for family in read_text(text)}
    assert {name: _said(one) for name, one in found.items()} == {name: _said(one) for name, one in in_text.items()}
    return found


def _said(family: Metric) -> tuple[object, ...]:
    samples = [(each.name, tuple(sorted(each.labels.items())), each.value) for each in family.samples]
    return family.type, family.documentation, samples


def test_counters_gauges_and_histograms() -> None:
    found = read(
        [
            Sample("ng", "requests", 3, (("verb", "offer"), ("result", "ok"))),
            Sample("sip", "answered", 2, (("method", "BYE"), ("status", "2xx"))),
            Sample("calls", "live", 7, gauge=True),
            histogram(0.0005, 0.003, 99),
        ]
    )
    requests = found["rtprelay_requests"]
    assert requests.type == "counter"
    assert [(each.name, each.labels, each.value) for each in requests.samples] == [
        ("rtprelay_requests_total", {"door": "ng", "verb": "offer", "outcome": "ok"}, 3),
        ("rtprelay_requests_total", {"door": "sip", "verb": "BYE", "outcome": "2xx"}, 2),
    ]
    assert found["rtprelay_calls"].samples[0].value == 7
    took = {
        each.labels.get("le", each.name): each.value for each in found["rtprelay_node_request_duration_seconds"].samples
    }
    assert (took["0.0005"], took["0.001"], took["0.005"], took["10.0"], took["+Inf"]) == (1, 1, 2, 2, 3)
    assert took["rtprelay_node_request_duration_seconds_sum"] == pytest.approx(99.0035)
    assert took["rtprelay_node_request_duration_seconds_count"] == 3


def test_what_several_parts_count_of_one_thing_is_one() -> None:
    found = read([Sample("sip", "failures", 2), Sample("ng", "failures", 1), Sample("proxy", "failures", 3)])
    assert [(each.labels["door"], each.value) for each in found["rtprelay_faults"].samples] == [("sip", 5), ("ng", 1)]


def test_what_a_part_counts_that_is_not_in_the_catalogue_is_shown_too() -> None:
    found = read([Sample("new", "things", 2, (("kind", "a"),))])
    assert found["rtprelay_new_things"].samples[0].labels == {"kind": "a"}


@given(st.lists(VALUES, min_size=1, max_size=5, unique=True))
def test_hostile_names_are_values_and_nothing_else(names: list[str]) -> None:
    found = read(Sample("node", "weight", 1, (("node", name),), gauge=True) for name in names)
    assert list(found) == ["rtprelay_node_weight"]
    seen = [each.labels["node"] for each in found["rtprelay_node_weight"].samples]
    assert seen == [name.encode("utf-8", "backslashreplace").decode() for name in names]


def test_what_clients_name_makes_no_labels() -> None:
    assert {counted_method(method) for method in ("EVIL", "invite", 'A"B', "X" * 100)} == {"other"}
    counters = TransactionCounters()
    counters.final(counted_method("INVITE"), 486, 0.1)
    assert counters.answered == {("INVITE", "4xx"): 1}
    ng = NgCounters()
    ng.answered("offer", "ok", 0.1)
    assert (ng.requests, ng.seconds["offer"].counts[7]) == ({("offer", "ok"): 1}, 1)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("text/html, text/plain;version=0.0.4;q=0.5, */*;q=0.1", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4", True),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=x,;;,=", False),
    ],
)
def test_the_form_is_what_the_client_prefers(accept: str, expected: bool) -> None:
    assert wants_open_metrics(accept) is expected


class Numbers:
    """Makes pages, slowly if wished, and counts them."""

    def __init__(self) -> None:
        self.made, self.go_on, self.asked = 0, asyncio.Event(), asyncio.Semaphore(0)
        self.failure: Exception | None = None

    async def render(self, open_metrics: bool) -> bytes:
        """Make a page."""
        self.made += 1
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        return await render([Sample("calls", "live", self.made, gauge=True)], open_metrics=open_metrics)


@pytest.fixture
async def numbers() -> Numbers:
    """Return the maker of pages."""
    return Numbers()


@pytest.fixture
async def url(numbers: Numbers) -> AsyncIterator[str]:
    """Return where the page is."""
    settings = HttpSettings(listen=[SocketAddress("tcp", HOST, 0)], allow=[ipaddress.ip_network("127.0.0.0/8")])
    server = HttpServer(settings)
    await server.open()
    page = MetricsPage(numbers.render)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        numbers.asked.release()
        return await page._answer(request)

    server.routes.add("GET", "/metrics", answer)
    yield f"http://{server.addresses[0]}/metrics"
    await server.close()


async def get(url: str, accept: str = "") -> tuple[int, str, str]:
    async with ClientSession() as client, client.get(url, headers={"Accept": accept}) as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def test_scrapes_at_once_have_one_page_made(numbers: Numbers, url: str) -> None:
    several = asyncio.gather(*(get(url) for _ in range(5)))
    gone = asyncio.create_task(get(url))
    for _ in range(6):
        await numbers.asked.acquire()
    gone.cancel()  # one that gives up takes nothing from the others
    numbers.go_on.set()
    for status, kind, text in await several:
        assert (status, kind, text.splitlines()[-1]) == (200, TEXT, "rtprelay_calls 1")
    _, kind, text = await get(url, "application/openmetrics-text")
    assert (kind, text.splitlines()[-2:]) == (OPEN_METRICS, ["rtprelay_calls 2", "# EOF"])


async def test_without_numbers_there_is_no_page_and_the_next_is_asked_for_anew(numbers: Numbers, url: str) -> None:
    numbers.go_on.set()
    numbers.failure = TimeoutError()
    assert (await get(url))[0] == 503
    numbers.failure = None
    assert (await get(url))[0] == 200


async def test_a_long_page_leaves_the_loop_its_turns() -> None:
    samples = [histogram(0.1, node=str(number)) for number in range(200)]
    page, turns = await turns_beside(render(samples, open_metrics=False))
    assert page.count(b"\n") > 3000
    assert turns > 20
