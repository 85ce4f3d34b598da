"""The documents say what is true: their Python is run in the examples, their links lead on, no name is missing."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from engines.route.parameters import PARAMETERS
from events.decisions import DECISION_TYPES
from events.registry import EVENT_TYPES
from replay.relay_settings import CONTEXT_SETTINGS, LEG_SETTINGS
from rtp_relay.api.errors import RelayError

ROOT = Path(__file__).parents[2]
WITH_SNIPPETS = ("README.md", "docs/python-api.md", "docs/from-opensips.md")
PAGES = sorted(str(page.relative_to(ROOT)) for folder in ("", "docs") for page in (ROOT / folder).glob("*.md"))


def read(page: str) -> str:
    return (ROOT / page).read_text()


def is_part_of(snippet: str, program: str) -> bool:
    """Return whether the lines stand in the program one after the other, at any indentation."""
    wanted, lines = snippet.splitlines(), program.splitlines()
    parts = (lines[start : start + len(wanted)] for start in range(len(lines) - len(wanted) + 1))
    return any(dedent("\n".join(part)).splitlines() == wanted for part in parts)


@pytest.mark.parametrize("page", WITH_SNIPPETS)
def test_snippets_are_parts_of_examples(page: str) -> None:
    programs = [file.read_text() for file in (ROOT / "examples").glob("*/*.py")]
    snippets = re.findall(r"^```python\n(.*?)^```", read(page), flags=re.MULTILINE | re.DOTALL)
    assert snippets
    assert [snippet for snippet in snippets if not any(is_part_of(snippet, program) for program in programs)] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", read(page))
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_each_event_is_explained() -> None:
    text = read("docs/operations.md")
    assert [event.name for event in (*EVENT_TYPES, *DECISION_TYPES) if f"`{event.name}`" not in text] == []


def test_each_setting_and_route_parameter_has_its_counterpart() -> None:
    text = read("docs/opensips-compatibility.md")
    names = {*LEG_SETTINGS, *CONTEXT_SETTINGS}.union(*PARAMETERS.values())
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_the_errors_of_the_python_api_are_those_that_it_raises() -> None:
    table = read("docs/python-api.md").partition("## Errors")[2]
    assert set(re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE)) == {
        error.__name__ for error in RelayError.__subclasses__()
    }
