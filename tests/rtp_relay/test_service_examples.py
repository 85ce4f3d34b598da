"""The examples and the README say what works."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from rtp_relay.cli.app import app

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "rtp-relay.toml"
UNIT = ROOT / "examples" / "systemd" / "rtp-relay.service"


def test_the_example_configuration_is_right() -> None:
    result = CliRunner().invoke(app, ["check", "-c", str(EXAMPLE)])
    assert (result.exit_code, result.stderr) == (0, "")


def test_the_example_configuration_is_right_with_its_keys(tmp_path: Path) -> None:
    """What stands behind a comment sign is right too."""
    (tmp_path / "2026.key").touch(mode=0o600)
    (tmp_path / "2026.key").write_text("ab" * 32)
    text, count = re.subn(
        r"^# (encryption_key_files = ).*", rf'\1["{tmp_path}/2026.key"]', EXAMPLE.read_text(), flags=re.MULTILINE
    )
    assert count == 1
    (tmp_path / "c.toml").write_text(text)
    assert CliRunner().invoke(app, ["check", "-c", str(tmp_path / "c.toml")]).exit_code == 0


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/rtp-relay/bin/rtp-relay", "/bin/true"))
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_unit_starts_commands_that_there_are() -> None:
    commands = re.findall(r"^ExecStart(?:Pre)?=\S+/rtp-relay (\w+) ", UNIT.read_text(), flags=re.MULTILINE)
    assert commands == ["check", "serve"]
    for command in commands:
        assert CliRunner().invoke(app, [command, "--help"]).exit_code == 0


def test_the_readme_names_all_commands() -> None:
    section = (ROOT / "README.md").read_text().split("## Commands\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", section, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    groups = {group.name or "": group.typer_instance for group in app.registered_groups}
    commands = _names(app) | groups.keys()
    assert commands <= named <= commands.union(*(_names(group) for group in groups.values() if group))


def _names(group: typer.Typer) -> set[str]:
    return {command.name or command.callback.__name__ for command in group.registered_commands if command.callback}
