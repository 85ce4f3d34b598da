"""Running the script that the route engine's callables are defined in."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import ModuleType

from engines.route.routes import Routes, RoutesError
from rtp_relay.assembly.errors import UnusableError
from rtp_relay.config import RouteConfig
from rtp_relay.config.problems import Wrong
from rtp_relay.config.script import compiled

MODULE = "rtp_relay_script"
"""The name under which the script's module is imported."""


def load_routes(config: RouteConfig) -> Routes | None:
    """Run the configured script and take its callables; None without one. Raises UnusableError."""
    if config.script is None:
        return None
    try:
        return Routes.from_module(
            _run(config.script),
            route_offer=config.offer,
            route_answer=config.answer,
            route_delete=config.delete,
            route_copy_offer=config.copy_offer,
            route_copy_answer=config.copy_answer,
            route_copy_delete=config.copy_delete,
        )
    except (Wrong, RoutesError) as error:
        raise UnusableError(f"route.script {config.script}: {error}") from error


def _run(path: Path) -> ModuleType:
    code = compiled(path)
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    # Dataclasses and pickle look for the module of a class there.
    sys.modules[MODULE] = module
    try:
        exec(code, module.__dict__)
    except Exception as error:
        raise RoutesError(f"{_place(error, path)}{type(error).__name__}: {error}") from error
    return module


def _place(error: Exception, path: Path) -> str:
    """Return the script's own line that led to an error."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"line {lines[-1]}: " if lines else ""
