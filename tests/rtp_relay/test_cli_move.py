"""`rtp-relay move`, of one call: where it is then, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rtp_relay.cli.app import app
from rtp_relay.cli.exits import Exit


@pytest.mark.parametrize(("number", "name"), [(0, "default"), (1, "west"), (7, "7"), ("gold", "gold")])
def test_sets_have_the_names_that_they_have_elsewhere(
    number: int | str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text('[sets]\nnumbers = { 1 = "west" }\n')
    told = {"callid": "c1@x", "status": "moved", "node": "n2", "relay": "rtpengine", "set": number}

    def manage(*_: Any) -> dict[str, Any]:
        return told | {"wanted_node_taken": True}

    monkeypatch.setattr("rtp_relay.cli.move.manage", manage)
    result = CliRunner().invoke(app, ["move", "c1@x", "-c", str(tmp_path / "c.toml")])
    assert (result.exit_code, result.stdout) == (0, f"c1@x: moved, to rtpengine node n2 of set {name}\n")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("c1", "--method", "BYE"), "--method"),
        (("c1", "--flags", "x"), "--flags"),
        (("c1", "--flags", '{"callre": {}}'), "--flags"),
        (("c1", "--to", "relay-2", "--rate", "3"), "--rate"),
        (("--node", "relay-1", "--rate", "1000001"), "--rate"),
        (("--node", "relay-1", "--in-flight", "9" * 30), "--in-flight"),
    ],
)
def test_the_option_is_named_that_makes_no_sense(words: tuple[str, ...], option: str) -> None:
    result = CliRunner().invoke(app, ["move", *words])
    assert result.exit_code == Exit.USAGE
    assert option in result.output
    assert "parameter" not in result.output
