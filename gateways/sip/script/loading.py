"""From a routing script's file to its functions."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType

from gateways.sip.script.events import On, registered

MODULE = "rtp_relay_routing_script"
"""The name under which the script's module is imported."""

Functions = dict[On, Callable[..., object]]


class ScriptError(Exception):
    """A routing script that cannot be used. `line` is 0 if no line of it is to blame."""

    def __init__(self, path: Path, line: int, text: str) -> None:
        super().__init__(f"{path}:{line}: {text}" if line else f"{path}: {text}")
        self.path, self.line, self.text = path, line, text


def load(path: Path) -> tuple[ModuleType, Functions]:
    """Run a script and give its module and the functions that it registered. Raises ScriptError."""
    module = _run(_compiled(path), path)
    functions: Functions = {}
    for event, function in registered(vars(module)):
        if event in functions:
            both = " and ".join(sorted(_called(each) for each in (functions[event], function)))
            raise ScriptError(path, _line(function), f"on_{event} is there for more than one function: {both}")
        functions[event] = _checked(path, event, function)
    if On.REQUEST not in functions:
        raise ScriptError(path, 0, "no function is registered with @on_request")
    return module, functions


def line_in(path: Path, error: BaseException) -> int:
    """Return the script's own line that led to an error, 0 if there is none."""
    for each in _chain(error):
        lines = [frame.lineno for frame in traceback.extract_tb(each.__traceback__) if frame.filename == str(path)]
        if lines:
            return lines[-1] or 0
    return 0


def words(error: BaseException) -> str:
    """Describe an exception in one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # the script's own exceptions may fail at that, too
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _compiled(path: Path) -> CodeType:
    try:
        return compile(path.read_bytes(), path, "exec", dont_inherit=True)
    except OSError as error:
        raise ScriptError(path, 0, error.strerror or str(error)) from error
    except SyntaxError as error:
        raise ScriptError(path, error.lineno or 0, f"{type(error).__name__}: {error.msg}") from error
    except ValueError as error:
        raise ScriptError(path, 0, str(error)) from error


def _run(code: CodeType, path: Path) -> ModuleType:
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    before = sys.modules.get(MODULE)
    # Dataclasses look for the module of a class there.
    sys.modules[MODULE] = module
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        if before is not None:
            sys.modules[MODULE] = before
        raise ScriptError(path, line_in(path, error), words(error)) from error
    return module


def _checked(path: Path, event: On, function: Callable[..., object]) -> Callable[..., object]:
    try:
        inspect.signature(function).bind(object())
    except (TypeError, ValueError) as error:
        line = _line(function)
        raise ScriptError(
            path, line, f"{_called(function)} for on_{event} has to take one argument: {error}"
        ) from error
    return function


def _line(function: Callable[..., object]) -> int:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code.co_firstlineno if isinstance(code, CodeType) else 0


def _called(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", repr(function))
