"""What is taken of a configuration that is read anew while the service runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from rtp_relay.assembly.reloading import nodes_again
from rtp_relay.config import load

NODE = '[[nodes]]\nname = "{0}"\nengine = "rtpengine"\nurl = "udp:192.0.2.{1}:2223"\n'
TWO = NODE.format("one", 1) + NODE.format("two", 2)


def read(tmp_path: Path, before: str, after: str) -> tuple[list[str] | None, list[str]]:
    """Return the names of the nodes that are taken, None if they stay, and what the log says."""
    file = tmp_path / "c.toml"
    file.write_text(before)
    running = load(file)
    file.write_text(after)
    with capture_logs() as logged:
        nodes = nodes_again(file, running)
    return None if nodes is None else [node.name for node in nodes], [line["event"] for line in logged]


def test_other_nodes_are_taken(tmp_path: Path) -> None:
    assert read(tmp_path, TWO, NODE.format("three", 3)) == (["three"], [])
    assert read(tmp_path, TWO, TWO) == (["one", "two"], [])


@pytest.mark.parametrize("after", ["[[nodes]]\n", "x = ", '[ng]\nset = "nobody"\n' + TWO])
def test_a_file_with_a_mistake_changes_nothing(tmp_path: Path, after: str) -> None:
    assert read(tmp_path, TWO, after) == (None, ["configuration not reloaded"])


def test_a_file_that_is_gone_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(TWO)
    running = load(file)
    file.unlink()
    assert nodes_again(file, running) is None
    assert nodes_again(None, running) is None


def test_other_sections_wait_for_the_next_start(tmp_path: Path) -> None:
    after = "[calls]\noffer_timeout = 60\n" + TWO
    assert read(tmp_path, TWO, after) == (["one", "two"], ["these sections are taken at the next start"])


@pytest.mark.parametrize(("before", "after"), [("", TWO), (TWO, "")])
def test_embedded_relays_are_not_replaced_by_configured_ones_nor_these_by_them(
    tmp_path: Path, before: str, after: str
) -> None:
    nodes, said = read(tmp_path, before, after)
    assert nodes is None
    assert said == ["nodes in place of the embedded relays, or the reverse, are taken at the next start"]


def test_without_nodes_there_is_nothing_to_take(tmp_path: Path) -> None:
    assert read(tmp_path, "", "") == (None, [])
