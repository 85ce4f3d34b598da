"""The bench of the commands about ended calls."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from bench.histories import COMMANDS, app

pytestmark = pytest.mark.e2e


def test_each_command_is_measured() -> None:
    result = CliRunner().invoke(app, ["--calls", "20"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for words in COMMANDS:
        assert " ".join(words) in result.stdout
    for told in ("20 ended calls", ".jsonl: ", ".parquet: "):
        assert told in result.stdout
