"""A project of a module, and of one that is there in C, too, built as ours is: by our setup.py, with our loader."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("RTP_RELAY_PURE", "CC")}

HOT = """\
from __future__ import annotations

from dataclasses import dataclass

from hot.limits import LIMIT


@dataclass(frozen=True, slots=True)
class Numbers:
    all: list[int]
    limit: int = LIMIT

    def limited(self) -> int:
        return min(sum(self.all), self.limit)


def limited(numbers: list[int]) -> int:
    return Numbers(numbers).limited()
"""
LIMITS = "from typing import Final\n\nLIMIT: Final = 10\n"
IN_PYTHON = 'def language() -> str:\n    return "Python"\n'
IN_C = """\
#include <Python.h>

static PyObject *language(PyObject *module, PyObject *nothing)
{
    return PyUnicode_FromString("C");
}

static PyMethodDef functions[] = {{"language", language, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "written", .m_methods = functions};

PyMODINIT_FUNC PyInit_written(void)
{
    return PyModule_Create(&definition);
}
"""
PYPROJECT = """\
[project]
name = "hot"
version = "1"

[tool.rtp-relay]
parts = ["hot"]
compiled = ["hot/module.py"]
in-c = ["hot/written.c"]

[tool.setuptools.package-data]
"*" = ["*.c"]
"""
USE = """\
from rtp_relay.compiled import code_in_use
print(code_in_use())
from hot import module
print(module.limited([7, 8]), module.__file__.rpartition('.')[2])
"""


LANGUAGE = """\
from rtp_relay.compiled import code_in_use
print(code_in_use())
from {}hot.written import language
print(language())
"""


class Site:
    """A folder in which Python finds the project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def use(self, program: str = USE, **environment: str) -> list[str]:
        """Return the lines that a program there prints."""
        return _run(["-c", program], self.folder, environment).stdout.splitlines()


class Project(Site):
    """The project, in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.hot, self.limits = folder / "hot/module.py", folder / "hot/limits.py"
        self.in_python, self.in_c = folder / "hot/written.py", folder / "hot/written.c"
        self.built = folder / "rtp_relay/compiled"
        self.hot.parent.mkdir()
        self.built.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        self.hot.write_text(HOT)
        self.limits.write_text(LIMITS)
        self.in_python.write_text(IN_PYTHON)
        self.in_c.write_text(IN_C)
        for package in (self.hot.parent, self.built.parent):
            (package / "__init__.py").touch()
        shutil.copy(ROOT / "setup.py", folder)
        shutil.copytree(ROOT / "packages", folder / "packages")
        for file in ("__init__.py", "values.py"):
            shutil.copy(ROOT / "rtp_relay/compiled" / file, self.built)

    def build(self, **environment: str) -> str:
        """Build in place, and return what was said."""
        return _run(["setup.py", "-q", "build_ext", "--inplace"], self.folder, environment).stderr

    def wheel(self) -> Site:
        """Return where a wheel of the project was unpacked."""
        _run(["-c", "from setuptools.build_meta import build_wheel; build_wheel('.')"], self.folder, {})
        [wheel] = self.folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.folder / "site")
        return Site(self.folder / "site")


def _run(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python there; CalledProcessError if it fails."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=ENVIRONMENT | dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
