"""The bench of the commands about ended calls."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from bench.histories import Plan, app, tasks

pytestmark = pytest.mark.e2e


def test_each_command_is_measured() -> None:
    result = CliRunner().invoke(app, ["--calls", "20", "--live", "5", "--exported", "10"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for name, task in tasks(Plan(calls=20, live=5, exported=10)).items():
        assert re.search(rf"{name} +│ +{task.calls} ", result.stdout), result.stdout
    for told in ("20 ended calls", ".jsonl: ", ".parquet: "):
        assert told in result.stdout


def test_a_command_that_is_none_is_named() -> None:
    result = CliRunner().invoke(app, ["--only", "search,nothing"])
    assert result.exit_code == 2
    assert "nothing: not among" in result.stderr
