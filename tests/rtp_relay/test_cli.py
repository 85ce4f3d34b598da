from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from rtp_relay import __version__, demo, process
from rtp_relay.cli.app import app, main
from rtp_relay.cli.exits import Exit
from rtp_relay.compiled import code_in_use
from rtp_relay.config import Config

run = CliRunner().invoke


def test_help_tells_commands_and_exit_codes() -> None:
    result = run(app, ["--help"], env={"COLUMNS": "300"})
    assert result.exit_code == 0
    for word in (
        "serve",
        "check",
        "calls",
        "nodes",
        "history",
        "move",
        "demo",
        "Exit codes: 0 all is well; 1 it failed",
    ):
        assert word in result.output


@pytest.mark.parametrize(
    "command", ["serve", "web", "check", "calls", "nodes", "history", "move", "moves", "rebalance", "demo"]
)
def test_each_command_has_help(command: str) -> None:
    result = run(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_version() -> None:
    result = run(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"rtp-relay {__version__} ({code_in_use()})\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["hist"],
        ["serve", "--nonsense"],
        ["history"],
        ["calls", "--limit", "-1"],
        ["move"],
        ["move", "a-call", "--node", "relay-1"],
        ["move", "--node", "relay-1", "--flags", "{}"],
        ["move", "--node", "relay-1", "--rate", "0"],
        ["replay", "", "--against", "/nowhere"],
        ["replay", "c" * 5000, "--since", "1h", "--against", "/nowhere"],
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str]) -> None:
    assert run(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "TimeoutError"),
        (OSError("gone"), "gone"),
        (FileNotFoundError(2, "No such file", "x.svg"), "x.svg: No such file"),
    ],
)
def test_an_error_without_a_text_is_told_by_its_type(
    error: OSError, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ends(**_: object) -> None:
        raise error

    monkeypatch.setattr("rtp_relay.cli.app.set_up", lambda *_: None)
    monkeypatch.setattr("rtp_relay.cli.app.app", ends)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == Exit.FAILED
    assert capsys.readouterr().err == f"rtp-relay: {said}\n"


@pytest.mark.parametrize("command", ["search", "stats", "calls", "verify", "reconcile", "doctor"])
def test_a_redis_that_hangs_is_told_of(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_: str) -> NoReturn:
        raise TimeoutError

    (tmp_path / "c.toml").write_text(f'[service]\nstate_dir = "{tmp_path}"\n[journal]\nurl = "redis://127.0.0.1:1"\n')
    for module in ("journal", "inspection"):
        monkeypatch.setattr(f"events.redis.{module}.find_topology", hangs)
    said = run(app, [command, "-c", str(tmp_path / "c.toml")]).output
    assert "cannot be reached: TimeoutError" in " ".join(said.split())


def test_it_is_a_module_too() -> None:
    result = subprocess.run([sys.executable, "-m", "rtp_relay", "--version"], capture_output=True, check=True)
    assert result.stdout.decode() == f"rtp-relay {__version__} ({code_in_use()})\n"


def test_the_output_may_be_closed(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f'[service]\nstate_dir = "{tmp_path}"\n[journal]\nurl = "redis://127.0.0.1:1"\n')
    program = [sys.executable, "-m", "rtp_relay", "calls", "-c", str(tmp_path / "c.toml")]
    ended = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *program], capture_output=True, text=True, check=False)
    assert ended.returncode == 4
    assert "Traceback" not in ended.stderr


def test_serve_runs_the_service_with_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.toml").write_text('[service]\nname = "control-1"')
    started: list[tuple[str, Path | None]] = []

    def fake_run(config: Config, file: Path | None) -> int:
        started.append((config.service.name, file))
        return 1

    monkeypatch.setattr(process, "run", fake_run)
    by_option = run(app, ["serve", "-c", str(tmp_path / "c.toml")])
    by_environment = run(app, ["serve"], env={"RTP_RELAY_CONFIG": str(tmp_path / "c.toml")})
    assert (by_option.exit_code, by_environment.exit_code) == (1, 1)
    assert started == [("control-1", tmp_path / "c.toml")] * 2


def test_serve_with_a_wrong_configuration_names_it_and_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[serivce]\nname = 3\n[ng]\nlisten = 3")
    result = run(app, ["serve", "-c", str(tmp_path / "c.toml")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{tmp_path}/c.toml:1: serivce: found an unknown key" in result.stderr
    assert f"{tmp_path}/c.toml:4: ng.listen: found 3" in result.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_demo_ends_as_the_demonstration_says(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "run", lambda door, *, as_json, keep: code + 2 * as_json + 4 * keep + 8 * (door == "ng"))
    assert run(app, ["demo"]).exit_code == code
    assert run(app, ["demo", "--json"]).exit_code == code + 2
    assert run(app, ["demo", "--door", "ng"]).exit_code == code + 8
