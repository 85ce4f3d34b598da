from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rtp_relay.config import ConfigError, parse
from rtp_relay.config.warnings import warnings

SECRET = bytes(range(24))


def test_all_that_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    text = base64.b64encode(SECRET).decode()
    file.write_text(f"whsec_{text}\n{text}\n")
    file.chmod(0o600)
    events = parse(
        '[events]\nwebhook = ["https://x.example/a?token=hidden"]\nwebhook_events = ["answered", "dtmf"]\n'
        'webhook_secret_file = "secrets"\nwebhook_give_up_after = "5m"\n',
        tmp_path / "c.toml",
    ).events
    assert events.webhook == ("https://x.example/a?token=hidden",)
    assert (events.webhook_events, events.webhook_give_up_after) == (("answered", "dtmf"), 300)
    assert events.webhook_secrets == (SECRET, SECRET)
    assert "hidden" not in repr(events)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('webhook = ["ftp://x"]', "a URL such as http://127.0.0.1:8888/path"),
        ('webhook_events = ["answerd"]', "the name of an event: did you mean 'answered'?"),
        ("webhook_events = [3]", "the name of an event"),
    ],
)
def test_what_is_wrong_is_named(line: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        parse(f"[events]\n{line}", tmp_path / "c.toml")
    (problem,) = error.value.problems
    assert (problem.line, problem.expected) == (2, expected)


@pytest.mark.parametrize(("content", "mode"), [("", 0o600), ("c2hvcnQ=", 0o600), ("?" * 40, 0o600), ("A" * 40, 0o644)])
def test_secrets_that_cannot_be_used_are_refused(content: str, mode: int, tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(ConfigError) as error:
        parse('[events]\nwebhook_secret_file = "secrets"', tmp_path / "c.toml")
    assert [problem.key for problem in error.value.problems] == ["events.webhook_secret_file"]


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("", []),
        ('webhook = ["https://x.example"]', ["events.webhook"]),
        ('webhook = ["https://x.example"]\nwebhook_events = ["dtmf"]\ndigits = true', ["events.webhook"]),
        ('webhook = ["http://127.0.0.1:1"]\nwebhook_events = ["dtmf"]\ndigits = true', ["events.webhook"]),
        (
            'webhook = ["http://x.example"]\nwebhook_events = ["dtmf"]\ndigits = true',
            ["events.webhook", "events.digits"],
        ),
        ('webhook = ["http://x.example"]\nwebhook_events = ["dtmf"]', ["events.webhook"]),
    ],
)
def test_what_others_could_forge_or_read_is_warned_of(lines: str, warned: list[str], tmp_path: Path) -> None:
    config = parse(f"[events]\n{lines}", tmp_path / "c.toml")
    assert [line.partition(":")[0] for line in warnings(config)] == warned
