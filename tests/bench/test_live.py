"""The bench of many live calls runs. What the figures are is no test's business."""

from __future__ import annotations

import re
import subprocess

import pytest

from bench.children import ROOT, run_module

pytestmark = pytest.mark.e2e


def test_both_numbers_of_calls_are_measured() -> None:
    small = ("--few", "10", "--many", "200", "--pairs", "1", "--calls", "60", "--window", "4")
    done = subprocess.run(
        run_module("bench.live", *small), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    few, many, ratio = done.stdout.splitlines()
    assert (few.split()[0], many.split()[0]) == ("10", "200")
    assert re.search(r"costs [0-9.]+ times", ratio)
