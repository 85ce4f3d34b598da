"""Which code runs: the compiled modules, or the sources alone.

A build (setup.py) leaves extension modules in this folder, and a manifest: the digests of the sources they were made
of, and their own. They are used all or none, and only if everything is as it was built: what was compiled never hides a
source that has changed. They are not where Python looks for modules by itself.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

PURE = "RTP_RELAY_PURE"
"""The variable of the environment that has the sources run, and by which a build makes nothing but them."""

MANIFEST = f"manifest{EXTENSION_SUFFIXES[0]}.json"
"""The manifest's name: that of what was built for this Python on this kind of machine."""


class NotUsableError(Exception):
    """Why what was compiled is not to be used."""


class CompiledModules(MetaPathFinder):
    """Finds modules in the files of their extensions, by name."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a compiled module; None for all others."""
        del path, target
        file = self._files.get(fullname)
        if file is None:
            return None
        return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, str(file)))


@functools.cache
def code_in_use() -> str:
    """Return "compiled", or "pure Python" with the reason.

    The first call, before any of the modules is imported, decides it and has them found.
    """
    folder = Path(__file__).parent
    try:
        if os.environ.get(PURE, "0") not in ("", "0"):
            raise NotUsableError(f"{PURE} is set")
        have_found(usable(folder.parents[1], folder / MANIFEST))
    except NotUsableError as why:
        return f"pure Python: {why}"
    return "compiled"


def usable(root: Path, manifest: Path) -> dict[str, Path]:
    """Return the files of the compiled modules; NotUsableError if they don't fit what is in `root`."""
    try:
        built = json.loads(manifest.read_bytes())
        modules: dict[str, str] = built["modules"]
        digests: dict[str, str] = built["digests"]
        for name, file in modules.items():
            if name in sys.modules:
                raise NotUsableError(f"{name} was imported before rtp_relay")
            if file not in digests:
                raise NotUsableError("the manifest is damaged")
        for file, digest in digests.items():
            if blake2b((root / file).read_bytes(), digest_size=16).hexdigest() != digest:
                raise NotUsableError(f"{file} has changed since modules were compiled")
    except FileNotFoundError as missing:
        file = Path(missing.filename).name
        raise NotUsableError("not compiled" if file == manifest.name else f"{file} is missing") from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise NotUsableError("the manifest is damaged") from None
    return {name: root / file for name, file in modules.items()}


def have_found(files: Mapping[str, Path]) -> None:
    """Have these modules found in these files; NotUsableError if the library that they share can't be loaded here."""
    finder = CompiledModules(files)
    sys.meta_path.insert(0, finder)
    try:
        for name in files:
            if name.endswith("__mypyc"):
                import_module(name)
    except ImportError as fault:
        sys.meta_path.remove(finder)
        raise NotUsableError(str(fault)) from None
