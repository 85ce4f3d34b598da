"""docs/configuration.md and the code say the same."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

import pytest

from rtp_relay.config import Config, NodeConfig, parse
from rtp_relay.config.load import SECTIONS

TEXT = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text("utf-8")
CLASSES = {f"[{name}]": cls for name, cls in SECTIONS.items()} | {"[[nodes]]": NodeConfig}
IN_WORDS = {
    ("[service]", "name"),
    ("[service]", "state_dir"),
    ("[journal]", "url"),
    ("[[nodes]]", "metrics"),
    ("[embedded]", "recordings"),
    ("[route]", "script"),
    ("[http]", "listen"),
    *(("[mi]", key) for key in ("token_file", "socket")),
    ("[hep]", "key_file"),
    ("[web]", "login_file"),
    ("[privacy]", "key_file"),
    *(("[events]", key) for key in ("webhook_secret_file", "dtmf")),
    ("[calls]", "xmlrpc_notices"),
    ("[tracing]", "endpoint"),
    *(("[sip]", key) for key in ("advertise", "script", "engine", "next_hop", "allow", "relay_to")),
    *(("[sip]", key) for key in ("certificate", "key", "ca")),
}


def sections() -> dict[str, str]:
    parts = re.split(r"^## (.*)$", TEXT, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(section: str) -> dict[str, str]:
    """Return the default of each documented key, as the table has it."""
    table = re.split(r"\| key \| type \| default \| what it is \|\n\|---\|---\|---\|---\|\n", section)[1]
    lines = table.split("\n\n")[0].strip().splitlines()
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert all(len(row) == 4 and all(row) for row in cells)
    return {row[0].strip("`"): row[2] for row in cells}


def keys() -> Iterator[tuple[str, Field[Any]]]:
    for heading, cls in CLASSES.items():
        for key in fields(cls):
            if "read" in key.metadata:
                yield heading, key


def test_the_sections_are_those_of_the_code() -> None:
    assert list(sections()) == [f"[[{key.name}]]" if key.name == "nodes" else f"[{key.name}]" for key in fields(Config)]


@pytest.mark.parametrize("heading", CLASSES)
def test_the_keys_are_those_of_the_code(heading: str) -> None:
    in_code = [key.name for section, key in keys() if section == heading]
    assert list(rows(sections()[heading])) == in_code


@pytest.mark.parametrize(("heading", "key"), [pytest.param(*item, id=f"{item[0]}{item[1].name}") for item in keys()])
def test_the_default_is_that_of_the_code(heading: str, key: Field[Any]) -> None:
    documented = rows(sections()[heading])[key.name]
    if key.default is MISSING and key.default_factory is MISSING:
        assert documented == "required"
    elif (heading, key.name) in IN_WORDS:
        assert not documented.startswith('`"')
    else:
        value = tomllib.loads(f"key = {documented.strip('`')}")["key"]
        default = key.default if key.default_factory is MISSING else key.default_factory()
        assert key.metadata["read"](value) == default


@pytest.mark.parametrize("heading", CLASSES)
def test_the_example_can_be_used(heading: str, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    for year in ("2024", "2025"):
        file = tmp_path / "keys" / f"{year}.key"
        file.touch(mode=0o600)
        file.write_text("ab" * 32)
    tokens = tmp_path / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text("alice operate 0123456789abcdef\n")
    (tmp_path / "relay_routes.py").write_text("def custom_rtp_offer(call): ...\n")
    (tmp_path / "route.py").write_text("")
    (example,) = re.findall(r"```toml\n(.*?)```", sections()[heading], flags=re.DOTALL)
    assert example.startswith(f"{heading}\n")
    assert parse(example, tmp_path / "rtp-relay.toml") != Config() or heading == "[embedded]"
