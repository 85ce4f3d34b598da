"""What a module must not do that is compiled, because it would do something else there than its source says.

Each was seen with mypyc. They are found in the text of a module, so that nobody has to build it to be told.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator

from packages.native_values import DECORATORS

Check = Callable[[ast.Module], Iterator[tuple[int, str]]]

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
TAKE_ALL = frozenset({"all", "any", "dict", "frozenset", "list", "max", "min", "next", "set", "sorted", "sum", "tuple"})
"""Functions that are compiled as loops of their own when they are given a generator expression."""
MODULES = frozenset({"copy", "inspect", "mypy_extensions", "weakref"})
"""What needs objects of interpreted code (weak references, copies, coroutines), or has integers that overflow."""
SAFE_BASES = frozenset({"abc", "enum", "typing"})
"""Modules of the standard library whose classes are no objects of C, so that classes may be derived from them."""
NAMES = frozenset({"eval", "exec", "globals", "locals", "vars"})


def hazards(text: str) -> list[str]:
    """Return what is amiss with the source of a module, each with its line."""
    tree = ast.parse(text)
    return [f"line {line}: {what}" for check in _CHECKS for line, what in check(tree)]


def _two_errors_of_one_name(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The second raises something else than it does when it is interpreted."""
    for function in (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)):
        seen: set[str] = set()
        for handler in (node for node in ast.walk(function) if isinstance(node, ast.ExceptHandler)):
            if handler.name in seen:
                yield handler.lineno, f"a second `except ... as {handler.name}` in {function.name}"
            seen |= {handler.name} if handler.name else set()


def _starred_targets(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What a generator raises is lost, and "not enough values to unpack" comes instead."""
    for node in ast.walk(tree):
        if isinstance(node, ast.MatchStar) or (isinstance(node, ast.Starred) and isinstance(node.ctx, ast.Store)):
            yield node.lineno, "a starred target"


def _eager_generators(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A generator expression that goes elsewhere is made a list first: all of it is worked out, or fails."""
    allowed: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Starred):
            allowed.add(node.value)
        elif isinstance(node, ast.Call) and _takes_all(node.func):
            allowed.update(node.args[:1])
        elif isinstance(node, ast.GeneratorExp) and node not in allowed:
            yield node.lineno, "a generator expression that is not lazy"


def _takes_all(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in TAKE_ALL
    return isinstance(function, ast.Attribute) and function.attr == "join"


def _generators_that_clean_up(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A generator that is given up is not closed: nothing after its `yield` is done."""
    for block in ast.walk(tree):
        if isinstance(block, (ast.Try, ast.With)) and _yields(block):
            yield block.lineno, "a `yield` within try or with"


def _yields(block: ast.Try | ast.With) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for part in block.body for node in ast.walk(part))


def _yes_or_something_else(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """`False if x else number` is a number: 0."""
    for node in ast.walk(tree):
        if isinstance(node, ast.IfExp) and _is_yes_or_no(node.body) != _is_yes_or_no(node.orelse):
            yield node.lineno, "a conditional expression of True or False and something else"


def _is_yes_or_no(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _dataclasses_that_are_not_written_out(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Their annotations are lost, and ClassVars become fields. The build writes those out that it finds."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ClassDef)
            and node not in tree.body
            and any(map(_makes_a_dataclass, node.decorator_list))
        ):
            yield node.lineno, f"{node.name}, a dataclass within something else"


def _makes_a_dataclass(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).partition("(")[0].rpartition(".")[2] in DECORATORS


def _classes_made_in_c(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A class derived from one of C (`deque`, `OrderedDict`) lays its fields over those: making one crashes."""
    origins = _origins(tree)
    for node in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        for base in node.bases:
            name = ast.unparse(base).partition("[")[0]
            module = origins.get(name) or origins.get(name.rpartition(".")[0], "")
            if module.split(".", maxsplit=1)[0] in sys.stdlib_module_names - SAFE_BASES:
                yield node.lineno, f"a class derived from one of {module}"


def _origins(tree: ast.Module) -> dict[str, str]:
    """Return the module that each imported name is of."""
    origins: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            origins |= {alias.asname or alias.name: node.module for alias in node.names}
    return origins


def _final_tuples_of_floats(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """They are not there: "value for final name was not set". With `Final[tuple[float, ...]]` they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "Final":
            first = node.value.elts[:1] if isinstance(node.value, ast.Tuple) else []
            if any(isinstance(number, ast.Constant) and isinstance(number.value, float) for number in first):
                yield node.lineno, "a Final tuple that begins with a float"


def _finalizers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS) and node.name in ("__del__", "__getattr__", "__setattr__"):
            yield node.lineno, node.name


def _coroutines(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Nothing that looks whether something is a coroutine function takes them for one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef):
            yield node.lineno, "an async function"


def _what_needs_interpreted_code(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, f"import {alias.name}") for alias in node.names if _is_among(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _is_among(node.module):
            yield node.lineno, f"import {node.module}"
        elif isinstance(node, ast.Name) and node.id in NAMES:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and node.attr == "_thread":
            yield node.lineno, "an attribute _thread, which is no C"


def _is_among(module: str) -> bool:
    return module.split(".", maxsplit=1)[0] in MODULES


_CHECKS: tuple[Check, ...] = (
    _two_errors_of_one_name,
    _starred_targets,
    _eager_generators,
    _generators_that_clean_up,
    _yes_or_something_else,
    _dataclasses_that_are_not_written_out,
    _classes_made_in_c,
    _final_tuples_of_floats,
    _finalizers,
    _coroutines,
    _what_needs_interpreted_code,
)
