"""The man page says what the commands say of themselves, in what man reads."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from packages.man_page import man_page
from rtp_relay.cli.app import app

PAGE = man_page()
TEXT = re.sub(r"\\f.", "", PAGE.replace("\\-", "-").replace("\\&", ""))

pytestmark = pytest.mark.sources


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in getattr(group, "commands", {}).items():
        found += [(*path, name), *commands(command, (*path, name))]
    return found


ALL = commands(typer.main.get_command(app))


def section(name: str) -> str:
    return TEXT.partition(f".SS {name}\n")[2].partition("\n.S")[0]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_each_command_is_there_with_all_its_options(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "300"}).output
    there = section(f"rtp-relay {' '.join(path)}")
    wanted = set(re.findall(r"^\W*(--[a-z][a-z-]*)", shown, flags=re.MULTILINE)) - {"--help"}
    assert wanted or path == ("node",)
    assert [option for option in sorted(wanted) if option not in there] == []
    name, arguments = there.splitlines()[:2]
    assert f"Usage: {name.removeprefix('.B ')} {arguments}" in " ".join(shown.split())


def test_each_exit_code_is_there() -> None:
    codes = re.findall(r"\b(\d) ", TEXT.partition(".SH EXIT STATUS")[2].partition(".SH")[0])
    assert codes == list("012345")


def test_no_line_is_a_request_by_accident() -> None:
    requests = {line.split()[0] for line in PAGE.splitlines() if line.startswith((".", "'"))}
    assert requests == {".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I", ".BR", ".nh", ".ad"}


def test_man_has_no_complaint() -> None:
    if shutil.which("groff") is not None:
        ran = subprocess.run(["groff", "-man", "-ww", "-z"], input=PAGE.encode(), capture_output=True, check=True)
        assert ran.stderr == b""
