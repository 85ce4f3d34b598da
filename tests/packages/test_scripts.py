"""The scripts of a checkout say how they are used, before they do anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packages.built import ROOT, clean

pytestmark = pytest.mark.sources

NAMES = ("deb", "pythons", "serve", "setup", "test")


def run(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a folder that has nothing else, so that it would fail if it did more than to tell its usage."""
    shutil.copytree(ROOT / "script", folder / "script")
    command = [str(folder / "script" / name), *arguments]
    ran = subprocess.run(command, cwd=folder, env=clean(), capture_output=True, text=True, check=False)
    assert [path.name for path in folder.iterdir()] == ["script"]
    return ran


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--fast", "--help")])
@pytest.mark.parametrize("name", NAMES)
def test_help_is_the_head_of_the_script(tmp_path: Path, name: str, arguments: tuple[str, ...]) -> None:
    ran = run(tmp_path, name, *arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"\n  script/{name} [" in ran.stdout
    assert "set -euo" not in ran.stdout


def test_setup_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    ran = run(tmp_path, "setup", "--later", "--peer")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[0].endswith("script/setup: unknown argument: --peer")
    assert "script/setup [--sources | --later] [--peers]" in ran.stderr


def test_each_script_is_tried() -> None:
    assert sorted(path.name for path in (ROOT / "script").iterdir()) == sorted((*NAMES, "usage"))
