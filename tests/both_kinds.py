"""Modules that are there in C, too: tests that try both."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def in_python(module: ModuleType) -> ModuleType:
    """Return a module as it is in Python, whatever runs here."""
    path = f"{module.__name__.replace('.', '/')}.py"
    spec = spec_from_file_location(f"{module.__name__}_in_python", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def both_kinds(module: ModuleType) -> list[ModuleType]:
    """Return a module as it is in Python, and as it is in C where that runs."""
    runs_in_python = str(module.__file__).endswith(".py")
    return [in_python(module)] if runs_in_python else [in_python(module), module]
