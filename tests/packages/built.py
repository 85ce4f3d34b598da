"""Builds of this program, made of a copy of its sources: sdists, wheels, and an environment that has one installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("events", "replay", "engines", "actors", "gateways")
FOLDERS = ("rtp_relay", *PARTS, "packages", "docs", "examples")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.so", "manifest*.json", "*.egg-info")


def copy_sources(folder: Path) -> Path:
    """Copy what builds need into a folder, and return it."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=LEFT_OUT)
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    return folder


def build(kind: str, sources: Path, into: Path, **environment: str) -> Path:
    """Build the "wheel" or "sdist" of sources, and return its file."""
    program = f"import sys; from setuptools.build_meta import build_{kind}; build_{kind}(sys.argv[1])"
    run([sys.executable, "-W", "ignore", "-c", program, str(into)], cwd=sources, **environment)
    [file] = into.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return file


def run(command: list[str | Path], *, cwd: Path, **environment: str) -> str:
    """Run a command without this checkout in its path, and return what it prints."""
    ran = subprocess.run(command, cwd=cwd, env=clean() | environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def clean() -> dict[str, str]:
    """Return the environment without what points to a checkout, or says which code runs."""
    left_out = ("PYTHONPATH", "RTP_RELAY_PURE", "RTP_RELAY_CONFIG", "CC")
    return {name: value for name, value in os.environ.items() if name not in left_out}


class Installation:
    """A virtual environment with a wheel, and the dependencies of the environment that runs the tests."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.program = folder / "bin" / "rtp-relay"
        paths = {"base": str(folder), "platbase": str(folder)}
        self.site = Path(sysconfig.get_path("purelib", "venv", paths))
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", self.python, "--disable-pip-version-check"]
        run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], cwd=folder)
        # A folder that a .pth file names has no say itself: the editable installation there counts for nothing here.
        self.site.joinpath("dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def answer(self, program: str) -> str:
        """Return what a program prints that runs there."""
        return run([self.python, "-c", program], cwd=self.folder).strip()
