"""The route engine in the configuration: the script is checked, run, and its functions are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.names import CallId, NodeName, Tag
from rtp_relay.assembly.errors import UnusableError
from rtp_relay.assembly.nodes import open_nodes
from rtp_relay.assembly.script import load_routes
from rtp_relay.config import ConfigError, EngineName, NodeConfig, RouteConfig, UnixAddress, parse

SCRIPT = """\
from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Kept:
    sdp: bytes


def rtp_relay_offer(call):
    return Kept(call["body"]).sdp.upper()


def own_delete(call):
    return 'deleted'
"""


def problem(text: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as error:
        parse(text, folder / "relay.toml")
    (found,) = error.value.problems
    return str(found).removeprefix(f"{folder}/")


def config(folder: Path, script: str, **names: Any) -> RouteConfig:
    (folder / "script.py").write_text(script)
    return RouteConfig(script=folder / "script.py", **names)


def test_a_script_is_found_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    read = parse('[route]\nscript = "script.py"\ndelete = "own_delete"\ntimeout = "2s"\n', tmp_path / "relay.toml")
    assert read.route == RouteConfig(script=tmp_path / "script.py", delete="own_delete", timeout=2.0)


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = problem('[route]\nscript = "script.py"\n', tmp_path)
    missing = f"'{tmp_path}/script.py' (No such file or directory)"
    assert found == f"relay.toml:2: route.script: found {missing}, expected a Python file"


def test_the_line_of_a_syntax_error_is_named(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("x = 1\ndef broken(:\n")
    found = problem('[route]\nscript = "script.py"\n', tmp_path)
    assert found.startswith(f"relay.toml:2: route.script: found a syntax error in {tmp_path}/script.py:2 (")


def test_a_script_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_bytes(b"x = 1\0")
    assert "route.script: found" in problem('[route]\nscript = "script.py"\n', tmp_path)


def test_a_function_has_a_functions_name(tmp_path: Path) -> None:
    found = problem('[route]\noffer = "my offer"\n', tmp_path)
    assert found == "relay.toml:2: route.offer: found 'my offer', expected the name of a Python function"


def test_no_other_node_has_the_name_of_the_route_engines(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    nodes = '[[nodes]]\nname = "route"\nengine = "rtpengine"\nurl = "udp:127.0.0.1:2223"\n'
    parse(nodes, tmp_path / "relay.toml")
    assert problem(nodes + '[route]\nscript = "script.py"\n', tmp_path).startswith("relay.toml:2: nodes[0].name: found")


def test_the_functions_of_a_script_are_taken(tmp_path: Path) -> None:
    routes = load_routes(config(tmp_path, SCRIPT, delete="own_delete"))
    assert routes is not None
    assert routes.offer is not None
    assert (
        routes.offer({"callid": CallId("c"), "from_tag": Tag("A"), "branch": -1, "set": "s", "body": b"v=0"}) == b"V=0"
    )
    assert routes.delete is not None
    assert routes.answer is None


def test_without_a_script_there_is_no_route_engine() -> None:
    assert load_routes(RouteConfig()) is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("x = 1\n\nraise ValueError('why')\n", "line 3: ValueError: why"),
        ("def f():\n    return 1 / 0\nf()\n", "line 2: ZeroDivisionError: division by zero"),
        ("rtp_relay_answer = 3\n", "route answer: expected a function rtp_relay_answer, but it is int"),
    ],
)
def test_a_script_that_fails_keeps_the_service_from_starting(tmp_path: Path, script: str, why: str) -> None:
    with pytest.raises(UnusableError) as error:
        load_routes(config(tmp_path, script))
    assert str(error.value) == f"route.script {tmp_path}/script.py: {why}"


def test_a_function_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="route offer: expected a function mine, but there is none"):
        load_routes(config(tmp_path, SCRIPT, offer="mine"))


async def test_a_node_that_takes_the_route_engines_name_keeps_the_service_from_starting(tmp_path: Path) -> None:
    routes = load_routes(config(tmp_path, SCRIPT))
    node = NodeConfig(name=NodeName("route"), engine=EngineName.RTPPROXY, url=UnixAddress("/nowhere"))
    with pytest.raises(UnusableError, match=r"a node of \[\[nodes\]\] is named route"):
        async with open_nodes((node,), routes):
            raise AssertionError
