"""The SIP bench runs, and prints what was asked for. What the figures are is no test's business."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from bench.children import ROOT, run_module

pytestmark = pytest.mark.e2e

SMALL = ["--rates", "10", "--seconds", "1", "--warm-up", "0"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        run_module("bench.sip", *SMALL, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def measured(*arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    done = run("--json", *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert {"cpu", "cores", "memory_gib", "system", "python", "load"} == set(document["machine"])
    return {(entry["relays"], entry["way"]): entry for entry in document["measured"]}


def test_the_same_calls_go_each_way() -> None:
    entries = measured()
    ways = {
        "direct": set(),
        "door": {"service", "redis", "relay"},
        "kamailio": {"kamailio", "relay"},
        "floor": {"floor", "redis", "relay"},
    }
    assert set(entries) == {(relays, way) for relays in ("fake", "real") for way in ways}
    for (_, way), entry in entries.items():
        calls = entry["calls"]
        assert (entry["asked"], calls["asked"], calls["completed"]) == (10, 10, 10)
        assert (calls["refused"], calls["failed"]) == (0, 0)
        assert 0 < calls["p50"] <= calls["p90"] <= calls["p99"] <= calls["max"]
        assert set(entry["cpu"]) == ways[way]


def test_the_floor_is_measured_without_what_is_behind_it() -> None:
    entries = measured("--ways", "floor-without-redis,floor-without-relay,floor-without-both", "--relays", "fake")
    watched = {
        "floor-without-redis": {"floor", "relay"},
        "floor-without-relay": {"floor", "redis"},
        "floor-without-both": {"floor"},
    }
    assert {way: set(entry["cpu"]) for (_, way), entry in entries.items()} == watched
    assert {entry["calls"]["completed"] for entry in entries.values()} == {10}


def test_only_what_is_asked_for_is_measured_and_tables_are_printed() -> None:
    done = run("--ways", "kamailio", "--relays", "fake", "--hold", "50")
    assert done.returncode == 0, done.stderr
    assert "SIPp to SIPp, fake relay" in done.stdout
    assert "kamailio" in done.stdout
    assert "door" not in done.stdout
    assert "real relay" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [(("--ways", "opensips"), "opensips"), (("--relays", "fake,none"), "none"), (("--rates", "10,0"), "at least one")],
)
def test_what_cannot_be_measured_is_named(arguments: tuple[str, ...], named: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert named in done.stderr
