"""The build: what a wheel holds, and what of it is compiled (docs/packages.md).

The parts that pyproject.toml lists are subpackages in a wheel, and its modules import them as such
(`packages/parts.py`); an editable installation has them as the checkout does.

The modules that pyproject.toml lists are compiled, too, where there is a C compiler: by mypyc, or from C, in which they
are there as well. What comes of it goes into `rtp_relay/compiled/`, beside a manifest of what it was made of; which
code runs is decided at start (`rtp_relay/compiled/__init__.py`). This makes no installation fail: without a compiler,
with `RTP_RELAY_PURE=1` and after a fault of the build there are the sources alone.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from setuptools import Distribution, Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

# ruff: noqa: E402 - a build does not look for modules here by itself
from packages.native_values import written_out
from packages.parts import UnmovableError, moved

PACKAGE = "rtp_relay"
FOLDER = f"{PACKAGE}/compiled"
PURE = "RTP_RELAY_PURE"
MYPYC = "mypy~=2.4.1"
"""The series whose compiled code the tests have seen."""

COMPILER_OPTIONS = ["-Wno-error", "-fvisibility=hidden"]
"""Other compilers warn of more. What a library shows to others it reaches by a detour itself."""

TRASHCAN = ROOT / "packages" / "trashcan.h"

OPTIONS = ["--config-file=", "--ignore-missing-imports", "--explicit-package-bases", "--follow-imports=silent"]
"""What is imported from elsewhere need not be there: then the compiled code takes it as it comes."""


class BuildParts(build_py):
    """Has the modules of a wheel import the parts as what they are there."""

    def run(self) -> None:
        """Build all anew: what an earlier build left may have been renamed since."""
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()

    def build_module(self, module: str, module_file: str, package: str) -> tuple[str, bool]:
        """Put a module in its place."""
        outfile, copied = super().build_module(module, module_file, package)
        try:
            Path(outfile).write_bytes(moved(Path(module_file).read_bytes(), PROJECT["parts"], PACKAGE))
        except UnmovableError as fault:
            raise SystemExit(f"{module_file}: {fault}") from None
        return outfile, copied


class InPlace(editable_wheel):
    """An editable installation: everything is found where it is, by the names that it has there."""

    def initialize_options(self) -> None:
        """Set what the distribution has."""
        self.distribution.packages = [name for one in (PACKAGE, *PROJECT["parts"]) for name in below(one)]
        self.distribution.package_dir = {}
        super().initialize_options()


class BuildCompiled(build_ext):
    """Builds the compiled modules in place (`--inplace`, editable) or for a wheel."""

    def run(self) -> None:
        """Build them, or say why not."""
        root = ROOT if self.inplace else Path(self.build_lib).absolute()
        listed = PROJECT["compiled"] + (PROJECT.get("in-c", []) if sys.platform == "linux" else [])
        sources = listed if self.inplace else [installed(source) for source in listed]
        clear(root / FOLDER)
        if not self.extensions:
            return
        try:
            build(root, sources)
        except (Exception, SystemExit) as fault:  # mypyc exits when it does not compile a module
            print(f"rtp-relay: built without compiled modules: {fault}", file=sys.stderr)

    def get_outputs(self) -> list[str]:
        """Return nothing: what was built is found where it is."""
        return []

    def get_output_mapping(self) -> dict[str, str]:
        """Return nothing, as above."""
        return {}


def project() -> dict[str, list[str]]:
    """Return what pyproject.toml says to this file: the parts, and the sources to compile."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        said: dict[str, list[str]] = tomllib.load(file)["tool"]["rtp-relay"]
    return said


PROJECT = project()


def below(package: str) -> list[str]:
    """Return the names of a package in the checkout and of all that are in it."""
    return [package, *(f"{package}.{name}" for name in find_packages(str(ROOT / package)))]


def of_a_wheel() -> dict[str, Any]:
    """Return the packages of a wheel, and where those are in the checkout that have another name there."""
    parts = [f"{PACKAGE}.{name}" for part in PROJECT["parts"] for name in below(part)]
    return {"packages": below(PACKAGE) + parts, "package_dir": {f"{PACKAGE}.{part}": part for part in PROJECT["parts"]}}


def installed(source: str) -> str:
    """Return where a source of the checkout is in a wheel."""
    return f"{PACKAGE}/{source}" if source.partition("/")[0] in PROJECT["parts"] else source


def can_compile() -> bool:
    """Return whether there is a C compiler, with the headers of this Python, and it is to be used."""
    if os.environ.get(PURE, "0") not in ("", "0") or sys.implementation.name != "cpython":
        return False
    try:
        compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
        look = [*compiler, "-fsyntax-only", "-I", sysconfig.get_paths()["include"], "-x", "c", "-"]
        return subprocess.run(look, input=b"#include <Python.h>\n", capture_output=True, check=False).returncode == 0
    except (OSError, ValueError):  # there is no such program, or what is said in CC is no command
        return False


