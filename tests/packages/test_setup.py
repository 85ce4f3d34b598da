"""`script/setup` where there is no C compiler: the sources run, and it says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from hashlib import sha256
from pathlib import Path

import pytest

from tests.packages.built import ROOT, clean, copy_sources, run

pytestmark = pytest.mark.sources

NO_COMPILER = "setup: no C compiler with the headers of this Python: nothing is compiled, the sources run\n"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a checkout whose virtual environment is there already, with what the one that runs the tests has."""
    folder = copy_sources(tmp_path_factory.mktemp("checkout").resolve())
    shutil.copytree(ROOT / "script", folder / "script")
    environment = folder / ".venv"
    venv.create(environment, symlinks=True)
    paths = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    site.joinpath("dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    version = subprocess.run([sys.executable, "--version"], capture_output=True, check=True).stdout
    of = f"{folder}\n".encode() + version + folder.joinpath("pyproject.toml").read_bytes()
    environment.joinpath("stamp").write_text(f"{sha256(of).hexdigest()}  -\n")
    return folder


def setup(checkout: Path, *arguments: str, **environment: str) -> str:
    """Run it, and return what it says."""
    ran = subprocess.run(
        [checkout / "script" / "setup", *arguments],
        env=clean() | {"PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    return ran.stderr


def version(checkout: Path) -> str:
    return run([checkout / ".venv" / "bin" / "python", "-m", "rtp_relay", "--version"], cwd=checkout)


@pytest.mark.parametrize(
    ("when", "compiler"), [((), "/nonexistent"), (("--later",), "/nonexistent"), (("--later",), 'gcc "')]
)
def test_without_a_compiler_the_sources_run(checkout: Path, when: tuple[str, ...], compiler: str) -> None:
    assert setup(checkout, *when, CC=compiler) == NO_COMPILER
    assert version(checkout).endswith("(pure Python: not compiled)\n")


def test_without_one_in_the_path(checkout: Path, tmp_path: Path) -> None:
    """As on a machine that has none: what is in the path is linked into a folder, but for compilers."""
    if not shutil.which("redis-server"):
        pytest.skip("it would be installed")
    for folder in reversed(os.get_exec_path()):
        for file in Path(folder).glob("*"):
            if not any(word in file.name for word in ("cc", "clang", "g++", "c99", "c89")):
                link = tmp_path / file.name
                link.unlink(missing_ok=True)
                link.symlink_to(file)
    assert setup(checkout, "--later", PATH=str(tmp_path)) == NO_COMPILER
