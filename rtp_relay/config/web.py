"""[web]: the operator's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from rtp_relay.config import values
from rtp_relay.config.addresses import SocketAddress
from rtp_relay.config.http import http_address
from rtp_relay.config.key_files import read_private
from rtp_relay.config.problems import ConfigFault, Wrong
from rtp_relay.config.values import Reader
from rtp_relay.web.accounts import LEAST_TOKEN, Account, account_line

EXPECTED = (
    "a file with a line NAME ROLE SECRET for each who may log in; the role is read or operate, the secret a token of"
    f" {LEAST_TOKEN} characters or more, or what rtp-relay web --hash-password printed"
)


class Beside(StrEnum):
    """Whether `serve` runs the page, too: where Redis and relays are embedded, in any case, or never."""

    EMBEDDED = "embedded"
    ALWAYS = "always"
    NEVER = "never"


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """[web]: the operator's page. accounts: what login_file holds. hosts: names that the page is reached by."""

    listen: tuple[SocketAddress, ...] = field(
        default=(SocketAddress("tcp", "127.0.0.1", 8080),), metadata=_read_by(values.list_of(http_address))
    )
    beside_serve: Beside = field(default=Beside.EMBEDDED, metadata=_read_by(values.one_of(Beside)))
    login_file: Path | None = field(default=None, metadata=_read_by(values.path))
    hosts: tuple[str, ...] = field(default=(), metadata=_read_by(values.list_of(values.name)))
    https: bool = field(default=False, metadata=_read_by(values.boolean))
    accounts: tuple[Account, ...] = field(default=(), repr=False)


def read_accounts(path: Path) -> tuple[Account, ...]:
    """Read who may log in. Raises Wrong, which never shows what the file holds."""
    return tuple(_accounts(read_private(path, EXPECTED), path))


def _accounts(content: bytes, path: Path) -> Iterator[Account]:
    for number, line in enumerate(content.decode("ascii", "replace").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        account = account_line(text)
        if account is None:
            raise Wrong(ConfigFault(f"{str(path)!r}, whose line {number} says something else", EXPECTED))
        yield account
