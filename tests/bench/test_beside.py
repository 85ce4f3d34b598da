"""The bench of what goes on beside calls runs, and tells of each thing. What the figures are is no test's business."""

from __future__ import annotations

import re
import subprocess

import pytest

from bench.beside import KINDS
from bench.children import ROOT, run_module

pytestmark = pytest.mark.e2e

SMALL = ("--seconds", "1", "--rate", "60", "--pairs", "1", "--live", "100", "--events", "300")


def test_each_thing_that_can_go_on_is_measured() -> None:
    done = subprocess.run(
        run_module("bench.beside", *SMALL), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition("  ")[0].strip() for line in lines] == list(KINDS)
    assert all(re.search(r"added at p99 [+-][0-9.]+ ms .*; 0 errors$", line) for line in lines), lines
