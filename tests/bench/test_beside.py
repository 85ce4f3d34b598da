"""The bench of what goes on beside calls runs, and tells of each thing. What the figures are is no test's business."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence

import pytest

from bench.beside import KINDS
from bench.children import ROOT, run_module

pytestmark = pytest.mark.e2e

SMALL = ("--seconds", "1", "--rate", "60", "--pairs", "1", "--live", "100")


@pytest.mark.parametrize(
    ("module", "options", "kinds"),
    [
        ("bench.beside", ("--events", "300"), list(KINDS)),
        ("bench.beside_commands", ("--calls", "100"), ["nothing", "export"]),
    ],
)
def test_each_thing_that_can_go_on_is_measured(module: str, options: Sequence[str], kinds: list[str]) -> None:
    chosen = ("--only", ",".join(kinds)) if module == "bench.beside_commands" else ()
    done = subprocess.run(
        run_module(module, *SMALL, *options, *chosen),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if "p99" in line]
    assert [line.partition("  ")[0].strip() for line in lines] == kinds
    assert all(re.search(r"added at p99 [+-][0-9.]+ ms .*; 0 errors$", line) for line in lines), lines
