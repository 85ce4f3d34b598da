"""A module with its values written out does what its source does, line by line where it did it."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from types import ModuleType
from typing import Any, get_type_hints

import pytest

from packages.native_values import UnwritableError, written_out

SOURCE = '''\
"""Values of all kinds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Generic, TypeVar

from events.values import value

T = TypeVar("T")
NOBODY = ""


@value
class Plain:
    """Two fields.

    The second one has a default.
    """

    number: int
    name: str = NOBODY

    @property
    def both(self) -> str:
        """Return them."""
        return f"{self.number} {self.name}"


@value(kw_only=True, derivable=True)
class Base(Generic[T]):
    kind: ClassVar[str] = "base"

    first: int
    second: tuple[str, ...] = ("a",)


@value(kw_only=True)
class Derived(Base[int]):
    kind: ClassVar[str] = "derived"

    third: dict[str, int] = field(default_factory=dict)
    second: tuple[str, ...] = (
        "b",
        "c",
    )


@value
class Empty:
    """Nothing."""


@dataclass(slots=True)
class Changing:
    items: list[int] = field(default_factory=lambda: [1])
    nested: Plain = Plain(7)


@dataclass(frozen=True, slots=True)
class Frozen:
    number: int

    def __hash__(self) -> int:
        return 7


def renamed(one: Plain) -> Plain:
    return replace(one, name="renamed")


def broken() -> None:
    raise ValueError("on line 67")
