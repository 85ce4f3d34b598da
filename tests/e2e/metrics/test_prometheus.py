"""The examples for Prometheus and Grafana, and the queries of docs/metrics.md, with a real Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.peer import wait_until
from tests.peers.prometheus import EXAMPLES, Prometheus
from tests.peers.redis_server import RedisServer
from tests.peers.rtp import make_sdp
from tests.peers.rtpproxy import Rtpproxy
from tests.peers.service import Node, Service
from tests.rtp_relay.metrics_page import alerts, documented, queries

pytestmark = pytest.mark.e2e

DASHBOARD = EXAMPLES.parent / "grafana" / "rtp-relay.json"
RULES = (EXAMPLES / "rtp-relay.rules.yml").read_text()


def of_dashboard() -> Iterator[str]:
    """Return the queries of the dashboard, as Grafana sends them."""
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*")


def test_promtool_takes_the_examples(tmp_path: Path) -> None:
    for what, name in (("rules", "rtp-relay.rules.yml"), ("config", "prometheus.yml")):
        command = ["promtool", "check", what, str(EXAMPLES / name)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (ended.returncode, "WARN" in ended.stdout) == (0, False), ended.stdout + ended.stderr


def test_each_alert_is_in_the_docs_and_each_metric_of_a_query_is_one() -> None:
    assert alerts() == set(re.findall(r"- alert: (\w+)", RULES))
    for text in (RULES, *of_dashboard(), *queries()):
        for name in re.findall(r"rtprelay_(\w+)", text):
            assert name in documented() or re.sub("_(bucket|sum|count)$", "", name) in documented(), name


async def test_a_real_prometheus_takes_all_queries_and_rules() -> None:
    async with (
        RedisServer() as redis,
        Rtpproxy() as relay,
        Service(redis.url, [Node("relay-1", relay)]) as service,
        service.client() as client,
        Prometheus(service.http.removeprefix("http://")) as prometheus,
    ):
        await client.command("offer", call_id="one", from_tag="a", sdp=make_sdp(("127.0.0.1", 4000)))
        for query in (*queries(), *of_dashboard()):
            await prometheus.query(query)

        async def are_seen() -> bool:
            offers = await prometheus.query('sum(rtprelay_requests_total{verb="offer", outcome="ok"})')
            return offers == [1.0] and await prometheus.query("max(rtprelay_calls)") == [1.0]

        await wait_until(are_seen, "the numbers are there")
        took = "histogram_quantile(0.99, sum by (le) (rtprelay_request_duration_seconds_bucket))"
        assert 0 < (await prometheus.query(took))[0] <= 10

        async def rules_are_ok() -> bool:
            return set((await prometheus.rules()).values()) == {"ok"}

        await wait_until(rules_are_ok, "all rules were worked out")
        assert await prometheus.query('ALERTS{alertstate="firing", severity="critical"}') == []
