"""Each Python here that the program is for imports all of it without a warning, and serves a call.

`script/pythons` runs all tests in an environment for each; that takes long.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packages.built import ROOT, clean
from tests.peers.rtpproxy import Rtpproxy

pytestmark = pytest.mark.sources


def pythons() -> dict[str, Path]:
    """Return the other Pythons of this machine, from 3.11 on, by their versions: those of the path and of pyenv."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin")
    found = {python.name.removeprefix("python"): python for folder in folders for python in _named(folder)}
    found.pop(f"3.{sys.version_info.minor}", None)
    return {version: found[version] for version in sorted(found)}


def _named(folder: Path) -> Iterator[Path]:
    for file in folder.glob("python3.*"):
        version = re.fullmatch(r"python3\.(\d+)", file.name)
        if version and int(version[1]) >= 11 and _runs(file):
            yield file


def _runs(python: Path) -> bool:
    """Return whether it is a Python: pyenv has programs by these names that say that there is none."""
    asked = subprocess.run([python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, check=False)
    return asked.returncode == 0


PYTHONS = pythons()


def run(python: Path, *arguments: str) -> str:
    path = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    ran = subprocess.run(
        [python, "-W", "error", *arguments],
        cwd=ROOT,
        env=clean() | {"PYTHONPATH": path, "RTP_RELAY_PURE": "1", "AIOHTTP_NO_EXTENSIONS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS.keys())
async def test_a_call_is_served(python: Path) -> None:
    async with Rtpproxy() as relay:
        assert run(python, "-m", "tests.packages.other_python", relay.url) == "ok ok ok sessions:1"
