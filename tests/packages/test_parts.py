"""Sources as they are in a wheel: the imports of the parts are those of subpackages, and nothing else is changed."""

from __future__ import annotations

import ast

import pytest

from packages.parts import UnmovableError, moved
from tests.packages.built import PARTS, ROOT

pytestmark = pytest.mark.sources


def in_wheel(source: str) -> str:
    return moved(source.encode(), ("events", "actors"), "pkg").decode()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("from events.names import CallId\n", "from pkg.events.names import CallId\n"),
        ("from  events import names, codec as c\n", "from  pkg.events import names, codec as c\n"),
        ("import events.names as n, os, actors as a", "import pkg.events.names as n, os, pkg.actors as a"),
        (
            "def f():\n    from actors import x; from events import y\n",
            "def f():\n    from pkg.actors import x; from pkg.events import y\n",
        ),
        (
            "from events import (\n    a,  # from events import\n)\n",
            "from pkg.events import (\n    a,  # from events import\n)\n",
        ),
        ("s = 'é'; from events import names", "s = 'é'; from pkg.events import names"),
        (
            "from events import a\r\nfrom events import b\r\n",
            "from pkg.events import a\r\nfrom pkg.events import b\r\n",
        ),
    ],
)
def test_imports_of_parts_are_those_of_subpackages(source: str, wanted: str) -> None:
    assert in_wheel(source) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "from eventsource import x\nfrom . import events\nfrom .events import y\nimport os, eventsource.events\n",
        '"""from events import names"""\nevents = "events.names"\n',
    ],
)
def test_nothing_else_is_changed(source: str) -> None:
    assert in_wheel(source) == source


@pytest.mark.parametrize("source", ["import events", "import events.names", "from \\\n  events import names"])
def test_what_cannot_be_said_otherwise_ends_the_build(source: str) -> None:
    with pytest.raises(UnmovableError, match="line 1: "):
        in_wheel(source)


def test_our_own_sources_differ_in_their_imports_alone() -> None:
    for file in (file for part in (*PARTS, "rtp_relay") for file in (ROOT / part).rglob("*.py")):
        source = file.read_bytes()
        there = ast.parse(moved(source, PARTS, "rtp_relay"))
        for node in ast.walk(there):
            if isinstance(node, ast.ImportFrom):
                assert node.module, file
                assert node.module.partition(".")[0] not in PARTS, file
                first, _, rest = node.module.partition(".")
                if first == "rtp_relay" and rest.partition(".")[0] in PARTS:
                    node.module = rest
        assert ast.dump(there) == ast.dump(ast.parse(source)), file
