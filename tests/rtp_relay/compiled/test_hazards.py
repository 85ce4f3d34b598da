"""The modules that are compiled do nothing that compiled code does in another way than its source."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from events.registry import EVENT_TYPES
from replay.state import CallState
from tests.rtp_relay.compiled.hazards import hazards

ROOT = Path(__file__).parents[3]
OURS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["rtp-relay"]
LISTED = OURS["compiled"]
MODULES = {source.removesuffix(".py").replace("/", ".") for source in LISTED}
IN_C = {source.removesuffix(".c").replace("/", ".") for source in OURS["in-c"] if sys.platform == "linux"}
PARTS = ("events", "replay", "engines", "actors", "gateways", "rtp_relay", "bench", "tests", "examples")


@pytest.mark.parametrize("source", LISTED)
def test_a_compiled_module_does_what_its_source_says(source: str) -> None:
    assert hazards((ROOT / source).read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "def f():\n try: g()\n except A as e: pass\n except B as e: pass",
            "line 4: a second `except ... as e` in f",
        ),
        ("def f():\n try: g()\n except A as e: pass\ndef h():\n try: g()\n except A as e: pass", None),
        ("first, *rest = g()", "line 1: a starred target"),
        ("match x:\n case [first, *rest]: pass", "line 2: a starred target"),
        ("f(*args)", None),
        ("f(x for x in y)", "line 1: a generator expression that is not lazy"),
        ("def f():\n return (x for x in y)", "line 2: a generator expression that is not lazy"),
        ("any(x for x in y); f(*(x for x in y)); b''.join(x for x in y)", None),
        ("def f():\n try: yield 1\n finally: g()", "line 2: a `yield` within try or with"),
        ("def f():\n with g(): yield 1", "line 2: a `yield` within try or with"),
        ("False if a else b", "line 1: a conditional expression of True or False and something else"),
        ("b if a else True", "line 1: a conditional expression of True or False and something else"),
        ("True if a else False; b if a else 0", None),
        ("@value\nclass A:\n x: ClassVar[int] = 1", None),
        (
            "def f():\n @dataclass(slots=True)\n class A:\n  x: int = 1",
            "line 3: A, a dataclass within something else",
        ),
        ("from collections import deque\nclass A(deque[int]): pass", "line 2: a class derived from one of collections"),
        ("import asyncio as io\nclass A(io.Protocol): pass", "line 2: a class derived from one of asyncio"),
        ("from enum import Enum\nfrom typing import Protocol\nclass A(Enum): pass\nclass B(Protocol): pass", None),
        ("class A(Exception): pass", None),
        ("A: Final = (0.5, 1)", "line 1: a Final tuple that begins with a float"),
        ("A: Final[tuple[float, ...]] = (0.5, 1)\nB: Final = 0.5\nC: Final = ('a', 0.5)", None),
        ("class A:\n def __del__(self): pass", "line 2: __del__"),
        ("async def f(): pass", "line 1: an async function"),
        ("from weakref import ref", "line 1: import weakref"),
        ("import mypy_extensions", "line 1: import mypy_extensions"),
        ("locals()", "line 1: locals"),
        ("a._thread = 1", "line 1: an attribute _thread, which is no C"),
    ],
)
def test_a_hazard_is_found(text: str, found: str | None) -> None:
    assert hazards(text) == ([found] if found else [])


def test_no_class_is_derived_from_a_compiled_one_elsewhere() -> None:
    elsewhere = (file for part in PARTS for file in (ROOT / part).rglob("*.py"))
    derived = [
        f"{file.relative_to(ROOT)}: {name}"
        for file in elsewhere
        if str(file.relative_to(ROOT)) not in LISTED
        for name in classes_derived(ast.parse(file.read_bytes()))
    ]
    assert derived == []


def test_a_class_that_is_derived_from_a_compiled_one_is_seen() -> None:
    tree = ast.parse(
        "from events import codec\nfrom events.codec import Codec as C\nclass A(C): pass\nclass B(codec.Codec): pass"
    )
    assert list(classes_derived(tree)) == ["A", "B"]


def test_what_copies_or_pickles_has_nothing_but_values_of_a_compiled_module() -> None:
    """Objects of other compiled classes are not copied: those derived from an interpreted class."""
    programs = (file for part in PARTS if part not in ("bench", "tests") for file in (ROOT / part).rglob("*.py"))
    trees = {file: ast.parse(file.read_bytes()) for file in programs}
    copies = {file: tree for file, tree in trees.items() if imported(tree) & {"copy", "pickle"}}
    assert copies
    others = {str(file): [*classes_that_are_no_values(tree)] for file, tree in copies.items()}
    assert {file: names for file, names in others.items() if names} == {}


def classes_that_are_no_values(tree: ast.Module) -> Iterator[str]:
    """Yield the classes of compiled modules that a module imports, but for values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                found = getattr(import_module(node.module), alias.name)
                if isinstance(found, type) and not is_dataclass(found) and not issubclass(found, Enum):
                    yield f"{node.module}.{alias.name}"


@pytest.mark.parametrize("module", sorted(IN_C))
def test_what_is_in_c_has_the_functions_of_the_source_beside_it(module: str) -> None:
    tree = ast.parse((ROOT / module.replace(".", "/")).with_suffix(".py").read_bytes())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"}
    assert functions
    assert functions <= set(vars(import_module(module)))


def imported(tree: ast.Module) -> set[str]:
    """Return the names of the modules that a module imports."""
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def classes_derived(tree: ast.Module) -> Iterator[str]:
    """Yield the classes of a module whose base is of a compiled one."""
    origin: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            origin |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            origin |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_is_compiled(base, origin) for base in node.bases):
            yield node.name


def _is_compiled(base: ast.expr, origin: dict[str, str]) -> bool:
    first, _, rest = ast.unparse(base).partition(".")
    return f"{origin.get(first, first)}.{rest}".rstrip(".").rpartition(".")[0] in MODULES


def test_fields_have_the_types_that_their_sources_say() -> None:
    """The forms of events and of snapshots are made of them."""
    import_module("replay.snapshots")
    read: set[Any] = {CallState, *EVENT_TYPES}
    while True:
        more = {kind for one in read for kind in _fields(one)} - read
        if not more:
            break
        read |= more
    assert len(read) > 50
    for kind in read:
        assert {each.name: each.type for each in fields(kind)} == _types_of_its_source(kind)


def _types_of_its_source(kind: type) -> dict[str, str]:
    types: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        tree = ast.parse((ROOT / f"{each.__module__.replace('.', '/')}.py").read_bytes())
        [node] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == each.__name__]
        types |= {
            ast.unparse(line.target): ast.unparse(line.annotation)
            for line in node.body
            if isinstance(line, ast.AnnAssign) and "ClassVar" not in ast.unparse(line.annotation)
        }
    return types


def _fields(kind: type) -> Iterator[type]:
    names = ast.walk(ast.parse("; ".join(str(text) for text in kind.__annotations__.values() if text)))
    module = vars(sys.modules[kind.__module__])
    for name in names:
        found = module.get(name.id) if isinstance(name, ast.Name) else None
        if isinstance(found, type) and is_dataclass(found):
            yield found