def clear(folder: Path) -> None:
    """Take away what was built before: the manifests first, without which nothing is used."""
    for pattern in ("*.json", "*.so"):
        for file in folder.glob(pattern):
            file.unlink()


def build(root: Path, listed: list[str]) -> None:
    """Compile modules of `root`. The manifest comes last: what is there half is never used."""
    from mypyc.build import mypycify  # noqa: PLC0415 - needed for this alone, and not there without a compiler

    folder = root / FOLDER
    in_c = [source for source in listed if source.endswith(".c")]
    in_python = [source for source in listed if source not in in_c]
    read = {*in_c, *reached(root, [*in_python, *(str(Path(source).with_suffix(".py")) for source in in_c)])}
    sources = {source: digest(root / source) for source in sorted(read)}
    folder.mkdir(parents=True, exist_ok=True)
    suffix = EXTENSION_SUFFIXES[0]
    with TemporaryDirectory() as scratch, contextlib.chdir(copied(root, sources, in_python, Path(scratch, "sources"))):
        cache = f"--cache-dir={scratch}/mypy"
        # A file for each module (mypyc has none for one alone): for all in one, compilers take three times as long.
        one_each = len(in_python) > 1
        extensions = mypycify(
            [*OPTIONS, cache, *in_python],
            opt_level="1",
            debug_level="0",
            multi_file=one_each,
            target_dir=f"{scratch}/c",
        )
        for extension in extensions:
            extension.extra_compile_args = [*extension.extra_compile_args, "-include", str(TRASHCAN)]
        extensions += [module_in_c(source) for source in in_c]
        for name in compile_all(extensions, Path(scratch)):
            shutil.copy(Path(scratch, "lib", *name.split(".")).with_suffix(suffix), folder / f"{name}{suffix}")
    modules = {extension.name: f"{FOLDER}/{extension.name}{suffix}" for extension in extensions}
    libraries = {file: digest(folder / Path(file).name) for file in modules.values()}
    manifest = {"modules": modules, "digests": sources | libraries}
    (folder / f"manifest{suffix}.json").write_text(json.dumps(manifest, indent=1))


def copied(root: Path, sources: Iterable[str], modules: list[str], folder: Path) -> Path:
    """Return a folder with these sources, in which the modules to be compiled have their values written out."""
    for source in (*sources, f"{FOLDER}/values.py"):
        file = folder / source
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / source, file)
    for source, text in written_out({source: (root / source).read_text() for source in modules}).items():
        (folder / source).write_text(text)
    return folder


def module_in_c(source: str) -> Extension:
    """Return the extension that a source in C is, which takes the place of the module beside it."""
    name = source.removesuffix(".c").replace("/", ".")
    return Extension(name, [source], extra_compile_args=["-O2", "-g0", "-Wall", "-Wextra"])


def compile_all(extensions: list[Extension], scratch: Path) -> list[str]:
    """Compile the extensions into `lib` in `scratch`, and return their names."""
    for extension in extensions:
        extension.extra_compile_args = [*extension.extra_compile_args, *COMPILER_OPTIONS]
    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib, command.build_temp = str(scratch / "lib"), str(scratch / "objects")
    command.parallel = True
    command.ensure_finalized()
    command.run()
    return [extension.name for extension in extensions]


def reached(root: Path, sources: list[str]) -> set[str]:
    """Return these sources in `root` and all there that they import, at first or second hand.

    Compiled code holds what it saw there (constants, types), so that it fits them no more when they change.
    """
    found: set[str] = set()
    left = set(sources)
    while left:
        source = left.pop()
        found.add(source)
        left.update(set(imported(root, source)) - found)
    return found


def imported(root: Path, source: str) -> Iterator[str]:
    """Yield the sources of ours that one imports."""
    for node in ast.walk(ast.parse((root / source).read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = name.replace(".", "/")
            yield from (file for file in (f"{path}.py", f"{path}/__init__.py") if (root / file).exists())


def digest(file: Path) -> str:
    """Return the digest of a file, as the loader makes it."""
    return blake2b(file.read_bytes(), digest_size=16).hexdigest()


if __name__ == "__main__":
    compiles = can_compile()
    setup(
        setup_requires=[MYPYC] if compiles and find_spec("mypyc") is None else [],
        # A name alone, by which a wheel is one for this platform: what it holds is known when it is built.
        ext_modules=[Extension("rtp_relay.compiled.modules", [])] if compiles else [],
        cmdclass={"build_py": BuildParts, "build_ext": BuildCompiled, "editable_wheel": InPlace},
        **of_a_wheel(),
    )
