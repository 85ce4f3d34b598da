"""The command `rtp-relay web`."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rtp_relay.cli.app import app
from rtp_relay.config import Config, ServiceConfig
from rtp_relay.web.accounts import account_line, who_is
from rtp_relay.web.process import CannotServe, _own_token, token_file

HOST = "127.0.0.1"


def test_a_password_is_asked_for_and_its_hash_printed() -> None:
    result = CliRunner().invoke(app, ["web", "--hash-password"], input="secret words\nsecret words\n")
    assert result.exit_code == 0
    account = account_line(f"ann operate {result.stdout.splitlines()[-1]}")
    assert account is not None
    assert who_is([account], "ann", "secret words") is account


def configured(folder: Path, port: int) -> Path:
    file = folder / "rtp-relay.toml"
    file.write_text(f'[service]\nstate_dir = "{folder}"\n[web]\nlisten = ["{HOST}:{port}"]\n')
    return file


@pytest.mark.parametrize("more", [[], ["--beside-serve"]])
def test_an_address_that_is_taken_is_named(tmp_path: Path, more: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for of_the_process in ("os.nice", "logs.set_up"):  # this one goes on
        monkeypatch.setattr(f"rtp_relay.web.process.{of_the_process}", lambda *_: None)
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        result = CliRunner().invoke(app, ["web", "-c", str(configured(tmp_path, port)), *more])
    assert result.exit_code == 1
    assert f"web.listen {HOST} port {port}: Address already in use" in result.stderr


def test_a_token_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "web-token"
    token = _own_token(file)
    assert _own_token(file) == token
    assert len(token) >= 32
    file.chmod(0o644)
    with pytest.raises(CannotServe, match="mode 0644"):
        _own_token(file)
    file.chmod(0o600)
    file.write_text("\n")
    with pytest.raises(CannotServe, match="holds no token"):
        _own_token(file)


def test_the_token_is_with_the_services_state(tmp_path: Path) -> None:
    assert token_file(Config(service=ServiceConfig(state_dir=tmp_path))) == tmp_path / "web-token"
