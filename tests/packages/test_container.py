"""The image of a container: what its file says, and that its steps lead to the program."""

from __future__ import annotations

import json
import re
import shutil
import sys
import sysconfig
from fnmatch import fnmatch
from pathlib import Path

import pytest

from rtp_relay.config.http import USUAL
from tests.packages.built import LEFT_OUT, ROOT, run
from tests.packages.containerfile import read

pytestmark = pytest.mark.sources

FILE = ROOT / "packages/container/Containerfile"
BUILD, IMAGE = read(FILE)


def test_it_is_made_in_stages_of_named_versions() -> None:
    assert BUILD.name == "build"
    for stage in (BUILD, IMAGE):
        name, _, tag = stage.base.rpartition(":")
        assert name
        assert re.match(r"\d+\.\d+", tag)
    assert [step for step in IMAGE.all("RUN") if "apt" in step or "pip" in step] == []


def test_it_runs_as_a_user_by_number_that_is_not_root() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", IMAGE.all("USER")[-1])
    after = [word for word, _ in IMAGE.steps[[word for word, _ in IMAGE.steps].index("USER") :]]
    assert {"RUN", "COPY", "ADD"} & set(after) == set()


def test_its_health_is_asked_of_the_service() -> None:
    [check] = IMAGE.all("HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    assert f"http://{USUAL.host}:{USUAL.port}/healthz" in command[-1]
    compile(command[-1], "healthcheck", "exec")


def test_its_program_and_signal() -> None:
    assert json.loads(IMAGE.all("ENTRYPOINT")[-1]) == ["rtp-relay"]
    assert json.loads(IMAGE.all("CMD")[-1]) == ["serve"]
    assert IMAGE.all("STOPSIGNAL") == ["SIGTERM"]


def test_what_is_copied_is_there_and_not_ignored() -> None:
    lines = FILE.with_suffix(".dockerignore").read_text().splitlines()
    taken = {line.removeprefix("!") for line in lines if line.startswith("!")}
    for sources, _ in BUILD.copies() + IMAGE.copies():
        for source in sources:
            assert (ROOT / source).exists(), source
            assert any(fnmatch(source, pattern) or source.startswith(f"{pattern}/") for pattern in taken), source


def others(folder: Path) -> str:
    """Return a folder with the packages of others that the environment of the tests has."""
    found = folder / "others"
    found.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("rtp_relay", "__editable__", "pip")):
            (found / entry.name).symlink_to(entry)
    return str(found)


@pytest.mark.e2e
def test_its_steps_make_the_program(tmp_path: Path) -> None:
    """Run what installs it, on what it is given: all but the packages of others."""
    sources, home = tmp_path / "src", tmp_path / "rtp-relay"
    sources.mkdir()
    for names, target in BUILD.copies():
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, sources / target, ignore=LEFT_OUT)
            else:
                shutil.copy(ROOT / name, sources / target)
    [install] = [step for step in BUILD.all("RUN") if "packages/container" in step]
    command = install.replace("/opt/rtp-relay", str(home)) + " --no-deps --no-build-isolation --no-index"
    bin_of_python = tmp_path / "bin"
    bin_of_python.mkdir()
    python = bin_of_python / "python3"  # a link would be the Python that has no packages, and on Debian no pip either
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    path = f"PATH={bin_of_python}:$PATH"
    said = run(["sh", "-c", f"{path}; {command}"], cwd=sources, PYTHONPATH=others(tmp_path), RTP_RELAY_PURE="1")
    assert said.startswith("rtp-relay ")
    assert not (home / "bin/pip").exists()
    [package] = home.glob("lib/*/site-packages/rtp_relay")
    assert list(package.glob("events/__pycache__/*.pyc"))