'''


def module(name: str, text: str) -> Iterator[ModuleType]:
    made = ModuleType(name)
    sys.modules[name] = made
    exec(compile(text, f"{name}.py", "exec"), made.__dict__)
    yield made
    del sys.modules[name]


@pytest.fixture
def source() -> Iterator[Any]:
    yield from module("as_source", SOURCE)


@pytest.fixture
def native() -> Iterator[Any]:
    yield from module("written", written_out({"written.py": SOURCE})["written.py"])


def test_what_is_written_out_has_no_decorator_and_an_init_of_its_own(native: Any) -> None:
    text = written_out({"written.py": SOURCE})["written.py"]
    assert "\n@value" not in text
    assert "\n@dataclass" not in text
    assert native.Plain.__init__.__code__.co_filename == "written.py"


def test_lines_keep_their_numbers(native: Any) -> None:
    written = written_out({"written.py": SOURCE})["written.py"].splitlines()
    for number, line in enumerate(SOURCE.splitlines()):
        if line.startswith(("class", "def", "    def", "    return", "    raise")):
            assert written[number] == line
    with pytest.raises(ValueError, match="on line") as raised:
        native.broken()
    assert raised.traceback[-1].lineno + 1 == SOURCE.splitlines().index('    raise ValueError("on line 67")') + 1


@pytest.mark.parametrize("kind", ["Plain", "Base", "Derived", "Empty", "Changing", "Frozen"])
def test_it_has_the_fields_of_its_source(source: Any, native: Any, kind: str) -> None:
    one: Any = getattr(source, kind)
    other: Any = getattr(native, kind)
    described = [[(f.name, f.type, f.kw_only, f.init, f.compare) for f in fields(each)] for each in (one, other)]
    assert described[0] == described[1]
    hints = [[get_type_hints(each)[f.name] for f in fields(each)] for each in (one, other)]
    assert str(hints[0]).replace("as_source", "written") == str(hints[1])
    assert other.__match_args__ == one.__match_args__


MADE: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Plain", (1,), {}),
    ("Plain", (1, "a"), {}),
    ("Plain", (), {"name": "b", "number": 2}),
    ("Base", (), {"first": 1}),
    ("Derived", (), {"first": 1}),
    ("Derived", (), {"first": 1, "second": (), "third": {"a": 1}}),
    ("Empty", (), {}),
    ("Changing", (), {}),
    ("Changing", ([],), {}),
    ("Frozen", (3,), {}),
]


@pytest.mark.parametrize(("kind", "arguments", "keywords"), MADE)
def test_its_objects_are_as_those_of_its_source(
    source: Any, native: Any, kind: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    one = getattr(source, kind)(*arguments, **keywords)
    other, same = (getattr(native, kind)(*arguments, **keywords) for _ in range(2))
    assert repr(other) == repr(one)
    assert asdict(other) == asdict(one)
    assert other == same
    assert other != one
    assert other != 1
    assert copy.copy(other) == copy.deepcopy(other) == pickle.loads(pickle.dumps(other)) == other
    assert replace(other) == other
    assert _hash(other) == _hash(one)


def _hash(one: Any) -> int | str:
    try:
        return hash(one)
    except TypeError as error:
        return str(error)


def test_what_makes_a_default_makes_one_for_each(native: Any) -> None:
    assert native.Changing().items is not native.Changing().items
    assert native.Derived(first=1).third == {}


@pytest.mark.parametrize(
    ("kind", "arguments", "keywords"),
    [("Plain", (), {}), ("Plain", (1, "a", 2), {}), ("Base", (1,), {}), ("Derived", (), {}), ("Empty", (1,), {})],
)
def test_wrong_arguments_are_refused_alike(
    source: Any, native: Any, kind: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    for module in (source, native):
        with pytest.raises(TypeError):
            getattr(module, kind)(*arguments, **keywords)


def test_methods_class_variables_and_replace_stay(native: Any) -> None:
    assert native.Plain(1, "a").both == "1 a"
    assert (native.Base.kind, native.Derived.kind, native.Derived(first=1).kind) == ("base", "derived", "derived")
    assert native.renamed(native.Plain(1)) == native.Plain(1, "renamed")
    match native.Plain(4, "d"):
        case native.Plain(number, name):
            assert (number, name) == (4, "d")
        case _:
            pytest.fail("no match")


def test_a_class_can_be_derived_from_a_value_of_another_module() -> None:
    head = "from __future__ import annotations\nfrom events.values import value\n"
    base = f"{head}\n\n@value\nclass Base:\n    first: int\n"
    derived = f"{head}from base import Base\n\n\n@value\nclass Derived(Base):\n    second: int = 2\n"
    texts = written_out({"base.py": base, "derived.py": derived})
    modules = [module(name.removesuffix(".py"), text) for name, text in texts.items()]
    [_, made] = [next(each) for each in modules]
    assert repr(made.Derived(1)) == "Derived(first=1, second=2)"
    for each in modules:
        assert list(each) == []


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("Plain", "acyclic=True"),
        ("Base", "allow_interpreted_subclasses=True"),  # mypyc does not let what is Generic be acyclic, too
        ("Derived", ""),
        ("Empty", "acyclic=True"),
        ("Changing", ""),  # it may be made to hold what holds it
        ("Frozen", "acyclic=True"),
    ],
)
def test_what_never_refers_to_itself_is_kept_from_the_collector(kind: str, options: str) -> None:
    written = written_out({"written.py": SOURCE})["written.py"].splitlines()
    [place] = [number for number, line in enumerate(written) if line.startswith(f"class {kind}")]
    assert written[place - 1] == (f"@_mypyc_attr({options})" if options else "")


def test_so_is_what_is_derived_from_it() -> None:
    head = "from __future__ import annotations\nfrom events.values import value\n\n\n"
    base = f"{head}@value(derivable=True)\nclass Base:\n    first: int\n"
    derived = f"{head}@value\nclass Derived(Base):\n    second: int\n"
    written = written_out({"base.py": base, "derived.py": derived})
    assert "\n@_mypyc_attr(allow_interpreted_subclasses=True, acyclic=True)\nclass Base" in written["base.py"]
    assert "\n@_mypyc_attr(acyclic=True)\nclass Derived(Base)" in written["derived.py"]


def test_values_of_one_name_each_have_their_own_fields() -> None:
    head = "from __future__ import annotations\nfrom events.values import value\n\n\n"
    base = f"{head}@value\nclass Base:\n    first: int\n"
    one = f"{head}@value\nclass Derived(Base):\n    second: int\n"
    other = f"{head}@value\nclass Derived:\n    third: int\n"
    written = written_out({"base.py": base, "one.py": one, "other.py": other})
    assert "def __init__(self, first: _Any, second: int)" in written["one.py"]
    assert "def __init__(self, third: int)" in written["other.py"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("@value\nclass A(B):\n    a: int\n", "A: of its base B there are 0 among what is compiled"),
        (
            "@value\nclass B:\n    b: int\n\n\n@value\nclass B:\n    c: int\n\n\n@value\nclass A(B):\n    a: int\n",
            "A: of its base B there are 2 among what is compiled",
        ),
        ("@value\nclass A:\n    a: int\n    def __post_init__(self): ...\n", "has an __post_init__"),
        ("@value\nclass A:\n    a: int\n    def __init__(self): ...\n", "has an __init__"),
        ("@value\nclass A:\n    a: int = field(repr=False)\n", "A.a is a field of an unknown kind"),
        ("@other\n@value\nclass A:\n    a: int\n", "A has several decorators"),
        ("@value\nclass A:\n    a: int\nb = 1\n", "two blank lines are wanted after A"),
    ],
)
def test_what_cannot_be_written_out_is_named(text: str, why: str) -> None:
    with pytest.raises(UnwritableError, match=why):
        written_out({"a.py": f"from __future__ import annotations\n{text}"})


def test_a_module_without_values_stays_as_it_is() -> None:
    text = "from dataclasses import fields\n\nprint(fields)\n"
    assert written_out({"a.py": text}) == {"a.py": text}


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("LIMIT = 10", "LIMIT: _Final = 10"),
        ("_NAMES = frozenset({'a'})", "_NAMES: _Final = frozenset({'a'})"),
        ("WORDS = (", "WORDS: _Final = ("),
        ("_WAITS = (0.5, 1)", "_WAITS = (0.5, 1)"),
        ("KINDS: Final = (1, 2)", "KINDS: Final = (1, 2)"),
        ("ALL = ANY = 1", "ALL = ANY = 1"),
        ("NAME = TypeVar('NAME')", "NAME = TypeVar('NAME')"),
        ("Alias = dict[str, int]", "Alias = dict[str, int]"),
        ("T = 1", "T = 1"),
        ("_pack = print", "_pack = print"),
    ],
)
def test_constants_are_final(line: str, written: str) -> None:
    rest = "    1,\n    2,\n)\n" if line.endswith("(") else ""
    text = f"from __future__ import annotations\n\n{line}\n{rest}"
    assert written_out({"a.py": text})["a.py"].splitlines()[2:] == f"{written}\n{rest}".splitlines()


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("from time import monotonic", "from time import {monotonic}"),
        ("from time import sleep, time_ns", "from time import sleep, time_ns"),
        ("from time import (\n    sleep,\n    monotonic,\n)", "from time import sleep, {monotonic}\n\n\n"),
        ("from typing import cast", "from typing import cast"),
        ("from collections import deque", "from collections import deque"),
        ("from functools import cache", "from functools import cache"),
        ("from b import known", "from b import known"),
        ("from c import unknown", "from c import {unknown}"),
        ("from c import Named", "from c import Named"),
        ("from c import alias", "from c import alias"),
    ],
)
def test_functions_from_elsewhere_are_final(line: str, written: str) -> None:
    rest = """
Alias: TypeAlias = alias | int
queue: deque[int] = deque()
monotonic(), cast(int, queue), known(), unknown(), Named(), alias()
@cache(1)
def made() -> int:
    return 1
"""
    text = f"from __future__ import annotations\n\n{line}\n{rest}"
    final = {
        name: f"{name} as _imported_{name}; {name}: _Final = _imported_{name}" for name in ("monotonic", "unknown")
    }
    lines = f"{written.format_map(final)}\n{rest}".splitlines()
    assert written_out({"a.py": text, "b.py": ""})["a.py"].splitlines()[2:] == lines
