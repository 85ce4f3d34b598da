"""What docs/metrics.md says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).parents[2] / "docs" / "metrics.md"
TEXT = FILE.read_text("utf-8")


def documented() -> Mapping[str, frozenset[str]]:
    """Return the labels of each metric that a table has, by its name without the prefix."""
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\| [^|]+ \|$", TEXT, flags=re.MULTILINE)
    assert len({name for name, _ in rows}) == len(rows), "a metric has two rows"
    return {name: frozenset(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def queries() -> list[str]:
    """Return the examples in PromQL."""
    blocks = re.findall(r"```promql\n(.*?)```", TEXT, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if not line.startswith("#")]


def alerts() -> frozenset[str]:
    """Return the alerts that are named."""
    lines = re.findall(r"^Alert: (.*)$", TEXT, flags=re.MULTILINE)
    return frozenset(name for line in lines for name in re.findall(r"`(\w+)`", line))
