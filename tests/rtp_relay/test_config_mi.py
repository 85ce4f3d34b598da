"""[mi]: addresses, tokens, and what is warned of."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways.mi.access import Token
from gateways.mi.methods import Role
from rtp_relay.config import ConfigError, SocketAddress, UnixAddress, parse
from rtp_relay.config.mi import HttpAddress
from rtp_relay.config.warnings import warnings

SECRET = "0123456789abcdef"


def write_tokens(folder: Path, text: str, mode: int = 0o600) -> None:
    file = folder / "tokens"
    file.write_text(text)
    file.chmod(mode)


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, folder / "f.toml")
    return [str(problem) for problem in caught.value.problems]


def test_the_addresses(tmp_path: Path) -> None:
    text = '[mi]\nlisten = ["http:127.0.0.1:8888", "udp:[::1]:8080", "unix:/run/mi.sock"]'
    http, udp, unix = parse(text, tmp_path / "f.toml").mi.listen
    assert http == HttpAddress(SocketAddress("tcp", "127.0.0.1", 8888))
    assert str(http) == "http:127.0.0.1:8888"
    assert udp == SocketAddress("udp", "::1", 8080)
    assert unix == UnixAddress("/run/mi.sock")


@pytest.mark.parametrize(
    "wrong", ["tcp:127.0.0.1:1", "http:localhost:1", "http:127.0.0.1", "unix:mi.sock", "tls:::1:1"]
)
def test_what_is_no_address(wrong: str, tmp_path: Path) -> None:
    (problem,) = problems(f'[mi]\nlisten = ["{wrong}"]', tmp_path)
    assert "mi.listen[0]" in problem
    assert "http:ADDRESS:PORT, udp:ADDRESS:PORT or unix:/PATH" in problem


def test_tokens(tmp_path: Path) -> None:
    write_tokens(tmp_path, f"# who may\n\nalice operate {SECRET}\n  bob   read   {SECRET}x  \n")
    config = parse('[mi]\ntoken_file = "tokens"', tmp_path / "f.toml")
    assert config.mi.tokens == (
        Token(name="alice", role=Role.OPERATE, secret=SECRET),
        Token(name="bob", role=Role.READ, secret=f"{SECRET}x"),
    )
    assert SECRET not in repr(config)


@pytest.mark.parametrize(
    "line", ["alice operate", f"alice admin {SECRET}", "alice read short", f"read {SECRET}", "\xff"]
)
def test_a_line_that_is_no_token_is_named_and_not_shown(line: str, tmp_path: Path) -> None:
    write_tokens(tmp_path, f"bob read {SECRET}\n{line}\n")
    (problem,) = problems('[mi]\ntoken_file = "tokens"', tmp_path)
    assert "line 2" in problem
    assert SECRET not in problem


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    write_tokens(tmp_path, f"bob read {SECRET}\n", 0o644)
    (problem,) = problems('[mi]\ntoken_file = "tokens"', tmp_path)
    assert "0644" in problem


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        ('allow = ["10.0.0.0/8"]', True),
        ('allow = ["10.0.0.0/8"]\nrole = "read"', False),
        ('allow = ["127.0.0.0/8"]', False),
        ("", False),
    ],
)
def test_strangers_that_may_change_things_are_warned_of(keys: str, warned: bool, tmp_path: Path) -> None:
    config = parse(f'[mi]\nlisten = ["http:127.0.0.1:0"]\n{keys}', tmp_path / "f.toml")
    assert any("mi.allow" in line for line in warnings(config)) == warned
