"""Who may log in, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways.mi.methods import Role
from rtp_relay.config import ConfigError, parse
from rtp_relay.web.accounts import Account, PlainToken, account_line, hash_of, who_is
from rtp_relay.web.logins import LASTS, MOST, TRIES, TRIES_IN, Logins, Tries

TOKEN = "0123456789abcdef"
ANN = Account("ann", Role.READ, PlainToken(TOKEN))


def test_a_password_is_kept_as_its_hash() -> None:
    line = f"bob operate {hash_of('correct horse')}"
    bob = account_line(line)
    assert bob is not None
    assert "horse" not in line
    assert hash_of("correct horse") not in line
    assert who_is([ANN, bob], "bob", "correct horse") is bob
    assert who_is([ANN, bob], "bob", "wrong horse") is None
    assert who_is([ANN, bob], "", "correct horse") is None


def test_a_token_needs_no_name() -> None:
    assert who_is([ANN], "", TOKEN) is ANN
    assert who_is([ANN], "ann", TOKEN) is ANN
    assert who_is([ANN], "bob", TOKEN) is None
    assert who_is([ANN], "", "") is None
    assert who_is([ANN], "", TOKEN[:-1]) is None


def test_no_secret_is_shown() -> None:
    assert TOKEN not in repr(ANN)


def write(folder: Path, text: str) -> Path:
    file = folder / "logins"
    file.touch(mode=0o600)
    file.write_text(text)
    return folder / "f.toml"


def test_the_login_file(tmp_path: Path) -> None:
    file = write(tmp_path, f"# who may\nann read {TOKEN}\nbob operate {hash_of('x')}\n")
    config = parse('[web]\nlogin_file = "logins"', file)
    assert [(account.name, account.role) for account in config.web.accounts] == [("ann", "read"), ("bob", "operate")]
    assert TOKEN not in repr(config)


@pytest.mark.parametrize("line", ["ann read short", f"ann admin {TOKEN}", "ann read", "bob read scrypt:!:!", "\xff"])
def test_a_line_that_is_none(line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.login_file.*line 1"):
        parse('[web]\nlogin_file = "logins"', write(tmp_path, f"{line}\n"))


def test_a_login_lasts_for_its_time() -> None:
    now = 0.0
    logins = Logins(lambda: now)
    login = logins.begin(ANN)
    assert logins.of(login.key) is login
    assert logins.of("another") is None
    now = LASTS
    assert logins.of(login.key) is None


def test_one_logs_out() -> None:
    logins = Logins(lambda: 0)
    login = logins.begin(ANN)
    logins.end(login.key)
    assert logins.of(login.key) is None


def test_there_is_room_for_so_many() -> None:
    logins = Logins(lambda: 0)
    first = logins.begin(ANN)
    last = [logins.begin(ANN) for _ in range(MOST)][-1]
    assert logins.of(first.key) is None
    assert logins.of(last.key) is last


def test_wrong_secrets_are_counted_by_address() -> None:
    now = 0.0
    tries = Tries(lambda: now)
    for _ in range(TRIES):
        assert not tries.too_many("192.0.2.1")
        tries.failed("192.0.2.1")
    assert tries.too_many("192.0.2.1")
    assert not tries.too_many("192.0.2.2")
    now = TRIES_IN
    assert not tries.too_many("192.0.2.1")
