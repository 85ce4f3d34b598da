"""A project of one module, built as ours is: by our setup.py, with our loader."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("RTP_RELAY_PURE", "CC")}

HOT = """\
from hot.limits import LIMIT


def limited(numbers: list[int]) -> int:
    return min(sum(numbers), LIMIT)
"""
LIMITS = "from typing import Final\n\nLIMIT: Final = 10\n"
PYPROJECT = """\
[project]
name = "hot"
version = "1"

[tool.setuptools]
packages = ["hot", "rtp_relay", "rtp_relay.compiled"]

[tool.rtp-relay]
compiled = ["hot/module.py"]
"""
USE = """\
from rtp_relay.compiled import code_in_use
print(code_in_use())
from hot import module
print(module.limited([7, 8]), module.__file__.rpartition('.')[2])
"""


class Project:
    """The project, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hot, self.limits = folder / "hot/module.py", folder / "hot/limits.py"
        self.built = folder / "rtp_relay/compiled"
        self.hot.parent.mkdir()
        self.built.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        self.hot.write_text(HOT)
        self.limits.write_text(LIMITS)
        for package in (self.hot.parent, self.built.parent):
            (package / "__init__.py").touch()
        shutil.copy(ROOT / "setup.py", folder)
        shutil.copy(ROOT / "rtp_relay/compiled/__init__.py", self.built)

    def build(self, **environment: str) -> str:
        """Build in place, and return what was said."""
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        ran = subprocess.run(
            command, cwd=self.folder, env=ENVIRONMENT | environment, capture_output=True, text=True, check=True
        )
        return ran.stderr

    def use(self, program: str = USE, **environment: str) -> list[str]:
        """Return the lines that a program in the project prints."""
        ran = subprocess.run(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env=ENVIRONMENT | environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout.splitlines()
