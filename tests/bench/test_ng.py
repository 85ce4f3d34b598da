"""The bench runs, and what it prints has everything that was asked for. What the figures are is no test's business."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from bench.children import ROOT, run_module

pytestmark = pytest.mark.e2e

SMALL = [
    *("--calls", "20", "--warm-up", "5", "--window", "4", "--rate", "300"),
    *("--memory-calls", "20", "--settle", "0.5", "--recovery-calls", "50"),
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        run_module("bench.ng", *SMALL, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def measured(*arguments: str) -> dict[str, Any]:
    done = run("--json", *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def test_all_parts_are_measured() -> None:
    document = measured()
    assert {"cpu", "cores", "memory_gib", "system", "python", "load"} == set(document["machine"])
    for part in ("throughput", "paced"):
        check_speed(document[part])
    check_memory(document["memory"])
    check_recovery(document["recovery"])


def check_speed(speed: Mapping[str, Any]) -> None:
    for way, watched in (("direct", "relay"), ("floor", "forwarder"), ("service", "service")):
        outcome = speed[way]["outcome"]
        assert (outcome["operations"], outcome["errors"], outcome["timeouts"]) == (60, 0, 0)
        assert outcome["p50"] <= outcome["p90"] <= outcome["p99"] <= outcome["max"]
        assert watched in speed[way]["cpu"]
    assert set(speed["added_ms"]) == {"p50", "p90", "p99", "max"}
    assert "ratio_to_floor" in speed


def check_memory(memory: Mapping[str, Any]) -> None:
    assert memory["calls"] == 20
    assert memory["resident_call"] == (memory["resident"] - memory["warm"]) / 20
    assert memory["passive_call"] == (memory["passive_twice"] - memory["passive_once"]) / 20


def check_recovery(recovery: Mapping[str, Any]) -> None:
    assert (recovery["calls"], recovery["requests"]) == (50, 50)
    assert (recovery["errors"], recovery["timeouts"]) == (0, 0)
    assert 0 < recovery["first"] <= recovery["thousandth"]


def test_only_the_parts_asked_for_are_measured_and_tables_are_printed() -> None:
    done = run("--parts", "paced", "--delete-reply", "short")
    assert done.returncode == 0, done.stderr
    assert "Paced, 300 operations/s" in done.stdout
    assert "service to floor" in done.stdout
    assert "Full load" not in done.stdout
    assert "Recovery" not in done.stdout


@pytest.mark.parametrize("durability", ["fsync", "replica"])
def test_each_durability_can_be_measured(durability: str) -> None:
    check_speed(measured("--parts", "throughput", "--durability", durability)["throughput"])


def test_real_relays_can_be_measured() -> None:
    check_speed(measured("--parts", "throughput", "--relays", "real")["throughput"])


def test_an_unknown_part_is_named() -> None:
    done = run("--parts", "thoughput")
    assert done.returncode == 2
    assert "thoughput" in done.stderr
