"""What the build writes in another way for the compiler: values, constants, and functions from elsewhere.

Values are classes with an `__init__` of their own, where a source has a decorator. mypyc makes a class that is
decorated by anything it does not know (`events.values.value`) an interpreted one, and leaves to a dataclass the
`__init__` that Python makes of it. Written out, both are compiled: a value is made, and its fields are read, without
the interpreter. What else a dataclass has (fields, equality, a hash, a representation) it gets from
`rtp_relay/compiled/values.py`. Those that are frozen are kept from the garbage collector, which has nothing to find in
them: they need no header for it then, and it need not look at them.

Constants are said to be final, and so are functions that a module has from one that is not compiled: its other names
are looked up in a dictionary each time.

Lines keep their numbers: what is added stands on the two blank lines after a class.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain

DECORATORS = frozenset({"dataclass", "value"})
VALUES = "rtp_relay.compiled.values"
"""The module that those which are written out import."""

_FUTURE = "from __future__ import annotations"
_NAMES = "mypyc_attr as _mypyc_attr, written_out as _written_out"
_IMPORTS = f"; from typing import Any as _Any, Final as _Final; from {VALUES} import {_NAMES}"
_KNOWN_TO_CHECKERS = frozenset({"__future__", "contextlib", "typing"})
"""Modules whose functions type checkers take for what they are by their names."""
_CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]+")


class UnwritableError(Exception):
    """A value cannot be written out; the text says which, and why."""


@dataclass(frozen=True)
class _Field:
    name: str
    annotation: str
    default: str = ""
    factory: str = ""
    inherited: bool = False

    @property
    def parameter(self) -> str:
        kind = "_Any" if self.inherited else self.annotation
        if self.factory:
            return f"{self.name}: {kind} | None = None"
        return f"{self.name}: {kind} = {self.default}" if self.default else f"{self.name}: {kind}"

    @property
    def assignment(self) -> str:
        given = f"({self.factory})() if {self.name} is None else {self.name}" if self.factory else self.name
        return f"self.{self.name} = {given}"


@dataclass(frozen=True)
class _Value:
    """A class of a source: its own fields, and those that it inherits."""

    node: ast.ClassDef
    decorator: ast.expr
    own: list[_Field] = field(default_factory=list)
    bases: list[_Value] = field(default_factory=list)

    @property
    def inherited(self) -> list[_Field]:
        """Return the fields of its bases, in the order in which a dataclass has them."""
        of_bases = chain.from_iterable([*base.inherited, *base.own] for base in self.bases)
        return [replace(each, inherited=True) for each in of_bases]

    @property
    def fields(self) -> list[_Field]:
        """Return all fields, in the order in which a dataclass has them."""
        own = {each.name: each for each in self.own}
        names = {each.name for each in self.inherited}
        return [own.get(each.name, each) for each in self.inherited] + [f for f in self.own if f.name not in names]

    def says(self, option: str) -> bool:
        """Return whether its decorator has this option."""
        keywords = self.decorator.keywords if isinstance(self.decorator, ast.Call) else []
        return any(each.arg == option and ast.unparse(each.value) == "True" for each in keywords)

    @property
    def is_acyclic(self) -> bool:
        """Whether none of its objects ever refers to itself, also by way of others: it is made after what it holds.

        mypyc does not let a class be so that is derived from another kind, which Generic is one of.
        """
        is_frozen = ast.unparse(self.decorator).startswith("value") or self.says("frozen")
        return is_frozen and len(self.bases) == len(self.node.bases) and all(base.is_acyclic for base in self.bases)

    @property
    def options(self) -> str:
        """Return what mypyc is to know of it, as arguments."""
        options = {"allow_interpreted_subclasses": self.says("derivable"), "acyclic": self.is_acyclic}
        return ", ".join(f"{name}=True" for name, holds in options.items() if holds)

    def constructor(self) -> str:
        """Return its `__init__`, in one line."""
        fields = self.fields
        star = ["*"] if self.says("kw_only") and fields else []
        parameters = ", ".join(["self", *star, *(each.parameter for each in fields)])
        return f"def __init__({parameters}) -> None: " + ("; ".join(each.assignment for each in fields) or "pass")

    def rest(self) -> str:
        """Return the statement that gives it what else a dataclass has."""
        annotations = {each.name: each.annotation for each in self.own}
        defaults = ", ".join(
            f"{each.name!r}: {f'field(default_factory={each.factory})' if each.factory else each.default}"
            for each in self.own
            if each.factory or each.default
        )
        return f"_written_out({self.node.name}, {ast.unparse(self.decorator)}, {annotations!r}, {{{defaults}}})"


def written_out(sources: Mapping[str, str]) -> dict[str, str]:
    """Return modules, by their paths, with their values written out. Raises UnwritableError."""
    found = {path: list(_values(path, text)) for path, text in sources.items()}
    by_name: dict[str, list[_Value]] = {}
    for value in chain.from_iterable(found.values()):
        by_name.setdefault(value.node.name, []).append(value)
    for value in chain.from_iterable(found.values()):
        value.bases.extend(_bases(value, by_name))
    compiled = {path.removesuffix(".py").replace("/", ".") for path in sources}
    return {path: _rewritten(text, found[path], compiled) for path, text in sources.items()}


def _values(path: str, text: str) -> Iterator[_Value]:
    for node in ast.parse(text).body:
        if not isinstance(node, ast.ClassDef):
            continue
        names = [ast.unparse(each).partition("(")[0] for each in node.decorator_list]
        if not DECORATORS.isdisjoint(names):
            if len(names) > 1:
                raise UnwritableError(f"{path}: {node.name} has several decorators")
            yield _Value(node, node.decorator_list[0], list(_fields(path, node)))


def _fields(path: str, node: ast.ClassDef) -> Iterator[_Field]:
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in ("__init__", "__post_init__"):
            raise UnwritableError(f"{path}: {node.name} has an {statement.name}")
        if isinstance(statement, ast.AnnAssign) and "ClassVar" not in ast.unparse(statement.annotation):
            name, annotation = ast.unparse(statement.target), ast.unparse(statement.annotation)
            match statement.value:
                case None:
                    yield _Field(name, annotation)
                case ast.Call(func=ast.Name("field"), keywords=[ast.keyword("default_factory", factory)]):
                    yield _Field(name, annotation, factory=ast.unparse(factory))
                case ast.Call(func=ast.Name("field")):
                    raise UnwritableError(f"{path}: {node.name}.{name} is a field of an unknown kind")
                case default:
                    yield _Field(name, annotation, default=ast.unparse(default))


def _bases(value: _Value, by_name: Mapping[str, list[_Value]]) -> Iterator[_Value]:
    for base in value.node.bases:
        name = ast.unparse(base).partition("[")[0]
        if name == "Generic":
            continue
        of = by_name.get(name, [])
        if len(of) != 1:
            raise UnwritableError(f"{value.node.name}: of its base {name} there are {len(of)} among what is compiled")
        yield of[0]


def _rewritten(text: str, values: list[_Value], compiled: Collection[str]) -> str:
    lines = text.splitlines()
    for value in values:
        _write_out(lines, value)
    tree = ast.parse(text)
    functions = _functions_alone(tree) if _FUTURE in lines else set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "dataclasses":
            lines[node.lineno - 1] = _without_replace(node)
        elif isinstance(node, ast.ImportFrom) and node.module not in compiled:
            _make_final(lines, node, functions)
        elif isinstance(node, ast.Assign) and _is_constant(node):
            name = ast.unparse(node.targets[0])
            lines[node.lineno - 1] = lines[node.lineno - 1].replace(f"{name} =", f"{name}: _Final =", 1)
    if _FUTURE in lines:
        lines[lines.index(_FUTURE)] += _IMPORTS
    return "\n".join(lines) + "\n"


def _is_constant(node: ast.Assign) -> bool:
    """Return whether a statement of a module gives a constant its value."""
    name = ast.unparse(node.targets[0])
    if len(node.targets) > 1 or not _CONSTANT.fullmatch(name) or "TypeVar(" in ast.unparse(node.value):
        return False
    first = node.value.elts[0] if isinstance(node.value, ast.Tuple) and node.value.elts else node.value
    is_tuple_of_floats = first is not node.value and isinstance(first, ast.Constant) and isinstance(first.value, float)
    return not is_tuple_of_floats  # which would not be there


def _functions_alone(tree: ast.Module) -> set[str]:
    """Return the names that are called in a module, in small letters, and are neither types nor decorators there."""
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    others = {
        each.id
        for node in ast.walk(tree)
        for each in chain.from_iterable(map(ast.walk, _not_called(node)))
        if isinstance(each, ast.Name)
    }
    return {name for name in called - others if name.islower()}


def _not_called(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node in which types and decorators are named."""
    for part in ("annotation", "returns"):
        if (named := getattr(node, part, None)) is not None:
            yield named
    for part in ("decorator_list", "bases"):
        yield from getattr(node, part, ())
    if isinstance(node, ast.Subscript):
        yield node
    elif isinstance(node, ast.AnnAssign) and node.value is not None and ast.unparse(node.annotation) == "TypeAlias":
        yield node.value


