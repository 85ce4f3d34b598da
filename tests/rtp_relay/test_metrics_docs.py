"""docs/metrics.md and the catalogue say the same; tests/e2e/metrics compares with what a process tells."""

from __future__ import annotations

from collections.abc import Iterable

from actors.adoption import AdoptionCounters
from actors.call_counters import CallCounters
from actors.control.counters import samples_of
from actors.node_counters import NodeCounters
from gateways.hep.capture import HepCounters
from gateways.http.metrics.catalogue import CATALOGUE
from gateways.ng.counters import NgCounters
from gateways.sip.proxy.settings import ProxyCounters
from gateways.sip.transactions.counters import TransactionCounters
from gateways.webhooks.counters import WebhookCounters
from rtp_relay.audit.reconciling import ReconcileCounters
from tests.rtp_relay.metrics_page import documented

PARTS: Iterable[tuple[str, object]] = (
    ("adoption", AdoptionCounters()),
    ("calls", CallCounters()),
    ("hep", HepCounters()),
    ("node", NodeCounters()),
    ("ng", NgCounters()),
    ("proxy", ProxyCounters()),
    ("reconcile", ReconcileCounters()),
    ("sip", TransactionCounters()),
    ("webhooks", WebhookCounters()),
)


def test_each_metric_has_its_row_and_each_row_its_metric() -> None:
    known = {place.metric.name: {*dict(place.labels), *place.names} for place in CATALOGUE.values()}
    written = {name.removesuffix("_total"): labels for name, labels in documented().items()}
    assert written.keys() == known.keys()
    assert {name: set(labels) for name, labels in written.items()} == known


def test_whatever_parts_count_is_in_the_catalogue() -> None:
    counted = {(part, name) for part, counters in PARTS for name in _names(counters)}
    assert counted - CATALOGUE.keys() == set()


def _names(counters: object) -> Iterable[str]:
    named = {sample.name for sample in samples_of("x", counters)}
    tables = (name for name in counters.__dataclass_fields__ if not name.startswith("_"))  # type: ignore[attr-defined]
    return named.union(tables)
