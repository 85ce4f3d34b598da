"""The Python in the documents is taken from the examples, which are run."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/python-api.md",)


def snippets(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def is_part_of(snippet: str, program: str) -> bool:
    """Tell whether the lines stand in the program one after the other, at any indentation."""
    wanted, lines = snippet.splitlines(), program.splitlines()
    parts = (lines[start : start + len(wanted)] for start in range(len(lines) - len(wanted) + 1))
    return any(dedent("\n".join(part)).splitlines() == wanted for part in parts)


@pytest.mark.parametrize("page", PAGES)
def test_snippets_are_parts_of_examples(page: str) -> None:
    programs = [file.read_text() for file in (ROOT / "examples" / "python").glob("*.py")]
    found = snippets(page)
    assert found
    for snippet in found:
        assert any(is_part_of(snippet, program) for program in programs), snippet
