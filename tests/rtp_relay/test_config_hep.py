from __future__ import annotations

from pathlib import Path

import pytest

from rtp_relay.config import ConfigError, SocketAddress, parse
from rtp_relay.config.hep import CapturedKind


def test_all_that_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "hep.key"
    file.write_bytes(b"let me in\n")
    file.chmod(0o600)
    text = '[hep]\ncollectors = ["udp:homer.example:9060", "tcp:[::1]:9061"]\ncapture = ["ng"]\nkey_file = "hep.key"'
    hep = parse(text, tmp_path / "rtp-relay.toml").hep
    assert hep.collectors == (SocketAddress("udp", "homer.example", 9060), SocketAddress("tcp", "::1", 9061))
    assert (hep.capture, hep.key) == ((CapturedKind.NG,), b"let me in")
    assert "let me in" not in repr(hep)


@pytest.mark.parametrize(
    ("line", "found", "expected"),
    [
        ('collectors = ["udp:h"]', "'udp:h'", "udp:HOST:PORT or tcp:HOST:PORT (an IPv6 address in brackets)"),
        ('collectors = ["tls:h:1"]', "'tls:h:1'", "udp:HOST:PORT or tcp:HOST:PORT (an IPv6 address in brackets)"),
        ('capture = ["rtp"]', "'rtp'", "one of sip, ng, events, quality"),
        ("capture_id = 4294967296", "4294967296", "a whole number from 0 to 4294967295"),
        ("max_waiting = 0", "0", "a whole number, 1 or more"),
    ],
)
def test_what_is_wrong_is_named(line: str, found: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        parse(f"[hep]\n{line}", tmp_path / "c.toml")
    (problem,) = error.value.problems
    assert (problem.line, problem.found, problem.expected) == (2, found, expected)


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"a\nb", 0o600), (b"secret", 0o644)])
def test_a_key_that_cannot_be_used_is_refused_and_not_shown(content: bytes, mode: int, tmp_path: Path) -> None:
    file = tmp_path / "hep.key"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(ConfigError) as error:
        parse('[hep]\nkey_file = "hep.key"', tmp_path / "c.toml")
    assert [problem.key for problem in error.value.problems] == ["hep.key_file"]
    assert "secret" not in str(error.value)