def _make_final(lines: list[str], node: ast.ImportFrom, functions: Collection[str]) -> None:
    """Make those of the names that a statement imports final that are functions."""
    names = [alias.name for alias in node.names if alias.name in functions and alias.asname is None]
    if node.module in _KNOWN_TO_CHECKERS or not names:
        return
    kept = [ast.unparse(alias) for alias in node.names if alias.name not in names]
    imports = ", ".join(kept + [f"{name} as _imported_{name}" for name in names])
    finals = "".join(f"; {name}: _Final = _imported_{name}" for name in names)
    lines[node.lineno - 1] = f"from {node.module} import {imports}{finals}"
    for row in range(node.lineno, node.end_lineno or 0):
        lines[row] = ""


def _without_replace(node: ast.ImportFrom) -> str:
    """Return an import of names of dataclasses in which `replace` takes any object."""
    names = [alias for alias in node.names if alias.name != "replace"]
    imports = [f"from dataclasses import {', '.join(map(ast.unparse, names))}"] if names else []
    if len(names) < len(node.names):
        imports.append(f"from {VALUES} import replaced as replace")
    return "; ".join(imports)


def _write_out(lines: list[str], value: _Value) -> None:
    """Put what a class has instead of its decorator and its defaults in its lines."""
    node = value.node
    for row in range(value.decorator.lineno - 1, (value.decorator.end_lineno or 0)):
        lines[row] = ""
    if value.options:
        lines[value.decorator.lineno - 1] = f"@_mypyc_attr({value.options})"
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and statement.value and "ClassVar" not in ast.unparse(statement):
            lines[statement.lineno - 1] = f"    {ast.unparse(statement.target)}: {ast.unparse(statement.annotation)}"
            for row in range(statement.lineno, statement.end_lineno or 0):
                lines[row] = ""
    end = node.end_lineno or 0
    lines.extend([""] * (end + 2 - len(lines)))
    if lines[end].strip() or lines[end + 1].strip():
        raise UnwritableError(f"two blank lines are wanted after {node.name}")
    lines[end] = f"    {value.constructor()}"
    lines[end + 1] = value.rest()
