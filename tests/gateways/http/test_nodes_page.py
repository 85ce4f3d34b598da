"""`/metrics/nodes`: several pages as one, by the parser of Prometheus' own client library, and nodes that fail."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
from aiohttp import ClientSession, ClientTimeout, web
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from gateways.http.metrics import nodes_page
from gateways.http.metrics.exposition import TEXT, written
from gateways.http.metrics.federation import Federation
from gateways.http.metrics.nodes_page import NodesPage
from gateways.http.server import HttpServer, HttpSettings
from rtp_relay.config import SocketAddress
from tests.gateways.http.turns import turns_beside
from tests.peers.ports import HOST

RTPENGINE = """\
# HELP rtpengine_sessions Number of sessions
# TYPE rtpengine_sessions gauge
rtpengine_sessions{type="own"} 3
rtpengine_sessions{type="foreign"} 0

# TYPE rtpengine_took_seconds histogram
rtpengine_took_seconds_bucket{le="0.1"} 2
rtpengine_took_seconds_bucket{le="+Inf"} 5
rtpengine_took_seconds_sum 1.5
rtpengine_took_seconds_count 5
# TYPE rtpengine_packets_total counter
rtpengine_packets_total 1e+06
"""

LINES = st.sampled_from(
    [
        "x 1",
        "x{} 2 1700000000000",
        'x{a="b"} NaN',
        'x{node="other",} +Inf',
        'x{node="o",exported_node="p"} 4',
        'y_bucket{le="+Inf"} 3',
        "y_count 3",
        "y_sum 1.25",
        "# TYPE x counter",
        "# TYPE x gauge",
        "# TYPE x nonsense",
        "# TYPE y histogram",
        "# HELP x two words",
        "# HELP y",
        "# EOF",
        'rtprelay_node_metrics_up{node="n"} 0',
        "x one",
        "x{a=b} 1",
        'x{a="b} 1',
        'x{a="b"} 1 2 3',
        'x{a="\\"} 1',
        "é 1",
        "x \u0661",
        "x 1_0",
        "\x0bx 1",
    ]
)
PAGES = st.lists(LINES | st.text(max_size=12), max_size=12).map("\n".join)


async def merged(pages: Mapping[str, bytes]) -> str:
    federation = Federation()
    for node, page in pages.items():
        await federation.take(node, page)
    return (await written(federation.lines())).decode()


def read(text: str) -> dict[str, Metric]:
    families = list(text_string_to_metric_families(text))
    named = {family.name: family for family in families}
    assert len(named) == len(families), "the lines of a metric are not together"
    return named


def series(family: Metric) -> list[tuple[str, dict[str, str], float]]:
    return [(each.name, each.labels, each.value) for each in family.samples]


async def test_each_series_has_the_name_of_its_node() -> None:
    found = read(await merged({"one": RTPENGINE.encode(), "two": RTPENGINE.replace(" 3", " 4").encode()}))
    sessions = found["rtpengine_sessions"]
    assert (sessions.type, sessions.documentation) == ("gauge", "Number of sessions")
    assert series(sessions) == [
        ("rtpengine_sessions", {"node": "one", "type": "own"}, 3),
        ("rtpengine_sessions", {"node": "one", "type": "foreign"}, 0),
        ("rtpengine_sessions", {"node": "two", "type": "own"}, 4),
        ("rtpengine_sessions", {"node": "two", "type": "foreign"}, 0),
    ]
    took = found["rtpengine_took_seconds"]
    assert (took.type, len(took.samples)) == ("histogram", 8)
    assert found["rtpengine_packets"].samples[1].value == 1_000_000


async def test_a_label_called_node_is_renamed() -> None:
    (family,) = read(await merged({"one": b'x{node="a",exported_node="b"} 1\nx{node="c"} 2\n'})).values()
    assert [labels for _, labels, _ in series(family)] == [
        {"node": "one", "exported_exported_node": "a", "exported_node": "b"},
        {"node": "one", "exported_node": "c"},
    ]


async def test_a_type_that_nodes_do_not_agree_on_is_untyped() -> None:
    found = read(await merged({"one": b"# TYPE x gauge\nx 1\n", "two": b"# TYPE x counter\nx 2\n"}))
    assert (found["x"].type, len(found["x"].samples)) == ("unknown", 2)


@pytest.mark.parametrize(
    "line",
    [
        "x", "1x 1", "é 1", "x one", "x 1 2 3", "x 1_0", "x \u0661", "x 0x1", "\0", "# EOF",
        'x{a="b} 1', "x{a='b'} 1", "x{a=b} 1", 'x{a="b"}{c="d"} 1', 'x{a="b" c="d"} 1', "x{,} 1",
        'x{a="1",a="2"} 1', 'x{__name__="y"} 1', "rtprelay_calls 99", "# TYPE rtprelay_calls gauge",
    ],
)  # fmt: skip
async def test_what_is_no_line_of_that_form_is_left_out(line: str) -> None:
    found = read(await merged({"one": f"before 1\n{line}\nafter 2\n".encode()}))
    assert list(found) == ["before", "after"]


@pytest.mark.parametrize("between", ["", "# TYPE x histogram\n"])
async def test_a_series_that_comes_twice_counts_once(between: str) -> None:
    page = f'x_sum{{a="b"}} 1\n{between}x_sum{{a="b"}} 2\n'
    samples = [one for family in read(await merged({"one": page.encode()})).values() for one in series(family)]
    assert samples == [("x_sum", {"node": "one", "a": "b"}, 1)]


@given(st.lists(PAGES | st.binary(max_size=60), max_size=3))
def test_whatever_nodes_tell_the_page_can_be_read(pages: list[str | bytes]) -> None:
    named = {f'n"{number}': page if isinstance(page, bytes) else page.encode() for number, page in enumerate(pages)}
    text = asyncio.run(merged(named))
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert len(samples) == sum(not line.startswith("#") for line in text.split("\n") if line)
    keys = [(sample.name, frozenset(sample.labels.items())) for sample in samples]
    assert len(set(keys)) == len(keys)
    for sample in samples:
        assert sample.labels["node"] in named
        assert not sample.name.startswith("rtprelay_")


async def test_a_long_page_leaves_the_loop_its_turns() -> None:
    page = b"".join(b'x{a="%d"} 1\n' % number for number in range(3000))
    text, turns = await turns_beside(merged({"one": page}))
    assert text.count("\n") == 3001
    assert turns > 50, "while it is read, and while it is written"


Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Nodes:
    """Nodes whose pages are what a test says, on one server; and the page of all of them."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.base = ""
        self.more: dict[str, str] = {}

    def pages(self) -> Mapping[str, str]:
        """Return where each node's page is."""
        return {name: f"{self.base}/{name}" for name in self.answers} | self.more

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as one of the nodes."""
        name = request.path.removeprefix("/")
        self.asked.append(name)
        return await self.answers[name](request)

    def tell(self, name: str, text: str, status: int = 200, **headers: str) -> None:
        """Have a node tell a text."""

        async def answer(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(text=text, status=status, headers=headers)

        self.answers[name] = answer


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    """Return nodes, of which there are none yet."""
    made = Nodes()
    runner = web.ServerRunner(web.Server(made.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.base = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def url(nodes: Nodes) -> AsyncIterator[str]:
    """Return where the page is."""
    settings = HttpSettings(listen=[SocketAddress("tcp", HOST, 0)], allow=[ipaddress.ip_network("127.0.0.0/8")])
    server = HttpServer(settings)
    await server.open()
    NodesPage(nodes.pages).add_to(server.routes)
    yield f"http://{server.addresses[0]}/metrics/nodes"
    await server.close()


async def scraped(url: str) -> dict[str, Metric]:
    async with ClientSession() as client, client.get(url) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, TEXT)
        return read(await response.text())


def up(found: Mapping[str, Metric]) -> dict[str, float]:
    return {labels["node"]: value for _, labels, value in series(found["rtprelay_node_metrics_up"])}


async def test_a_node_without_a_page_takes_nothing_from_the_others(
    nodes: Nodes, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes_page, "PATIENCE", ClientTimeout(total=0.5))
    hangs = asyncio.Event()

    async def hang(_request: web.BaseRequest) -> web.StreamResponse:
        await hangs.wait()
        return web.Response()

    async def never_end(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x 1\n" * 10_000)

    nodes.tell("good", "x 1\n")
    nodes.tell("failing", "x 2\n", status=500)
    nodes.tell("elsewhere", "x 3\n", status=302, Location=f"{nodes.base}/good")
    nodes.tell("garbage", "\0\n{}\n")
    nodes.answers |= {"hanging": hang, "endless": never_end}
    nodes.more["gone"] = "http://127.0.0.1:1/metrics"
    monkeypatch.setattr(nodes_page, "LONGEST", 1_000_000)
    with capture_logs() as logs:
        for _ in range(2):
            found = await scraped(url)
            assert series(found["x"]) == [("x", {"node": "good"}, 1)]
            good = {"good", "garbage"}
            assert up(found) == {name: float(name in good) for name in nodes.pages()}
    hangs.set()
    told = {line["node"]: line["why"] for line in logs}
    assert len(logs) == len(told) == 5, "once for each"
    assert told["failing"] == "the status is 500"
    assert told["endless"] == "the page has more than 1000000 bytes"


async def test_a_node_that_is_back_is_shown_and_the_next_failure_told(nodes: Nodes, url: str) -> None:
    with capture_logs() as logs:
        for status in (500, 200, 500):
            nodes.tell("one", "x 1\n", status=status)
            assert up(await scraped(url)) == {"one": status == 200}
    assert len(logs) == 2


async def test_scrapes_at_once_ask_the_nodes_once(nodes: Nodes, url: str) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_request: web.BaseRequest) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return web.Response(text="x 1\n")

    nodes.answers["one"] = wait
    several = [asyncio.create_task(scraped(url)) for _ in range(3)]
    await asked.wait()
    several.append(asyncio.create_task(scraped(url)))
    go_on.set()
    for each in several[:3]:
        assert up(await each) == {"one": 1}
    await several[3]
    assert len(nodes.asked) < len(several)


async def test_without_pages_it_says_so(url: str) -> None:
    async with ClientSession() as client, client.get(url) as response:
        assert (await response.text()).startswith("# No node has a page of metrics")
    assert await scraped(url) == {}
