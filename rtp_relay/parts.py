"""The parts by the names that they have in an installation: `rtp_relay.events` for the checkout's folder `events`.

An installed wheel has the parts as subpackages of this one (docs/packages.md), and needs nothing of this. In a checkout
both names are those of the same modules, so that a program runs with either.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

PREFIX = "rtp_relay."
PARTS = frozenset({"events", "replay", "engines", "actors", "gateways"})


def have_parts_found() -> None:
    """Have the parts of a checkout found by the names that they have in an installation."""
    if not (Path(__file__).parent / "events").is_dir():
        sys.meta_path.insert(0, PartsOfCheckout())  # before what would find, and load, modules of a part once more


class PartsOfCheckout(MetaPathFinder):
    """Finds `rtp_relay.PART...`, which is nowhere, as what `PART...` is."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a part or of a module in one; None for all others."""
        del path, target
        name = fullname.removeprefix(PREFIX)
        if name == fullname or name.partition(".")[0] not in PARTS or find_spec(name) is None:
            return None
        return ModuleSpec(fullname, _SameModule(name), is_package=True)


class _SameModule(Loader):
    """Loads a module by its name in the checkout, and leaves it as it is then."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module."""
        del spec
        module = import_module(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module back the spec that it was found with: Python has set the one that it was asked for."""
        module.__spec__ = self._spec
