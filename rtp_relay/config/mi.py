"""[mi]: the management interface."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateways.mi.access import Token
from gateways.mi.methods import Role
from rtp_relay.config import values
from rtp_relay.config.addresses import Network, SocketAddress, UnixAddress, listen_address, network
from rtp_relay.config.key_files import read_private
from rtp_relay.config.problems import ConfigFault, Wrong, wrong
from rtp_relay.config.values import Reader

EXPECTED = (
    "a file with a line NAME ROLE TOKEN for each token; the role is read or operate, the token 16 characters or more"
)

_TOKEN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)\s+(?P<role>read|operate)\s+(?P<secret>[!-~]{16,})")


@dataclass(frozen=True, slots=True)
class HttpAddress:
    """Where HTTP requests are taken."""

    address: SocketAddress

    def __str__(self) -> str:
        return f"http:{str(self.address).partition(':')[2]}"


MiAddress = HttpAddress | SocketAddress | UnixAddress


def mi_address(value: object) -> MiAddress:
    """Read where management requests are taken: http:ADDRESS:PORT, udp:ADDRESS:PORT or unix:/PATH."""
    expected = "http:ADDRESS:PORT, udp:ADDRESS:PORT or unix:/PATH (an IPv6 address in brackets)"
    if not isinstance(value, str) or value.startswith("tcp:"):
        raise wrong(value, expected)
    if value.startswith("unix:/"):
        return UnixAddress(value.removeprefix("unix:"))
    try:
        address = listen_address(re.sub("^http:", "tcp:", value))
    except Wrong:
        raise wrong(value, expected) from None
    return HttpAddress(address) if address.transport == "tcp" else address


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class MiConfig:
    """[mi]: the management interface, which there is where it listens somewhere. tokens: what token_file holds.

    socket: the local socket, None for the usual one (Config.local_socket).
    """

    listen: tuple[MiAddress, ...] = field(default=(), metadata=_read_by(values.list_of(mi_address)))
    allow: tuple[Network, ...] = field(
        default=(network("127.0.0.0/8"), network("::1/128")), metadata=_read_by(values.list_of(network))
    )
    role: Role = field(default=Role.OPERATE, metadata=_read_by(values.one_of(Role)))
    token_file: Path | None = field(default=None, metadata=_read_by(values.path))
    socket: Path | None = field(default=None, metadata=_read_by(values.path))
    pretty: bool = field(default=False, metadata=_read_by(values.boolean))
    tokens: tuple[Token, ...] = field(default=(), repr=False)


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Read the tokens in a file. Raises Wrong, which never shows what the file holds."""
    content = read_private(path, EXPECTED)
    return tuple(_tokens(content, path))


def _tokens(content: bytes, path: Path) -> Iterator[Token]:
    for number, line in enumerate(content.decode("ascii", "replace").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = _TOKEN.fullmatch(text)
        if found is None:
            raise Wrong(ConfigFault(f"{str(path)!r}, whose line {number} says something else", EXPECTED))
        yield Token(name=found["name"], role=Role(found["role"]), secret=found["secret"])
