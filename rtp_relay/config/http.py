"""[http]: the HTTP server of the control node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rtp_relay.config import values
from rtp_relay.config.addresses import Network, SocketAddress, listen_address, network
from rtp_relay.config.problems import Wrong, wrong
from rtp_relay.config.values import Reader

USUAL = SocketAddress("tcp", "127.0.0.1", 9223)
"""Where it listens if nothing is said."""


def http_address(value: object) -> SocketAddress:
    """Read where HTTP requests are taken: ADDRESS:PORT."""
    expected = "ADDRESS:PORT (an IPv6 address in brackets)"
    if not isinstance(value, str):
        raise wrong(value, expected)
    try:
        return listen_address(f"tcp:{value}")
    except Wrong:
        raise wrong(value, expected) from None


def _read_by(reader: Reader[Any]) -> Mapping[str, Reader[Any]]:
    return {"read": reader}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """[http]: health and metrics. listen: None for the usual address, if it can be had."""

    listen: tuple[SocketAddress, ...] | None = field(default=None, metadata=_read_by(values.list_of(http_address)))
    allow: tuple[Network, ...] = field(
        default=(network("127.0.0.0/8"), network("::1/128")), metadata=_read_by(values.list_of(network))
    )

    @property
    def addresses(self) -> tuple[SocketAddress, ...]:
        """Where it is to listen."""
        return (USUAL,) if self.listen is None else self.listen
