"""The border to connections that other processes have, which listen on the same addresses."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from gateways.sip.addresses import SipTransport
from gateways.sip.transport.settings import Failed

ConnectionKey: TypeAlias = tuple[SipTransport, str, int, str]
"""What tells connections apart: transport, the peer's host and port, and the name that it has proved ("" for none)."""


class SharedConnections(Protocol):
    """The connections of the others, who are told of our own."""

    def has(self, key: ConnectionKey) -> bool:
        """Whether one of them has a connection."""

    def send(self, key: ConnectionKey, data: bytes, failed: Failed) -> bool:
        """Send a message through it; return False if none of them has it. `failed` is called later."""

    def opened(self, key: ConnectionKey) -> None:
        """Tell them of a connection of ours."""

    def closed(self, key: ConnectionKey) -> None:
        """Tell them that it is gone."""
