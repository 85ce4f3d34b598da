"""Run by another Python: import everything there, and place a call through an ng door to the relay at a url.

`PYTHON -m tests.packages.other_python URL` prints the results of the call's requests. Packages are those of the tests'
environment, and what these have for its Python alone, compiled, has a stand-in; the call needs none of it.
"""

from __future__ import annotations

import asyncio
import pkgutil
import sys
from importlib import import_module
from types import ModuleType
from unittest.mock import MagicMock

PARTS = ("events", "replay", "engines", "actors", "gateways", "rtp_relay")
COMPILED_ALONE = ("hiredis", "cryptography.exceptions", "cryptography.hazmat.primitives.ciphers.aead")


class _StandIn(ModuleType):
    """A module that has every name, and no modules in it."""

    __path__ = []  # noqa: RUF012 - as a package's
    __version__ = "3.0"

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {}) if name[0].isupper() else MagicMock()


def stand_in() -> None:
    """Have modules that this Python cannot load stood in for."""
    for name in COMPILED_ALONE:
        words = name.split(".")
        for depth in range(1, len(words) + 1):
            package = ".".join(words[:depth])
            sys.modules.setdefault(package, _StandIn(package))


def import_all() -> None:
    """Import each module of ours."""
    for part in PARTS:
        for found in pkgutil.walk_packages(import_module(part).__path__, f"{part}."):
            if not found.name.endswith("__main__"):
                import_module(found.name)


if __name__ == "__main__":
    stand_in()
    import_all()
    place_call = import_module("tests.packages.memory_call").place_call
    print(*asyncio.run(place_call(sys.argv[1])))
